import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import {
  auc,
  type Builder,
  linear,
  metric,
  ndcg,
  pipeline,
  ranking,
  regression,
  trees,
} from '../../lib/definition/index.ts'
import { describeCheck } from '../../lib/formats/check.ts'
import type { CodeRef, Plan, StepOf } from '../../lib/formats/plan.ts'
import { stepMaterial } from '../../lib/formats/step-key.ts'

const code: CodeRef = { name: 'f', file: 'f.ts', digest: `sha256:${'c'.repeat(64)}`, host: {} }
const Item = z.object({ query: z.string(), seen: z.date(), fit: z.number(), relevance: z.int(), kind: z.string() })
const features = ({ fit }: { fit: Float64Array }) => ({ fit })
const whole = { byHashOf: 'query', validation: 0.2, test: 0.2 } as const
const target = ranking('relevance', { by: 'query' })

const planOf = (define: (p: Builder, on: ReturnType<typeof partsOf>) => void, split: object = whole): Plan =>
  pipeline('items', (p) => define(p, partsOf(p, split))).compile(() => code)
const partsOf = (p: Builder, split: object) =>
  p.split(p.snapshot('items', { from: 'items.parquet', schema: Item }), split as typeof whole)
const trained = (options: object = {}, split?: object): Plan =>
  planOf((p, on) => {
    p.package(p.train('order', { on, features, target, learner: trees(), seed: 1, ...options } as never))
  }, split)
const trainIn = (plan: Plan) => plan.steps.find(({ kind }) => kind === 'train') as StepOf<'train'>

describe('a ranking in a plan', () => {
  it('names its group, which no feature sees, and which is in the key of the step', () => {
    const step = trainIn(trained())
    expect(step.target).toEqual({ column: 'relevance', group: 'query' })
    expect(step.inputs.map(({ name }) => name)).toEqual(['seen', 'fit', 'kind'])
    expect(stepMaterial(step, {}, {}).params).toMatchObject({ target: 'relevance', group: 'query' })
    const other = trainIn(trained({ target: regression('relevance') }))
    expect(other.target).toEqual({ column: 'relevance' })
    expect(stepMaterial(other, {}, {}).params).not.toHaveProperty('group')
  })

  it('is compared with the champion by NDCG where no gate says otherwise', () => {
    const plan = planOf((p, on) => {
      const candidate = p.package(p.train('order', { on, features, target, learner: trees(), seed: 1 }))
      p.gate(candidate, { on: on.test, must: [ndcg.at(5).atLeast(0.5)] })
    })
    const checks = plan.steps.flatMap((step) => (step.kind === 'gate' ? step.must.map(describeCheck) : []))
    expect(checks).toContain('ndcg@5 not worse than champion by 1 % of its value (90 %), default')
  })

  it('does not compile with a metric of another task, a feature of its group, or a time for a group', () => {
    const typed = (p: Builder, on: ReturnType<typeof partsOf>): void => {
      const candidate = p.package(p.train('order', { on, features, target, learner: trees(), seed: 1 }))
      // @ts-expect-error a ranking is no yes/no model
      p.gate(candidate, { on: on.test, must: [auc.atLeast(0.5)] })
      const seeing = ({ query }: { query: readonly (string | null)[] }) => ({ fit: query.map(String) })
      // @ts-expect-error features do not see the group
      p.train('seeing', { on, features: seeing, target, learner: trees(), seed: 1 })
      // @ts-expect-error a group is named by texts or whole numbers
      p.train('dated', { on, features, target: ranking('relevance', { by: 'seen' }), learner: trees(), seed: 1 })
    }
    expect(typed).toBeTypeOf('function')
  })

  it.each([
    ['at random', { random: { validation: 0.2, test: 0.2 } }],
    ['stratified by kind', { stratifiedBy: 'kind', validation: 0.2, test: 0.2 }],
  ])('is refused where the split tears groups apart: %s', (how, split) => {
    expect(() => trained({}, split)).toThrow(`its split tears such groups apart: it is ${how}`)
  })

  it('may be split by time, which training looks at', () => {
    expect(trainIn(trained({}, { by: 'seen', test: '7d', validation: '7d' })).target.group).toBe('query')
  })

  it.each([
    [{ target: ranking('relevance', { by: 'kinds' }) }, 'the group of "order" is no column: "kinds"'],
    [{ target: ranking('relevance', { by: 'seen' }) }, 'the group of "order" is a timestamp column'],
    [{ target: ranking('relevance', { by: 'relevance' }) }, '"relevance" is both the group and the target'],
    [{ learner: linear() }, 'the learner of "order" does not rank'],
  ])('refuses %o', (options, message) => {
    expect(() => trained(options)).toThrow(message)
  })

  it('compares by no metric of one’s own: drawn groups could not be told apart in it', () => {
    const own = metric('reach', (predictions) => predictions.length, { better: 'larger' })
    const held = (gate: object) =>
      planOf((p, on) => {
        const candidate = p.package(p.train('order', { on, features, target, learner: trees(), seed: 1 }))
        p.gate(candidate, { on: on.test, must: [gate as never] })
      })
    expect(() => held(own.atLeast(1))).not.toThrow()
    expect(() => held(own.notWorseThan('champion', { by: 1 }))).toThrow('rankings are compared by drawing groups')
  })
})
