import type { binaryMetrics, regressionMetrics } from '../formats/check.ts'
import type { Numbers } from '../formats/columns.ts'
import { ascendingOrder } from './order.ts'

/** Predictions [rows] (probability of the positive class, or the predicted number) and labels [rows] (0/1, or the true number). */
export interface Scored {
  readonly predictions: Numbers
  readonly labels: Float64Array
}

export type BinaryMetrics = Record<(typeof binaryMetrics)[number], number>
export type RegressionMetrics = Record<(typeof regressionMetrics)[number], number>

/**
 * Area under the ROC curve: the share of (positive, negative) pairs ranked rightly, ties counting half (Mann–Whitney).
 * NaN when a class is missing. `counts` [rows] says how often each row counts (default once): what a resample needs.
 */
export function areaUnderRoc(
  { predictions, labels }: Scored,
  order = ascendingOrder(predictions),
  counts?: Uint16Array,
): number {
  let area = 0
  let positives = 0
  let negatives = 0
  for (let i = 0; i < order.length; ) {
    const score = predictions[order[i] as number]
    let tiedPositives = 0
    let tiedNegatives = 0
    for (; i < order.length && predictions[order[i] as number] === score; i++) {
      const row = order[i] as number
      const count = counts === undefined ? 1 : (counts[row] as number)
      if (labels[row] === 1) tiedPositives += count
      else tiedNegatives += count
    }
    area += tiedPositives * (negatives + tiedNegatives / 2)
    positives += tiedPositives
    negatives += tiedNegatives
  }
  return area / (positives * negatives)
}

/** Cross-entropy of one prediction, clipped as scikit-learn clips float64. */
export function logLossOf(prediction: number, label: number): number {
  const p = Math.min(Math.max(prediction, Number.EPSILON), 1 - Number.EPSILON)
  return -(label === 1 ? Math.log(p) : Math.log(1 - p))
}

/** One bin of a reliability diagram. */
export interface ReliabilityBin {
  readonly rows: number
  readonly meanPrediction: number
  readonly positiveShare: number
}

/** A reliability diagram over ten equal-count bins, cut as scikit-learn's `calibration_curve(strategy='quantile')` cuts them. */
export function reliability({ predictions, labels }: Scored, order = ascendingOrder(predictions)): ReliabilityBin[] {
  const n = predictions.length
  const at = (rank: number): number => predictions[order[rank] as number] as number
  const cuts = Array.from({ length: 9 }, (_, i) => {
    const position = ((i + 1) / 10) * (n - 1)
    const low = Math.floor(position)
    // numpy's linear interpolation, from the nearer end.
    const [a, b, t] = [at(low), at(Math.min(low + 1, n - 1)), position - low]
    return t < 0.5 ? a + (b - a) * t : b - (b - a) * (1 - t)
  })
  const rows = new Float64Array(10)
  const sums = new Float64Array(10)
  const hits = new Float64Array(10)
  for (let i = 0, bin = 0; i < n; i++) {
    const row = order[i] as number
    const prediction = predictions[row] as number
    while (bin < 9 && prediction > (cuts[bin] as number)) bin++
    rows[bin] = (rows[bin] as number) + 1
    sums[bin] = (sums[bin] as number) + prediction
    hits[bin] = (hits[bin] as number) + (labels[row] as number)
  }
  return Array.from(rows, (count, bin) => ({
    rows: count,
    meanPrediction: (sums[bin] as number) / count,
    positiveShare: (hits[bin] as number) / count,
  })).filter((bin) => bin.rows > 0)
}

/**
 * Metrics of a binary classifier; a positive prediction is one of at least 0.5. Without a positive label recall and F1 are NaN, and so is
 * AUC without both classes; a precision of no positive predictions is 0, as in scikit-learn, unless there is no positive label either.
 */
export function binaryMetricsOf(scored: Scored): BinaryMetrics {
  const { predictions, labels } = scored
  const n = predictions.length
  const order = ascendingOrder(predictions)
  let [loss, brier, right, truePositives, predicted, positives] = [0, 0, 0, 0, 0, 0]
  for (let i = 0; i < n; i++) {
    const prediction = predictions[i] as number
    const label = labels[i] as number
    const decision = prediction >= 0.5 ? 1 : 0
    loss += logLossOf(prediction, label)
    brier += (prediction - label) ** 2
    if (decision === label) right++
    if (decision === 1 && label === 1) truePositives++
    predicted += decision
    positives += label
  }
  const bins = reliability(scored, order)
  return {
    auc: areaUnderRoc(scored, order),
    logLoss: loss / n,
    brier: brier / n,
    calibrationError: bins.reduce(
      (sum, bin) => sum + (bin.rows / n) * Math.abs(bin.meanPrediction - bin.positiveShare),
      0,
    ),
    accuracy: right / n,
    precision: predicted === 0 && positives > 0 ? 0 : truePositives / predicted,
    recall: truePositives / positives,
    f1: positives === 0 ? Number.NaN : (2 * truePositives) / (predicted + positives),
  }
}

/** Whether all labels are equal. By value: the variance of equal labels is not 0 in floating point. */
export const areAllEqual = (labels: Float64Array): boolean => labels.every((label) => label === labels[0])

/** Root mean squared error, mean absolute error and R² (NaN when all labels are equal). */
export function regressionMetricsOf({ predictions, labels }: Scored): RegressionMetrics {
  const n = predictions.length
  // From the first label on: a mean far from zero would lose the digits in which labels differ.
  const first = labels[0] ?? 0
  let shift = 0
  for (const label of labels) shift += (label - first) / n
  let [squares, absolutes, total] = [0, 0, 0]
  for (let i = 0; i < n; i++) {
    const error = (predictions[i] as number) - (labels[i] as number)
    squares += error * error
    absolutes += Math.abs(error)
    total += ((labels[i] as number) - first - shift) ** 2
  }
  return {
    rmse: Math.sqrt(squares / n),
    mae: absolutes / n,
    r2: areAllEqual(labels) ? Number.NaN : 1 - squares / total,
  }
}

/** The rows at some positions. */
export function selectRows({ predictions, labels }: Scored, rows: Uint32Array): Scored {
  return {
    predictions: new (predictions.constructor as Float64ArrayConstructor)(rows.length).map(
      (_, i) => predictions[rows[i] as number] as number,
    ),
    labels: Float64Array.from(rows, (row) => labels[row] as number),
  }
}
