import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import {
  type Builder,
  coverage,
  linear,
  mae,
  pinball,
  pipeline,
  quantiles,
  regression,
  rmse,
  trees,
} from '../../lib/definition/index.ts'
import { describeCheck } from '../../lib/formats/check.ts'
import type { CodeRef, Plan } from '../../lib/formats/plan.ts'
import { stepMaterial } from '../../lib/formats/step-key.ts'

const code: CodeRef = { name: 'f', file: 'f.ts', digest: `sha256:${'c'.repeat(64)}`, host: {} }
const Home = z.object({ id: z.int(), area: z.number(), price: z.number(), rent: z.number(), side: z.string() })
const features = ({ area }: { area: Float64Array }) => ({ area })

const planOf = (define: (p: Builder, options: ReturnType<typeof common>) => void): Plan =>
  pipeline('homes', (p) => define(p, common(p))).compile(() => code)
function common(p: Builder) {
  const rows = p.snapshot('rows', { from: 'rows.parquet', schema: Home })
  const on = p.split(rows, { byHashOf: 'id', validation: 0.2, test: 0.2 })
  return { on, features, learner: trees(), seed: 1 }
}
const trained = (options: object): Plan =>
  planOf((p, given) => {
    p.package(p.train('model', { ...given, target: regression(['price', 'rent']), ...options } as never))
  })
const stepIn = (plan: Plan) =>
  plan.steps.find(({ kind }) => kind === 'train') as Extract<Plan['steps'][number], { kind: 'train' }>
const inKey = (options: object) => stepMaterial(stepIn(trained(options)), {}, {}).params as Record<string, unknown>
const gatesOf = (plan: Plan): string[] =>
  plan.steps.flatMap((step) => (step.kind === 'gate' ? step.must.map(describeCheck) : []))

describe('several targets, and several quantiles of one, in a plan', () => {
  it('are columns that features do not see, and are in the key of the step', () => {
    const step = stepIn(trained({}))
    expect(step.target).toEqual({ column: 'price', columns: ['price', 'rent'] })
    expect(step.inputs.map(({ name }) => name)).toEqual(['id', 'area', 'side'])
    expect(inKey({})).toMatchObject({ target: 'price', targets: ['price', 'rent'] })
    expect(inKey({ target: quantiles('rent', [0.1, 0.9]) })).toMatchObject({ target: 'rent', levels: [0.1, 0.9] })
  })

  it('a plan of one number has neither', () => {
    expect(stepIn(trained({ target: regression('price') })).target).toEqual({ column: 'price' })
    const one = inKey({ target: regression('price') })
    expect(Object.keys(one).filter((name) => ['targets', 'levels', 'columns'].includes(name))).toEqual([])
  })

  it('are compared with the champion by all of their numbers, also where the first gate is of one', () => {
    const priced = planOf((p, given) => {
      const candidate = p.package(p.train('model', { ...given, target: regression(['price', 'rent']) }))
      p.gate(candidate, { on: given.on.test, must: [mae.of('rent').atMost(3)] })
    })
    expect(gatesOf(priced)).toEqual(['mae.rent ≤ 3', 'mae not worse than champion by 1 % of its value (90 %), default'])
    const late = planOf((p, given) => {
      const candidate = p.package(p.train('model', { ...given, target: quantiles('rent', [0.1, 0.9]) }))
      p.gate(candidate, { on: given.on.test, must: [coverage.of(0.9).atLeast(0.8), pinball.of(0.1).atMost(1)] })
    })
    expect(gatesOf(late).at(-1)).toBe('pinball not worse than champion by 1 % of its value (90 %), default')
  })

  it.each([
    [{ target: regression(['price', 'price']) }, 'has the target "price" twice'],
    [{ target: regression(['price', 'garden'] as never) }, 'is no column: "garden"'],
    [{ weight: 'rent' }, '"rent" is both the target and the weight'],
    [{ crosses: [['area']] }, 'several targets have no one mean label'],
    [{ target: quantiles('rent', [0.9, 0.1]) }, 'has the quantiles 0.9, 0.1'],
    [{ target: quantiles('rent', [0.1, 1]) }, 'has the quantiles 0.1, 1'],
    [{ target: quantiles('rent', [0.5] as never) }, 'has the quantiles 0.5'],
    [{ target: quantiles('rent', [0.1, 0.9]), learner: linear() }, 'which a linear model does not learn'],
    [{ learner: trees({ quantile: 0.5 }) }, 'has trees of one quantile, and several numbers'],
  ])('%j is refused, and says why', (options, message) => {
    expect(() => trained(options)).toThrow(message)
  })

  it.each(['explain', 'optimise'] as const)('%s is refused by name', (option) => {
    const given = option === 'explain' ? { explain: true } : { optimise: { fuse: true } }
    expect(() =>
      planOf((p, options) => {
        p.package(p.train('model', { ...options, target: regression(['price', 'rent']) }), given)
      }),
    ).toThrow(`p.package says ${option}, and the model answers several numbers a row: price, rent`)
  })

  it('a gate about a number that the model does not answer is refused', () => {
    const gated = (target: object, must: readonly object[]) => () =>
      planOf((p, given) => {
        const candidate = p.package(p.train('model', { ...given, target } as never))
        p.gate(candidate, { on: given.on.test, must } as never)
      })
    expect(gated(regression(['price', 'rent']), [rmse.of('area').atMost(1)])).toThrow('a gate is about "area"')
    expect(gated(regression('price'), [rmse.of('price').atMost(1)])).toThrow('a gate is about "price"')
    expect(gated(quantiles('rent', [0.1, 0.9]), [pinball.of(0.5).atMost(1)])).toThrow('a gate is about "0.5"')
    const watched = () =>
      planOf((p, given) => {
        const candidate = p.package(p.train('model', { ...given, target: regression(['price', 'rent']) }))
        const live = p.deploy(candidate, { endpoint: 'homes', allAtOnce: true })
        p.monitor(live, { every: '1d', quality: rmse.of('area').above(1) })
      })
    expect(watched).toThrow('a rule of a monitor is about "area"')
  })
})

/** Never run. */
const wrong = (p: Builder): void => {
  const given = common(p)
  const both = ({ area, rent }: { area: Float64Array; rent: Float64Array }) => ({ area, rent })
  // @ts-expect-error a target is no feature
  p.train('a', { ...given, features: both, target: regression(['price', 'rent']) })
  // @ts-expect-error a text is no number
  p.train('b', { ...given, target: regression(['price', 'side']) })
  // @ts-expect-error one is not several
  p.train('c', { ...given, target: regression(['price']) })
  const candidate = p.package(p.train('d', { ...given, target: quantiles('price', [0.1, 0.9]) }))
  // @ts-expect-error a mean error is none of quantiles
  p.gate(candidate, { on: given.on.test, must: [rmse.atMost(1)] })
  // @ts-expect-error levels are numbers
  p.gate(candidate, { on: given.on.test, must: [pinball.of('0.1').atMost(1)] })
}

it('what does not fit the columns or the task does not compile', () => {
  expect(wrong).toBeTypeOf('function')
})
