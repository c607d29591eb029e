import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import {
  auc,
  type Builder,
  binary,
  brier,
  calibrationError,
  mae,
  pipeline,
  recall,
  regression,
  rmse,
  size,
  slice,
  trees,
} from '../../lib/definition/index.ts'
import { describeCheck } from '../../lib/formats/check.ts'
import type { CodeRef, Plan } from '../../lib/formats/plan.ts'
import { stepMaterial } from '../../lib/formats/step-key.ts'
import { digestOfPlan } from '../../lib/store/plans.ts'
import { stepKeyOf } from '../../lib/store/steps.ts'
import { samplePlan } from '../support/plans.ts'

const code: CodeRef = { name: 'f', file: 'f.ts', digest: `sha256:${'c'.repeat(64)}`, host: {} }
const Row = z.object({ id: z.int(), x: z.number(), y: z.int(), g: z.string() })

const planOf = (define: (p: Builder) => void): Plan => pipeline('sample', define).compile(() => code)
const partsOf = (p: Builder) =>
  p.split(p.snapshot('rows', { from: 'rows.parquet', schema: Row }), { byHashOf: 'id', validation: 0.2, test: 0.2 })
const common = { features: ({ x }: { x: Float64Array }) => ({ x }), learner: trees(), seed: 1 }
const late = (y: Float64Array) => Uint8Array.from(y)

function classifier(p: Builder) {
  const parts = partsOf(p)
  return { parts, candidate: p.package(p.train('model', { ...common, on: parts, target: binary('y', late) })) }
}
function regressor(p: Builder) {
  const parts = partsOf(p)
  return { parts, candidate: p.package(p.train('model', { ...common, on: parts, target: regression('y') })) }
}
const gatesOf = (plan: Plan): string[] =>
  plan.steps.flatMap((step) => (step.kind === 'gate' ? step.must.map(describeCheck) : []))
const kindsOf = (plan: Plan): string[] => plan.steps.map(({ kind }) => kind)
const byDefault = (metric: string): string => `${metric} not worse than champion by 1 % of its value (90 %), default`

describe('a pipeline compares with the champion unless it says otherwise', () => {
  it('by the metric of its first gate, at the end of that gate', () => {
    const plan = planOf((p) => {
      const { parts, candidate } = classifier(p)
      p.gate(candidate, { on: parts.validation, must: [brier.atMost(0.2), auc.atLeast(0.6)] })
      p.gate(candidate, { on: parts.test, must: [auc.atLeast(0.6)] })
    })
    expect(gatesOf(plan)).toEqual(['brier ≤ 0.2', 'auc ≥ 0.6', byDefault('brier'), 'auc ≥ 0.6'])
  })

  it('on all rows, where the first gate is of slices', () => {
    const plan = planOf((p) => {
      const { parts, candidate } = classifier(p)
      p.gate(candidate, { on: parts.test, must: [slice('g', auc.atLeast(0.5))] })
    })
    expect(gatesOf(plan)).toEqual(['auc ≥ 0.5 for each g', byDefault('auc')])
  })

  it('by log loss or RMSE, where the first gate does not say how good a model is', () => {
    for (const first of [size.atMost(1e6), calibrationError.atMost(0.1), recall.atLeast(0.5)]) {
      const plan = planOf((p) => {
        const { parts, candidate } = classifier(p)
        p.gate(candidate, { on: parts.test, must: [first, auc.atLeast(0.6)] })
      })
      expect(gatesOf(plan).at(-1)).toBe(byDefault('logLoss'))
    }
    const regressed = planOf((p) => {
      const { parts, candidate } = regressor(p)
      p.gate(candidate, { on: parts.test, must: [size.atMost(1e6), mae.atMost(3)] })
    })
    expect(gatesOf(regressed).at(-1)).toBe(byDefault('rmse'))
  })

  it('in a gate of its own on the test rows, where it has none, before anybody is asked', () => {
    for (const [make, metric] of [
      [classifier, 'logLoss'],
      [regressor, 'rmse'],
    ] as const) {
      const plan = planOf((p) =>
        p.approve(make(p).candidate as never, { role: 'r', within: '1h', otherwise: 'reject' }),
      )
      expect(kindsOf(plan)).toEqual([
        'snapshot',
        'split',
        'train',
        'package',
        'evaluate',
        'gate',
        'approve',
        'register',
      ])
      expect(gatesOf(plan)).toEqual([byDefault(metric)])
      expect(plan.steps.find(({ kind }) => kind === 'evaluate')).toMatchObject({ part: 'test' })
    }
    const empty = planOf((p) => {
      const { parts, candidate } = classifier(p)
      p.gate(candidate, { on: parts.validation, must: [] })
    })
    expect(gatesOf(empty)).toEqual([byDefault('logLoss')])
  })

  it('each package of it, with steps of different names', () => {
    const plan = planOf((p) => {
      const { parts } = classifier(p)
      p.package(p.train('other', { ...common, on: parts, target: regression('y') }))
    })
    expect(gatesOf(plan)).toEqual([byDefault('logLoss'), byDefault('rmse')])
    expect(plan.steps.map(({ id }) => id)).toEqual(expect.arrayContaining(['evaluate', 'gate', 'evaluate-2', 'gate-2']))
  })

  it('and nothing is added where a gate compares already, by slices too, in any of its gates', () => {
    for (const own of [
      auc.notWorseThan('champion', { by: 0.01 }),
      slice('g', auc.notWorseThan('champion', { by: 1 })),
    ]) {
      const plan = planOf((p) => {
        const { parts, candidate } = classifier(p)
        p.gate(candidate, { on: parts.validation, must: [auc.atLeast(0.6)] })
        p.gate(candidate, { on: parts.test, must: [own] })
      })
      expect(gatesOf(plan)).toEqual(['auc ≥ 0.6', describeCheck(own.check)])
    }
  })

  it('or where the definition says so, with other gates and without', () => {
    const some = planOf((p) => {
      const { parts, candidate } = classifier(p)
      p.gate(candidate, { on: parts.test, must: [auc.atLeast(0.6)], champion: 'not compared' })
    })
    expect(gatesOf(some)).toEqual(['auc ≥ 0.6'])
    const none = planOf((p) => {
      const { parts, candidate } = classifier(p)
      p.gate(candidate, { on: parts.test, must: [], champion: 'not compared' })
    })
    expect(kindsOf(none)).toEqual(['snapshot', 'split', 'train', 'package', 'evaluate', 'register'])
  })

  it('and a definition that says both is refused', () => {
    const both = () =>
      planOf((p) => {
        const { parts, candidate } = regressor(p)
        const must = [rmse.notWorseThan('champion', { by: 1 })]
        p.gate(candidate, { on: parts.test, must, champion: 'not compared' })
      })
    expect(both).toThrow('not compared')
  })

  it('with one margin, in units or as a share', () => {
    const withMargin = (margin: object) => () =>
      planOf((p) => {
        const { parts, candidate } = classifier(p)
        p.gate(candidate, { on: parts.test, must: [auc.notWorseThan('champion', margin as { by: number })] })
      })
    expect(gatesOf(withMargin({ byShare: 0.005 })())).toEqual([
      'auc not worse than champion by 0.5 % of its value (95 %)',
    ])
    for (const margin of [{}, { by: 0.01, byShare: 0.01 }])
      expect(withMargin(margin)).toThrow('must.0: takes by or byShare, one of the two')
    expect(withMargin({ byShare: 1 })).toThrow('must.0.byShare: a share below 1: 0.01 is 1 %')
  })
})

describe('a plan that 0.7 made', () => {
  // Printed by 0.7.0 for the same plans.
  it('has the digest and the step keys it had', () => {
    expect([digestOfPlan(samplePlan()), digestOfPlan(samplePlan({ deploy: true }))]).toEqual([
      'sha256:6bce1fa70f52787cae80c6cfb6c740cc1c766e14d5748e03c5b7ff08f2bd659b',
      'sha256:4481bbad86bacb4ef12c65b25c999ae83667e913b7c4ff691fbde8d4f450bd1b',
    ])
    const keys = samplePlan().steps.map((step) => [step.id, stepKeyOf(stepMaterial(step, {}, {})).slice(0, 12)])
    expect(Object.fromEntries(keys)).toEqual({
      rows: 'c0022321541b',
      validate: '90176934ff71',
      split: 'f625a78344f4',
      model: 'ba12944d44b2',
      // Since 0.8 a package's compiled model is proven in parts: version 5 of the step, 4 in 0.7.
      package: '24745b998cb0',
      evaluate: 'a4ba52609294',
      gate: '99a38b8a0cbf',
      approve: '77eeb7f6e806',
      register: 'a822846013f7',
    })
  })
})

describe('names of steps', () => {
  it('may be what other steps are called: each keeps to its own kind', () => {
    const plan = planOf((p) => {
      const rows = p.validate(p.snapshot('validate', { from: 'rows.parquet', schema: Row }))
      const parts = p.split(rows, { byHashOf: 'id', validation: 0.2, test: 0.2 })
      const candidate = p.package(p.train('gate', { ...common, on: parts, target: regression('y') }))
      p.gate(candidate, { on: parts.test, must: [rmse.atMost(1)] })
    })
    expect(plan.steps.map(({ id }) => id)).toEqual([
      'snapshot:validate',
      'validate',
      'split',
      'train:gate',
      'package',
      'evaluate',
      'gate',
      'register',
    ])
    expect(plan.steps.slice(0, 5)).toMatchObject([
      {},
      { table: 'snapshot:validate' },
      { table: 'validate' },
      {},
      { model: 'train:gate' },
    ])
  })

  it('may be the same for a source and a model, and for steps that come at the end', () => {
    const named = (source: string, model: string): string[] =>
      planOf((p) => {
        const rows = p.snapshot(source, { from: 'rows.parquet', schema: Row })
        const parts = p.split(rows, { byHashOf: 'id', validation: 0.2, test: 0.2 })
        p.package(p.train(model, { ...common, on: parts, target: regression('y') }))
      }).steps.map(({ id }) => id)
    expect(named('loans', 'loans').slice(0, 3)).toEqual(['snapshot:loans', 'split', 'train:loans'])
    expect(named('register', 'gate')).toEqual(
      expect.arrayContaining(['snapshot:register', 'register', 'train:gate', 'gate']),
    )
    // Nothing else is called so: they stay what they were.
    expect(named('split-2', 'gate-2').slice(0, 3)).toEqual(['split-2', 'split', 'gate-2'])
    for (const wrong of ['snapshot:loans', 'Loans', ''])
      expect(() => named(wrong, 'model')).toThrow('names are lower-case letters, digits and dashes')
  })

  it('are refused where two of a kind are the same', () => {
    const twice = () =>
      planOf((p) => {
        p.snapshot('rows', { from: 'a.parquet', schema: Row })
        p.snapshot('rows', { from: 'b.parquet', schema: Row })
      })
    expect(twice).toThrow('two snapshot steps of pipeline "sample" are named "rows"')
  })
})
