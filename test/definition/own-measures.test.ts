import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import {
  auc,
  type Builder,
  binary,
  driftMeasure,
  gate,
  metric,
  type Numbers,
  pipeline,
  psi,
  slice,
  trees,
} from '../../lib/definition/index.ts'
import { describeCheck } from '../../lib/formats/check.ts'
import type { UserFunction } from '../../lib/formats/columns.ts'
import { describeRule } from '../../lib/formats/monitor-policy.ts'
import type { Plan, StepKind, StepOf } from '../../lib/formats/plan.ts'
import { stepMaterial } from '../../lib/formats/step-key.ts'
import { digestOf } from '../../lib/store/digest.ts'
import { stepKeyOf } from '../../lib/store/steps.ts'

const Row = z.object({ id: z.int(), x: z.number(), y: z.int(), g: z.string() })
const features = ({ x }: { x: Float64Array }) => ({ x })
const cost = (predictions: Numbers, labels: Float64Array) => predictions.length - labels.length
const costOf = (predictions: Numbers, _: Float64Array, { x }: { x: Float64Array }) => predictions.length - x.length
const even = () => ({ passed: true, evidence: 'always' })
const variation = () => 0

/** The plan of gates and a monitor; a function's digest is that of its text, as edited. */
function planOf(define: (p: Builder) => void, edits: ReadonlyMap<UserFunction, string> = new Map()): Plan {
  return pipeline('sample', define).compile((userFunction) => ({
    name: userFunction.name,
    file: 'pipelines/sample/own.ts',
    digest: digestOf(edits.get(userFunction) ?? String(userFunction)) as never,
    host: {},
  }))
}
const gated =
  (must: readonly unknown[], drift?: Parameters<Builder['monitor']>[1]['drift']) =>
  (p: Builder): void => {
    const rows = p.snapshot('rows', { from: 'rows.parquet', schema: Row })
    const parts = p.split(rows, { byHashOf: 'id', validation: 0.2, test: 0.2 })
    const candidate = p.package(
      p.train('model', { on: parts, features, target: binary('y'), learner: trees(), seed: 1 }),
    )
    p.gate(candidate, { on: parts.test, must: must as never, champion: 'not compared' })
    if (drift === undefined) return
    p.monitor(p.deploy(candidate, { endpoint: 'e', allAtOnce: true }), { every: '1h', drift })
  }
const find = <Kind extends StepKind>(plan: Plan, kind: Kind): StepOf<Kind> =>
  plan.steps.find((step) => step.kind === kind) as StepOf<Kind>
const keyOf = (plan: Plan, kind: 'evaluate' | 'gate'): string => stepKeyOf(stepMaterial(find(plan, kind), {}, {}))

describe('metrics, gates and drift measures of the user in a plan', () => {
  it('stand there by name, with a reference to their code, and read as ours do', () => {
    const plan = planOf(
      gated(
        [
          metric('cost', cost, { better: 'smaller' }).atMost(3),
          slice('g', metric('cost', cost, { better: 'smaller' }).atMost(5)),
          gate('evenly good', even),
        ],
        [psi.over(0.2), driftMeasure('variation', variation).over(0.1).for(2)],
      ),
    )
    const { must } = find(plan, 'gate')
    expect(must.map(describeCheck)).toEqual(['cost ≤ 3', 'cost ≤ 5 for each g', 'evenly good'])
    expect(must[0]).toMatchObject({ metric: 'cost', own: { better: 'smaller', code: { name: 'cost' } } })
    const { drift } = find(plan, 'monitor').policy
    expect(drift.map(describeRule)).toEqual(['psi > 0.2', 'variation > 0.1 (2 checks in a row)'])
    expect(drift[1]).toMatchObject({ code: { name: 'variation' } })
    expect(JSON.stringify(plan)).not.toContain('"run"')
  })

  it('count in the key of the gate that uses them, by their code and not by their file, and in no evaluation', () => {
    const usual = planOf(gated([metric('cost', cost, { better: 'smaller' }).atMost(3), auc.atLeast(0.5)]))
    const edited = planOf(
      gated([metric('cost', cost, { better: 'smaller' }).atMost(3), auc.atLeast(0.5)]),
      new Map([[cost as UserFunction, 'another text']]),
    )
    expect(keyOf(edited, 'gate')).not.toBe(keyOf(usual, 'gate'))
    expect(keyOf(edited, 'evaluate')).toBe(keyOf(usual, 'evaluate'))
    const moved = structuredClone(usual)
    for (const check of find(moved, 'gate').must)
      if (check.rule !== 'own' && check.own !== undefined) check.own.code.file = 'elsewhere.ts'
    expect(keyOf(moved, 'gate')).toBe(keyOf(usual, 'gate'))
    const turned = planOf(gated([metric('cost', cost, { better: 'larger' }).atMost(3), auc.atLeast(0.5)]))
    expect(keyOf(turned, 'gate')).not.toBe(keyOf(usual, 'gate'))
  })

  it('leave the key of a gate without any of them as it was', () => {
    const step = find(planOf(gated([auc.atLeast(0.5)])), 'gate')
    expect(stepMaterial(step, {}, {})).toEqual({
      step: 'gate',
      version: 2,
      code: {},
      host: { v8: 'unknown' },
      inputs: {},
      params: { must: [{ rule: 'atLeast', metric: 'auc', limit: 0.5 }], seed: 0 },
    })
  })

  it('are not compared with the champion unasked: the default gate takes a metric of ours', () => {
    const plan = planOf((p) => {
      const rows = p.snapshot('rows', { from: 'rows.parquet', schema: Row })
      const parts = p.split(rows, { byHashOf: 'id', validation: 0.2, test: 0.2 })
      const on = { on: parts, features, target: binary('y'), learner: trees(), seed: 1 }
      p.gate(p.package(p.train('model', on)), { on: parts.test, must: [gate('even', even)] })
    })
    expect(find(plan, 'gate').must.map(describeCheck)[1]).toMatch(/^logLoss not worse than champion/)
  })

  it.each<[string, (p: Builder) => void, string]>([
    ['a metric is called as one of ours', gated([metric('auc', cost, { better: 'smaller' }).atMost(3)]), 'of its own'],
    [
      'a drift measure is called as one of ours',
      gated([auc.atLeast(0.5)], driftMeasure('psi', variation).over(0.1)),
      'of its own',
    ],
    ['a gate has no name', gated([gate('', even)]), 'name'],
    [
      'two functions have one name',
      gated([
        metric('cost', cost, { better: 'smaller' }).atMost(3),
        metric('cost', costOf, { better: 'smaller', columns: ['x'] }).atMost(4),
      ]),
      'two metrics or gates are called "cost"',
    ],
  ])('are refused where %s', (_, define, words) => {
    expect(() => planOf(define)).toThrow(expect.objectContaining({ code: 'DEFINITION_INVALID' }))
    expect(() => planOf(define)).toThrow(words)
  })
})
