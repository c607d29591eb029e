import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import * as slipway from '../../lib/definition/index.ts'
import { Check, describeCheck, type MetricCheck, MetricName } from '../../lib/formats/check.ts'
import type { Task } from '../../lib/formats/code-ref.ts'
import { driftMeasures } from '../../lib/formats/drift-measures/index.ts'
import { gateRules } from '../../lib/formats/gate-rules.ts'
import { measureRows, metricNames, metrics, metricsFor, rowMetric } from '../../lib/formats/metrics/index.ts'
import type { Scored } from '../../lib/formats/metrics/metric.ts'
import { DriftRule } from '../../lib/formats/monitor-policy.ts'
import { drawn } from '../../lib/stats/bootstrap.ts'
import { binaryMetricsOf, regressionMetricsOf } from '../../lib/stats/metrics.ts'

/*
 * What holds of every entry of the tables of metrics, gate rules and drift measures, so that the next one has it by
 * being there.
 */
const names = metricNames.filter((name) => rowMetric(name) !== undefined)
const isNamed = (name: string): boolean => {
  const [metric = '', ranks] = name.split('@')
  if (ranks === undefined) return Object.hasOwn(slipway, name)
  return slipway.ndcg.at(Number(ranks) as 10).atLeast(0.5).check.metric === name && metric === 'ndcg'
}

/** Groups of a ranking. */
const groupsOf = (rows: number): Uint32Array => Uint32Array.from({ length: rows }, (_, row) => row % 2)

/** Rows of a task, so that every metric is defined, and how often each was drawn: of a ranking whole groups. */
const rowsOf = (task: Task) =>
  fc
    .array(
      fc.record({
        prediction: fc.double({ min: 0, max: 1, noNaN: true }),
        label: fc.double({ min: 0, max: 1, noNaN: true }),
        count: fc.integer({ min: 0, max: 3 }),
      }),
      { minLength: 3, maxLength: 40 },
    )
    .map((rows) => ({
      counts: Uint16Array.from(
        task === 'ranking' ? [1, 2, ...rows].map((_, row) => 1 + (row % 2)) : [1, 2, ...rows.map(({ count }) => count)],
      ),
      scored: {
        predictions: Float64Array.from(
          [0.2, 0.7, ...rows.map(({ prediction }) => prediction)].flatMap((p) =>
            task === 'multiclass' ? [p, 1 - p, p / 2, (1 - p) / 3] : task === 'quantiles' ? [p / 2, p] : [p],
          ),
        ),
        labels: Float64Array.from(
          [0, 1, ...rows.map(({ label }) => label)].map((label) =>
            task === 'multiclass' || task === 'ranking'
              ? Math.round(3 * label)
              : task === 'binary'
                ? Math.round(label)
                : label,
          ),
        ),
        ...(task === 'quantiles' && { outputs: ['0.1', '0.9'] }),
        ...(task === 'ranking' && { groups: groupsOf(rows.length + 2) }),
      } satisfies Scored,
    }))

/** What is said where a model knows the labels. */
const perfectOf = ({ labels }: Scored, task: Task): Float64Array =>
  task === 'multiclass'
    ? Float64Array.from([...labels].flatMap((label) => [0, 1, 2, 3].map((number) => Number(number === label))))
    : task === 'quantiles'
      ? Float64Array.from([...labels].flatMap((label) => [label, label]))
      : labels.slice()

/** Metrics that are no mean over rows: a quick way needs no correction, nor does a mean over drawn groups. */
const areOfDraws: ReadonlySet<string> = new Set([
  'auc',
  'aucMacro',
  'f1Macro',
  'f1Weighted',
  'balancedAccuracy',
  'precisionMacro',
  'recallMacro',
])

describe.each(names)('the metric %s', (name) => {
  const metric = rowMetric(name) as NonNullable<ReturnType<typeof rowMetric>>
  const [task] = metric.tasks as readonly [Task]

  it('is measured of draws as of the rows that were drawn', () => {
    fc.assert(
      fc.property(rowsOf(task), ({ scored, counts }) => {
        const quick = metric.resampled?.(scored)(counts)
        // A quick way divides by the rows there are, of which a bootstrap draws as many.
        const share = counts.reduce((sum, count) => sum + count, 0) / counts.length
        const slow = measureRows(metric, drawn(scored, counts))
        if (quick === undefined) return
        if (areOfDraws.has(name) || task === 'ranking') expect(quick).toBeCloseTo(slow, 9)
        else expect(name === 'rmse' ? quick ** 2 : quick).toBeCloseTo((name === 'rmse' ? slow ** 2 : slow) * share, 9)
      }),
    )
  })

  it('is at its best where predictions are the labels', () => {
    fc.assert(
      fc.property(rowsOf(task), ({ scored }) => {
        const perfect = measureRows(metric, { ...scored, predictions: perfectOf(scored, task) })
        const value = measureRows(metric, scored)
        const worse = metric.better === 'larger' ? perfect - value : value - perfect
        // A constant can be as calibrated as the truth is.
        expect(worse).toBeGreaterThan(-1e-9)
      }),
    )
  })

  it('is among those of its task and of no other, and a definition can name it', () => {
    const scored = { predictions: Float64Array.of(0.2, 0.7), labels: Float64Array.of(0, 1) }
    expect(Object.keys(binaryMetricsOf(scored)).includes(name)).toBe(task === 'binary')
    expect(Object.keys(regressionMetricsOf(scored)).includes(name)).toBe(task === 'regression')
    expect(metricsFor(task).map(([known]) => known)).toContain(name)
    expect(isNamed(name)).toBe(true)
  })
})

it('every drift measure can be named in a definition, and is a rule', () => {
  for (const name of Object.keys(driftMeasures)) {
    const { over } = (slipway as Record<string, unknown>)[name] as typeof slipway.psi
    expect(DriftRule.parse(over(0.1))).toEqual({ measure: name, limit: 0.1, windows: 1 })
  }
})

it('every rule of gates is a method of metrics, and comes back from a plan as it was', () => {
  for (const rule of Object.keys(gateRules) as (keyof typeof gateRules)[]) {
    const { check } = rule === 'notWorseThan' ? slipway.auc[rule]('champion', { by: 0.1 }) : slipway.auc[rule](0.5)
    expect(Check.parse(JSON.parse(JSON.stringify(check)))).toEqual(check)
    expect(describeCheck(check)).toContain('auc')
  }
})

it('a plan with a metric or a measure that nobody knows is refused, and so is code under the name of ours', () => {
  expect(MetricName.options).toEqual(Object.keys(metrics))
  const check: MetricCheck = { rule: 'atLeast', metric: 'auk', limit: 0.5 }
  expect(() => Check.parse(check)).toThrow('one of auc, logLoss')
  expect(() => DriftRule.parse({ measure: 'psy', limit: 0.5, windows: 1 })).toThrow('one of psi, jensenShannon')
  const code = { name: 'f', file: 'f.ts', digest: `sha256:${'a'.repeat(64)}`, host: {} } as const
  expect(() => Check.parse({ ...check, metric: 'auc', own: { better: 'larger', code } })).toThrow('of its own')
  expect(() => DriftRule.parse({ measure: 'psi', limit: 0.5, windows: 1, code })).toThrow('of its own')
})
