import { likeliest } from '../formats/answers.ts'
import type { MetricName } from '../formats/check.ts'
import type { Task } from '../formats/code-ref.ts'
import type { Numbers } from '../formats/columns.ts'
import { ascendingOrder } from '../formats/metrics/ascending-order.ts'
import { logLossOf } from '../formats/metrics/binary.ts'
import { measureRows, metricsFor, rowMetric } from '../formats/metrics/index.ts'
import type { Scored } from '../formats/metrics/metric.ts'
import { rowsOf } from '../formats/metrics/several.ts'
import { intervalOf } from './bootstrap.ts'
import type { Estimate } from './drift.ts'
import { selectRows } from './metrics.ts'
import { seededRandom } from './random.ts'

/** Draws of the bootstrap. */
const draws = 200
/**
 * More rows than this are thinned evenly before resampling: the interval is then a little too wide, never too narrow.
 */
const mostRows = 20_000

/**
 * A metric on labelled rows with its 90 % interval: percentile bootstrap over rows, of a ranking over groups (Efron &
 * Tibshirani, 1993, ch. 13), the same every time for the same rows. Undefined where the metric is (one class only).
 */
export function liveMetric(metric: string, scored: Scored): Estimate | undefined {
  const measure = rowMetric(metric)
  if (measure === undefined) return undefined
  const value = measureRows(measure, scored)
  if (!Number.isFinite(value)) return undefined
  const all = rowsOf(scored)
  if (scored.groups !== undefined)
    return { value, ...(intervalOf(measure, scored, all) ?? { low: value, high: value }) }
  const n = Math.min(all, mostRows)
  const random = seededRandom(all)
  const rows = new Uint32Array(n)
  const values: number[] = []
  for (let draw = 0; draw < draws; draw++) {
    for (let i = 0; i < n; i++) rows[i] = Math.floor((random() / 2 ** 32) * all)
    const resampled = measureRows(measure, selectRows(scored, rows))
    if (Number.isFinite(resampled)) values.push(resampled)
  }
  values.sort((a, b) => a - b)
  return {
    value,
    low: values[Math.floor(values.length * 0.05)] ?? value,
    high: values[Math.ceil(values.length * 0.95) - 1] ?? value,
  }
}

/** Metrics shown of every check, besides those that rules ask for. */
export const shownMetrics = (task: Task): MetricName[] =>
  metricsFor(task).flatMap(([name, { isShown }]) => (isShown === true ? [name] : []))

/**
 * What a classifier's metrics would be if its probabilities were right, without a label: confidence-based performance
 * estimation (NannyML's CBPE). Every row counts as positive with its probability and as negative with the rest. It
 * knows nothing of changes in what the inputs mean (concept drift): then the truth, when it comes, differs, and that is
 * shown.
 */
export function estimatedQuality(probabilities: Numbers): { auc: number; logLoss: number; brier: number } {
  const order = ascendingOrder(probabilities)
  let [area, positives, negatives, loss, brier] = [0, 0, 0, 0, 0]
  for (let i = 0; i < order.length; ) {
    const score = probabilities[order[i] as number] as number
    let [p, q] = [0, 0]
    for (; i < order.length && probabilities[order[i] as number] === score; i++) {
      p += score
      q += 1 - score
      loss += score * logLossOf(score, 1) + (1 - score) * logLossOf(score, 0)
      brier += score * (1 - score)
    }
    area += p * (negatives + q / 2)
    positives += p
    negatives += q
  }
  const n = order.length
  return { auc: area / (positives * negatives), logLoss: loss / n, brier: brier / n }
}

/**
 * Mean prediction and mean label: where a model is off on the whole. Of several classes: how sure it was of its
 * answers, and how often it was right. Of several numbers the means of all.
 */
export function means(scored: Scored): { prediction: number; label: number } {
  const { predictions, labels, outputs } = scored
  if (outputs !== undefined) return { prediction: meanOf(predictions), label: meanOf(labels) }
  const width = predictions.length / labels.length
  if (width > 1) {
    let [sure, right] = [0, 0]
    labels.forEach((label, row) => {
      const column = likeliest(predictions, row, width)
      sure += predictions[row * width + column] as number
      right += Number(column === label)
    })
    return { prediction: sure / labels.length, label: right / labels.length }
  }
  return { prediction: meanOf(predictions), label: meanOf(labels) }
}

function meanOf(values: Numbers): number {
  let sum = 0
  for (const value of values) sum += value
  return sum / values.length
}
