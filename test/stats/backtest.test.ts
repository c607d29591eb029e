import { describe, expect, it } from 'vitest'
import { BacktestReport, cutoffInWords, cutRowsOfModel } from '../../lib/formats/backtest-report.ts'
import type { MetricCheck } from '../../lib/formats/check.ts'
import { metrics } from '../../lib/formats/metrics/index.ts'
import { backtestPage } from '../../lib/reports/backtest-page.ts'
import { backtestInWords, judgeWorst, summarise } from '../../lib/stats/backtest.ts'
import { intervalOf } from '../../lib/stats/bootstrap.ts'
import { seededRandom } from '../../lib/stats/random.ts'

const rows = { train: 100, validation: 20, test: 30 }
/** A report of the values of some metrics, a cutoff a month. */
function report(...months: Record<string, number>[]): BacktestReport {
  const cutoffs = months.map((values, i) => ({
    at: `2001-0${i + 1}-01T00:00:00.000Z`,
    rows,
    metrics: Object.fromEntries(Object.entries(values).map(([name, value]) => [name, { value }])),
  }))
  const made = { slipway: 'backtest/1', name: 'past', task: 'binary', cutoffs, summary: summarise(cutoffs) } as const
  return BacktestReport.parse(made)
}
const atLeast = (metric: string, limit: number): MetricCheck => ({ rule: 'atLeast', metric, limit, backtest: 'past' })
const atMost = (metric: string, limit: number): MetricCheck => ({ ...atLeast(metric, limit), rule: 'atMost' }) as never

describe('a backtest', () => {
  it('has the mean of its cutoffs, and the worst: the least where more is better, else the largest', () => {
    const { summary } = report({ auc: 0.7, logLoss: 0.5 }, { auc: 0.5, logLoss: 0.8 }, { auc: 0.6, logLoss: 0.2 })
    expect(summary.auc).toEqual({ mean: expect.closeTo(0.6, 12), worst: 0.5, at: '2001-02-01T00:00:00.000Z' })
    expect(summary.logLoss).toEqual({ mean: expect.closeTo(0.5, 12), worst: 0.8, at: '2001-02-01T00:00:00.000Z' })
  })

  it('says of a metric that is undefined at a cutoff neither', () => {
    expect(report({ auc: 0.7, brier: 0.1 }, { brier: 0.2 }).summary).toEqual({
      brier: { mean: expect.closeTo(0.15, 12), worst: 0.2, at: '2001-02-01T00:00:00.000Z' },
    })
  })

  it('cuts rows that nobody takes for those of a model that is kept', () => {
    const output = (name: string) => ({ name, digest: `sha256:${'a'.repeat(64)}`, mediaType: '', size: 1 })
    const outputs = ['train', 'validation', 'test'].map(output)
    expect(cutRowsOfModel({ kind: 'split', outputs })).toBe(true)
    expect(cutRowsOfModel({ kind: 'split', outputs: [...outputs, output('cutoff')] })).toBe(false)
    expect(cutRowsOfModel({ kind: 'validate', outputs })).toBe(false)
  })

  it('is told in words', () => {
    expect(backtestInWords(report({ auc: 0.7 }, { auc: 0.5 }))).toBe(
      '2 cutoffs; auc 0.6 on average, 0.5 at worst (2001-02-01)',
    )
    expect(cutoffInWords('2001-02-01T06:30:00.000Z')).toBe('2001-02-01 06:30')
  })

  it('passes a gate when its worst cutoff does, and names that', () => {
    const past = report({ auc: 0.7, logLoss: 0.5 }, { auc: 0.65, logLoss: 0.6 })
    expect(judgeWorst(atLeast('auc', 0.65), past)).toEqual({
      name: 'auc ≥ 0.65 at every cutoff of past',
      metric: 'auc',
      passed: true,
      value: 0.65,
      limit: 0.65,
      evidence: '0.65 ≥ 0.65 at 2001-02-01, the worst of 2 cutoffs',
    })
    expect(judgeWorst(atLeast('auc', 0.66), past).passed).toBe(false)
    expect(judgeWorst(atMost('logLoss', 0.6), past).passed).toBe(true)
    expect(judgeWorst(atMost('logLoss', 0.59), past).passed).toBe(false)
  })

  it('passes no gate about a metric that is undefined at a cutoff', () => {
    const past = report({ auc: 0.9, brier: 0.1 }, { brier: 0.1 })
    expect(judgeWorst(atLeast('auc', 0.1), past)).toMatchObject({
      passed: false,
      value: null,
      evidence: 'auc is undefined at 2001-02-01',
    })
  })

  it('shows people every cutoff, and marks the worst', () => {
    const page = backtestPage({ ...report({ auc: 0.7 }, { auc: 0.5 }), name: 'p<a>st' })
    expect(page).toContain('p&lt;a&gt;st')
    expect(page).not.toContain('p<a>st')
    expect(page).toMatch(/<td>2001-01-01<\/td>.*0\.7/)
    expect(page).toContain('<span class="bad">0.5</span>')
    expect(page.match(/<circle class="dot bad"/g)).toHaveLength(1)
  })
})

describe('the interval of a metric', () => {
  /** Rows with a uniform score, which is the chance of their label. */
  const madeUp = (rows: number, seed: number) => {
    const random = seededRandom(seed)
    const uniform = (): number => random() / 2 ** 32
    const predictions = Float64Array.from({ length: rows }, uniform)
    return { predictions, labels: predictions.map((x) => (uniform() < x ? 1 : 0)) }
  }

  it('is that of the mean of losses, by the normal distribution', () => {
    const n = 2_000
    const { predictions, labels } = madeUp(n, 5)
    const losses = Array.from(predictions, (x, i) => Math.abs(x - (labels[i] as number)))
    const mean = losses.reduce((sum, x) => sum + x, 0) / n
    const deviation = Math.sqrt(losses.reduce((sum, x) => sum + (x - mean) ** 2, 0) / (n - 1))
    const half = (1.6449 * deviation) / Math.sqrt(n)
    const { low, high } = intervalOf(metrics.mae, { predictions, labels }, 1) as { low: number; high: number }
    // 1,000 draws know a percentile to about a tenth of it.
    expect(Math.abs(low - (mean - half))).toBeLessThan(half * 0.2)
    expect(Math.abs(high - (mean + half))).toBeLessThan(half * 0.2)
  })

  it('holds the area under the curve nine times of ten', () => {
    let holds = 0
    for (let sample = 0; sample < 100; sample++) {
      const { low, high } = intervalOf(metrics.auc, madeUp(200, sample), 1) as { low: number; high: number }
      // Of uniform scores that are the chances of their labels it is 5/6.
      if (low <= 5 / 6 && 5 / 6 <= high) holds++
    }
    // 90 are expected, with a standard deviation of 3.
    expect(holds).toBeGreaterThanOrEqual(81)
    expect(holds).toBeLessThanOrEqual(99)
  })

  it('is the same every time', () => {
    const scored = madeUp(500, 1)
    expect(intervalOf(metrics.auc, scored, 1)).toEqual(intervalOf(metrics.auc, scored, 1))
  })

  it('is not known where the metric is not defined', () => {
    expect(intervalOf(metrics.auc, { ...madeUp(50, 1), labels: new Float64Array(50) }, 1)).toBeUndefined()
  })
})
