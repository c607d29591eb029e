import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { auc, type Builder, slice } from '../../lib/definition/index.ts'
import { planAsOf } from '../../lib/definition/plan-as-of.ts'
import type { Plan, StepOf } from '../../lib/formats/plan.ts'
import { graphOf } from '../../lib/formats/plan-graph.ts'
import { outlineOf } from '../../lib/formats/plan-outline.ts'
import { stepMaterial } from '../../lib/formats/step-key.ts'
import { packPlan, unpackPlan } from '../../lib/formats/stored-plan.ts'
import { common, planOf } from '../support/branched-plans.ts'

const Day = z.object({ day: z.date(), x: z.number(), y: z.int() })
const length = { by: 'day', test: '7d', validation: '7d' } as const
const training = { ...common, seed: 1 }
type Cutoffs = Parameters<Builder['backtest']>[2]['cutoffs']

/** A backtest, and beside it the model that is kept. @param isJudged whether a gate of that one uses the backtest */
const plan = (cutoffs: Cutoffs, { isJudged = false, name = 'past' } = {}): Plan =>
  planOf((p) => {
    const rows = p.snapshot('rows', { from: 'rows.parquet', schema: Day })
    const past = p.backtest(name, rows, { ...length, cutoffs, train: training })
    const parts = p.split(rows, length)
    const candidate = p.package(p.train('model', { ...training, on: parts }))
    const must = isJudged ? [auc.atLeast(0.7), past.worst(auc).atLeast(0.6)] : [auc.atLeast(0.7)]
    p.gate(candidate, { on: parts.test, must })
  })
const ids = ({ steps }: Plan): string[] => steps.map(({ id }) => id)
const ofKind = <Kind extends Plan['steps'][number]['kind']>({ steps }: Plan, kind: Kind): StepOf<Kind>[] =>
  steps.filter((step) => step.kind === kind) as never
const rulesOf = (of: Plan): unknown[] => ofKind(of, 'split').map(({ rule }) => rule)
const refusal = (cutoffs: unknown): string => {
  try {
    plan(cutoffs as never)
  } catch (error) {
    return (error as Error).message
  }
  throw new Error('it was not refused')
}

describe('p.backtest', () => {
  it('records a branch a cutoff, in the order of time, and one step that gathers them', () => {
    expect(ids(plan(['2001-03-01', '2001-02-01']))).toEqual([
      'rows',
      ...['2001-02-01', '2001-03-01'].flatMap((day) =>
        ['split', 'model', 'package', 'evaluate'].map((step) => `past-${day}/${step}`),
      ),
      'past',
      'split',
      'model',
      'package',
      'evaluate',
      'gate',
      'register',
    ])
  })

  it('registers and compares nothing of its own', () => {
    const whole = plan(['2001-02-01', '2001-03-01'])
    expect(ofKind(whole, 'register').map(({ package: of }) => of)).toEqual(['package'])
    expect(ofKind(whole, 'gate').map(({ package: of }) => of)).toEqual(['package'])
  })

  it('lets its cutoffs run side by side, and the gate about it wait for all', () => {
    const nodes = graphOf(outlineOf(plan(['2001-02-01', '2001-03-01'], { isJudged: true })))
    const needs = Object.fromEntries(nodes.map((node) => [node.id, node.needs]))
    expect(needs['past-2001-02-01/split']).toEqual(['rows'])
    expect(needs['past-2001-03-01/split']).toEqual(['rows'])
    expect(needs.past).toEqual(
      ['2001-02-01', '2001-03-01']
        .map((day) => `past-${day}/split`)
        .concat(['2001-02-01', '2001-03-01'].map((day) => `past-${day}/evaluate`)),
    )
    expect(needs.gate).toContain('past')
  })

  it('leaves gates that do not use it with the keys they had', () => {
    const keyOf = (of: Plan): unknown => stepMaterial(ofKind(of, 'gate')[0] as never, {}, {})
    const without = planOf((p) => {
      const parts = p.split(p.snapshot('rows', { from: 'rows.parquet', schema: Day }), length)
      p.gate(p.package(p.train('model', { ...training, on: parts })), { on: parts.test, must: [auc.atLeast(0.7)] })
    })
    expect(keyOf(plan(['2001-02-01']))).toEqual(keyOf(without))
    expect(keyOf(plan(['2001-02-01'], { isJudged: true }))).not.toEqual(keyOf(without))
  })

  it('leaves the steps of other cutoffs as they are when one more is named', () => {
    const [few, more] = [plan(['2001-02-01']), plan(['2001-01-15', '2001-02-01'])]
    const kept = few.steps.filter(({ id }) => id.startsWith('past-2001-02-01/'))
    expect(more.steps).toEqual(expect.arrayContaining(kept))
  })

  it('ends its splits at the days it names, whatever day a run is as of', () => {
    const whole = plan(['2001-02-01'])
    const [own, other] = rulesOf(whole)
    expect(own).toMatchObject({ by: 'age', column: 'day', until: null, cutoff: '2001-02-01' })
    const [moved, otherMoved] = rulesOf(planAsOf(whole, '2001-05-01T00:00:00.000Z', 1_000))
    expect(moved).toEqual(own)
    expect(otherMoved).toEqual({ ...(other as object), until: '2001-05-01T00:00:00.000Z', windowMs: 1_000 })
  })

  it('goes back from the end of the data, or from the day that a run is as of', () => {
    const whole = plan({ every: '30d', last: 3 })
    expect(Object.keys(ofKind(whole, 'backtest')[0]?.evaluations ?? {})).toEqual(['60d-ago', '30d-ago', '0d-ago'])
    const ago = (of: Plan) => rulesOf(of).map((rule) => (rule as { agoMs?: number }).agoMs)
    const day = 86_400_000
    expect(ago(whole)).toEqual([60 * day, 30 * day, 0, undefined])
    const moved = planAsOf(whole, '2001-05-01T00:00:00.000Z')
    expect(ago(moved)).toEqual(ago(whole))
    for (const rule of rulesOf(moved)) expect(rule).toMatchObject({ until: '2001-05-01T00:00:00.000Z' })
  })

  it('is stored and read back, whole', () => {
    const whole = plan(['2001-02-01', '2001-03-01'], { isJudged: true })
    expect(unpackPlan(JSON.parse(JSON.stringify(packPlan(whole))))).toEqual(whole)
  })

  it('may be called as another step is, and is found by the gate about it', () => {
    const whole = plan(['2001-02-01'], { isJudged: true, name: 'model' })
    expect(ids(whole)).toEqual(expect.arrayContaining(['backtest:model', 'train:model']))
    expect(ofKind(whole, 'gate')[0]).toMatchObject({
      backtests: { model: 'backtest:model' },
      must: [{}, { rule: 'atLeast', metric: 'auc', limit: 0.6, backtest: 'model' }, {}],
    })
  })

  it('stands in branches, each with its own', () => {
    const whole = planOf((p) => {
      const rows = p.snapshot('rows', { from: 'rows.parquet', schema: Day })
      p.each(['east', 'west'], (p) => {
        const past = p.backtest('past', rows, { ...length, cutoffs: ['2001-02-01'], train: training })
        const parts = p.split(rows, length)
        const candidate = p.package(p.train('model', { ...training, on: parts }))
        p.gate(candidate, { on: parts.test, must: [past.worst(auc).atLeast(0.6)] })
      })
    })
    expect(ofKind(whole, 'gate').map(({ backtests }) => backtests)).toEqual([
      { 'east/past': 'east/past' },
      { 'west/past': 'west/past' },
    ])
    expect(ids(whole)).toContain('west/past-2001-02-01/evaluate')
  })

  it.each([
    ['no cutoffs', [], 'has no cutoffs'],
    ['two equal ones', ['2001-02-01', '2001-03-01', '2001-02-01'], 'has the cutoff 2001-02-01 twice'],
    ['what is no date', ['yesterday'], 'has a cutoff that is no date: "yesterday"'],
    ['a day that no calendar has', ['2001-02-30'], 'has a cutoff that is no date: "2001-02-30"'],
    ['a time', ['2001-02-01T10:00:00Z'], 'has a cutoff that is no date'],
    ['something else than texts', [20010201], 'has a cutoff that is no date: 20010201'],
    ['parts of days', { every: '36h', last: 2 }, 'goes back 36h at a time: these are no whole days'],
    ['none of the last', { every: '1d', last: 0 }, 'wants the last 0 cutoffs'],
    ['too many', { every: '1d', last: 101 }, 'wants the last 101 cutoffs'],
  ])('refuses %s', (_, cutoffs, message) => {
    expect(refusal(cutoffs)).toContain(`backtest "past" ${message}`)
  })

  it('refuses a name that is none, and two backtests of one name', () => {
    expect(() => plan(['2001-02-01'], { name: 'Past Days' })).toThrow('a backtest cannot be called "Past Days"')
    const twice = (p: Builder) => {
      const rows = p.snapshot('rows', { from: 'rows.parquet', schema: Day })
      for (const day of ['2001-02-01', '2001-03-01'])
        p.backtest('past', rows, { ...length, cutoffs: [day], train: training })
    }
    expect(() => planOf(twice)).toThrow('two backtest steps of pipeline "sample" are named "past"')
  })

  it('refuses slices of its worst cutoff', () => {
    const sliced = (p: Builder) => {
      const rows = p.snapshot('rows', { from: 'rows.parquet', schema: Day })
      const past = p.backtest('past', rows, { ...length, cutoffs: ['2001-02-01'], train: training })
      const parts = p.split(rows, length)
      p.gate(p.package(p.train('model', { ...training, on: parts })), {
        on: parts.test,
        must: [slice('x', past.worst(auc).atLeast(0.6))],
      })
    }
    expect(() => planOf(sliced)).toThrow('the worst cutoff of a backtest is of all rows: it has no slices')
  })
})
