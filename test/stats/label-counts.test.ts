import { describe, expect, it } from 'vitest'
import { monitorPolicyOf, psi } from '../../lib/definition/monitor.ts'
import { monitorPage } from '../../lib/reports/monitor-page.ts'
import type { LabelCounts } from '../../lib/stats/label-counts.ts'
import { liveMetric } from '../../lib/stats/live-quality.ts'
import { binaryMetricsOf, regressionMetricsOf } from '../../lib/stats/metrics.ts'
import { conclude, nothingBefore } from '../../lib/stats/monitor-check.ts'

const policy = monitorPolicyOf({ every: '1d', drift: psi.over(0.2), labels: { within: '30d', key: 'loan' } })
const champion = { model: 'm', version: 1, digest: `sha256:${'0'.repeat(64)}` as const }
const step = (labels: LabelCounts, last?: ReturnType<typeof conclude>, judge = true) =>
  conclude({
    endpoint: 'e',
    check: 'c',
    champion: champion as never,
    policy,
    last: last as never,
    at: '2001-04-01T00:00:00.000Z',
    judge,
    more: false,
    interval: { from: 0, to: 0, requests: 0, errors: 0, rows: 0, windows: 1, columns: [] },
    quality: null,
    estimated: {},
    labels,
    next: nothingBefore,
    timelinePoints: 10,
  })

describe('a check says what became of labels', () => {
  it('since the last judgement, whatever was gathered in between', () => {
    const gathered = step({ received: 500, matched: 400, waiting: 90, dropped: 10 }, undefined, false)
    const judged = step({ received: 100, matched: 150, waiting: 20, dropped: 20 }, gathered)
    expect(judged.labels).toEqual({ received: 600, matched: 550, waiting: 20, dropped: 30, warning: null })
    const next = step({ received: 1, matched: 1, waiting: 0, dropped: 0 }, judged)
    expect(next.labels).toMatchObject({ received: 1, matched: 1 })
    expect(next.next.freshLabels).toBe(551)
  })
  it('and warns, in the report and on its page, when none found its row', () => {
    const report = step({ received: 600, matched: 0, waiting: 0, dropped: 600 })
    expect(report.labels.warning).toMatch(/^none of 600 labels has found its row: .*value of "loan"/)
    expect(monitorPage(report, policy)).toContain('none of 600 labels has found its row')
    expect(step({ received: 0, matched: 0, waiting: 0, dropped: 0 }).labels.warning).toBeNull()
  })
  it('a report of 0.6, without sums, is gone on from', () => {
    const old = step({ received: 5, matched: 5, waiting: 0, dropped: 0 }, undefined, false)
    const { openLabels: _, ...next } = old.next
    const after = step({ received: 2, matched: 2, waiting: 0, dropped: 0 }, { ...old, next } as typeof old)
    expect(after.labels).toMatchObject({ received: 2, matched: 2 })
  })
})

describe('metrics of equal labels', () => {
  const scored = (label: number, n = 300) => ({
    labels: new Float64Array(n).fill(label),
    predictions: new Float32Array(n).fill(0.25),
  })
  it('are unknown to a monitor where they are not defined', () => {
    expect(liveMetric('auc', scored(0))).toBeUndefined()
    expect(liveMetric('recall', scored(0))).toBeUndefined()
    expect(liveMetric('r2', scored(0.1))).toBeUndefined()
  })
  it('are known where they are means over rows: a model that says 0.25 where nothing happens is off by 0.25', () => {
    const { brier, logLoss, accuracy, calibrationError } = binaryMetricsOf(scored(0))
    expect(brier).toBeCloseTo(0.0625, 12)
    expect(logLoss).toBeCloseTo(0.28768207245178085, 12)
    expect(accuracy).toBe(1)
    expect(calibrationError).toBeCloseTo(0.25, 12)
    expect(regressionMetricsOf(scored(1.25)).rmse).toBeCloseTo(1, 12)
  })
  it('R² of labels far from zero is that of the same labels near it', () => {
    const labels = Float64Array.from({ length: 100 }, (_, i) => i % 10)
    const predictions = labels.map((label, i) => label + (i % 2 === 0 ? 1 : -1))
    const far = 1.7e9
    const near = regressionMetricsOf({ labels, predictions }).r2
    // Errors of 1, and 0 to 9 evenly: variance 8.25.
    expect(near).toBeCloseTo(1 - 1 / 8.25, 12)
    const moved = { labels: labels.map((y) => y + far), predictions: predictions.map((y) => y + far) }
    expect(regressionMetricsOf(moved).r2).toBeCloseTo(near, 9)
  })
})
