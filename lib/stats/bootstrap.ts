import { largerIsBetter, type MetricName } from '../formats/check.ts'
import { areaUnderRoc, binaryMetricsOf, logLossOf, regressionMetricsOf, type Scored, selectRows } from './metrics.ts'
import { ascendingOrder } from './order.ts'
import { seededRandom } from './random.ts'

export interface PairedComparison {
  readonly candidate: number
  readonly opponent: number
  /** How much worse the candidate is, in units of the metric; negative when it is better. */
  readonly deficit: number
  /** One-sided upper bound of the deficit at the confidence asked for. */
  readonly upperBound: number
  readonly resamples: number
}

/** One metric of scored rows; NaN where it is not defined. */
export function metricOf(metric: MetricName, scored: Scored): number {
  if (metric === 'auc') return areaUnderRoc(scored)
  if (metric === 'rmse' || metric === 'mae' || metric === 'r2') return regressionMetricsOf(scored)[metric]
  if (metric === 'sizeBytes' || metric === 'latencyP99Ms') return Number.NaN
  return binaryMetricsOf(scored)[metric]
}

/**
 * Compares two models on the same rows by a paired bootstrap: rows are drawn with replacement, both models are measured on
 * each draw, and the bound is a percentile of the differences (Efron & Tibshirani, An Introduction to the Bootstrap, 1993,
 * ch. 13). The same seed gives the same numbers. Labels of both must be the same.
 * Draws: 1,000, or 200 from 50,000 rows on, where the bound hardly moves any more.
 */
export function comparePaired(
  metric: MetricName,
  candidate: Scored,
  opponent: Scored,
  confidence: number,
  seed: number,
): PairedComparison {
  const n = candidate.labels.length
  const resamples = n >= 50_000 ? 200 : 1_000
  const sign = largerIsBetter[metric] ? -1 : 1
  const measure = resampler(metric, candidate)
  const measureOpponent = resampler(metric, opponent)
  const random = seededRandom(seed)
  const deficits: number[] = []
  const counts = new Uint16Array(n)
  for (let resample = 0; resample < resamples; resample++) {
    counts.fill(0)
    for (let i = 0; i < n; i++) {
      const row = Math.floor((random() / 2 ** 32) * n)
      counts[row] = (counts[row] as number) + 1
    }
    const deficit = sign * (measure(counts) - measureOpponent(counts))
    if (!Number.isNaN(deficit)) deficits.push(deficit)
  }
  deficits.sort((a, b) => a - b)
  const values = { candidate: metricOf(metric, candidate), opponent: metricOf(metric, opponent) }
  const upperBound = deficits[Math.min(deficits.length - 1, Math.ceil(confidence * deficits.length) - 1)] ?? Number.NaN
  return { ...values, deficit: sign * (values.candidate - values.opponent), upperBound, resamples }
}

/** A metric as a function of how often each row was drawn; what does not change between draws is computed once. */
function resampler(metric: MetricName, scored: Scored): (counts: Uint16Array) => number {
  if (metric === 'auc') {
    const order = ascendingOrder(scored.predictions)
    return (counts) => areaUnderRoc(scored, order, counts)
  }
  const loss = rowLoss[metric]
  if (loss !== undefined) {
    const losses = Float64Array.from(scored.predictions, (prediction, i) =>
      loss(prediction, scored.labels[i] as number),
    )
    return (counts) => {
      let sum = 0
      for (let i = 0; i < losses.length; i++) sum += (losses[i] as number) * (counts[i] as number)
      const mean = sum / losses.length
      return metric === 'rmse' ? Math.sqrt(mean) : mean
    }
  }
  return (counts) => {
    const rows = new Uint32Array(counts.reduce((sum, count) => sum + count, 0))
    let at = 0
    for (let i = 0; i < counts.length; i++) for (let k = counts[i] as number; k > 0; k--) rows[at++] = i
    return metricOf(metric, selectRows(scored, rows))
  }
}

const rowLoss: Partial<Record<MetricName, (prediction: number, label: number) => number>> = {
  logLoss: logLossOf,
  brier: (prediction, label) => (prediction - label) ** 2,
  accuracy: (prediction, label) => ((prediction >= 0.5 ? 1 : 0) === label ? 1 : 0),
  rmse: (prediction, label) => (prediction - label) ** 2,
  mae: (prediction, label) => Math.abs(prediction - label),
}
