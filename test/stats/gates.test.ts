import { describe, expect, it } from 'vitest'
import {
  accuracy,
  auc,
  brier,
  calibrationError,
  logLoss,
  precision,
  r2,
  recall,
  rmse,
  size,
  slice,
} from '../../lib/definition/gates.ts'
import { measureRows, rowMetric } from '../../lib/formats/metrics/index.ts'
import type { RowMetric } from '../../lib/formats/metrics/metric.ts'
import { show } from '../../lib/formats/show-number.ts'
import { type GateEvidence, judge, minimumSlice } from '../../lib/stats/gates.ts'
import { selectRows } from '../../lib/stats/metrics.ts'
import { seededRandom } from '../../lib/stats/random.ts'

const random = seededRandom(11)
const n = 2_000
const labels = Float64Array.from({ length: n }, () => (random() / 2 ** 32 < 0.4 ? 1 : 0))
const good = {
  labels,
  predictions: Float32Array.from(labels, (label) => 0.3 + 0.3 * label + 0.3 * (random() / 2 ** 32 - 0.5)),
}
const worse = {
  labels,
  predictions: Float32Array.from(labels, (label) => 0.35 + 0.15 * label + 0.5 * (random() / 2 ** 32 - 0.5)),
}

const evidence = (over: Partial<GateEvidence> = {}): GateEvidence => ({
  candidate: good,
  baseline: undefined,
  slicesOf: () => [],
  sizeBytes: 1_000,
  latency: [],
  task: 'binary',
  seed: 1,
  ...over,
})

describe('a gate', () => {
  it('passes at its limit and fails beyond, with the numbers', () => {
    expect(judge(size.atMost(1_000).check, evidence())).toMatchObject({ passed: true, value: 1_000, limit: 1_000 })
    expect(judge(size.atMost(999).check, evidence())).toMatchObject({ passed: false, evidence: '1000 > 999' })
  })

  it('never passes on a value that is missing', () => {
    expect(judge({ rule: 'atMost', metric: 'latencyP99Ms', limit: 1 }, evidence())).toMatchObject({
      passed: false,
      value: null,
    })
    const oneClass = { labels: new Float64Array(n), predictions: good.predictions }
    expect(judge(auc.atLeast(0).check, evidence({ candidate: oneClass }))).toMatchObject({ passed: false, value: null })
  })

  it('is never passed where all labels are equal, and says so', () => {
    const constant = (label: number) => ({
      labels: new Float64Array(300).fill(label),
      predictions: new Float32Array(300).fill(label),
    })
    // 300 labels of 0.1: their variance in floating point is not 0.
    for (const label of [0.1, 1.7e9, 0, 1e-7])
      expect(judge(r2.atLeast(-1e9).check, evidence({ candidate: constant(label), task: 'regression' }))).toMatchObject(
        { passed: false, value: null, evidence: 'r2 is undefined: all 300 labels are equal' },
      )
    for (const metric of [auc, accuracy, recall])
      expect(judge(metric.atLeast(0).check, evidence({ candidate: constant(0) })).passed).toBe(false)
    for (const metric of [logLoss, brier, calibrationError])
      expect(judge(metric.atMost(1).check, evidence({ candidate: constant(1) })).passed).toBe(false)
    expect(
      judge(
        r2.notWorseThan('champion', { by: 1 }).check,
        evidence({ candidate: constant(5), baseline: constant(5), task: 'regression' }),
      ),
    ).toMatchObject({ passed: false, value: null, evidence: 'r2 is undefined: all 300 labels are equal' })
    expect(judge(rmse.atMost(0.1).check, evidence({ candidate: constant(5), task: 'regression' }))).toMatchObject({
      passed: true,
      value: 0,
    })
  })

  it('passes a comparison while there is no champion', () => {
    expect(judge(auc.notWorseThan('champion', { by: 0 }).check, evidence())).toMatchObject({
      passed: true,
      evidence: 'there is no champion to compare with',
    })
  })

  it('stops a worse candidate and lets a better one through, with the interval', () => {
    const check = auc.notWorseThan('champion', { by: 0.005 }).check
    expect(judge(check, evidence({ candidate: worse, baseline: good }))).toMatchObject({ passed: false })
    expect(judge(check, evidence({ candidate: good, baseline: worse }))).toMatchObject({ passed: true })
    expect(judge(check, evidence({ candidate: worse, baseline: good })).evidence).toMatch(
      /against .* worse by .* at most .* 95 % confidence/,
    )
  })

  it('takes a margin as a share of what the champion has, where more is better, where less is, and below zero', () => {
    const few = labels.slice(0, 300)
    const off = (by: number) => ({ labels: few, predictions: Float32Array.from(few, (label) => label + by) })
    const far = { labels: few, predictions: Float32Array.from(few, (label) => 1 - label) }
    for (const [metric, baseline, task] of [
      [auc, selectRows(good, Uint32Array.from(few.keys())), 'binary'],
      [logLoss, selectRows(good, Uint32Array.from(few.keys())), 'binary'],
      [rmse, off(0.5), 'regression'],
      [r2, far, 'regression'],
    ] as const) {
      const { evidence: words, limit } = judge(
        metric.notWorseThan('champion', { byShare: 0.01 }).check,
        evidence({ baseline, task, candidate: baseline }),
      )
      const its = measureRows(rowMetric(metric.atLeast(0).check.metric) as RowMetric, baseline)
      expect(limit).toBeCloseTo(Math.abs(its) / 100, 12)
      expect(words).toContain(`the margin is ${show(limit as number)}, 1 % of the champion's ${show(its)}`)
    }
    // 1.01 and 1.03 times the champion's error: the one is within 2 %, the other is not.
    const rmseWithin = rmse.notWorseThan('champion', { byShare: 0.02 }).check
    const against = (by: number) =>
      judge(rmseWithin, evidence({ candidate: off(by), baseline: off(0.5), task: 'regression' }))
    expect([against(0.505).passed, against(0.515).passed]).toEqual([true, false])
  })

  it('lets a candidate equal to the champion through, whatever the metric', () => {
    for (const metric of [auc, logLoss, precision])
      expect(judge(metric.notWorseThan('champion', { by: 0 }).check, evidence({ baseline: good }))).toMatchObject({
        passed: true,
      })
    expect(
      judge(rmse.notWorseThan('champion', { by: 0 }).check, evidence({ baseline: good, task: 'regression' })),
    ).toMatchObject({ passed: true })
  })
})

describe('a gate on slices', () => {
  const rows = Uint32Array.from({ length: n }, (_, i) => i)
  const slices = [
    { value: 'large', rows: rows.slice(0, 1_000) },
    { value: 'other', rows: rows.slice(1_000, 1_000 + minimumSlice.rows) },
    { value: 'tiny', rows: rows.slice(1_500, 1_510) },
  ]

  it('must hold in every slice that is large enough, and says how many were not', () => {
    const outcome = judge(slice('region', auc.atLeast(0.6)).check, evidence({ slicesOf: () => slices }))
    expect(outcome).toMatchObject({ passed: true })
    expect(outcome.evidence).toMatch(/^2 of 2 pass, 1 too small to judge/)
  })

  it('names the worst slice when one fails', () => {
    const broken = { labels, predictions: good.predictions.slice() }
    for (const row of slices[1]?.rows ?? []) broken.predictions[row] = 0.5
    const outcome = judge(
      slice('region', auc.atLeast(0.6)).check,
      evidence({ candidate: broken, slicesOf: () => slices }),
    )
    expect(outcome).toMatchObject({ passed: false })
    expect(outcome.evidence).toContain('worst other: 0.5 < 0.6')
  })

  it('fails when no slice can be judged', () => {
    expect(judge(slice('region', auc.atLeast(0)).check, evidence({ slicesOf: () => slices.slice(2) }))).toMatchObject({
      passed: false,
    })
  })
})
