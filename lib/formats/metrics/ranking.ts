import { ascendingOrder } from './ascending-order.ts'
import type { Scored } from './metric.ts'

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

/** One bin of a reliability diagram. */
export interface ReliabilityBin {
  readonly rows: number
  readonly meanPrediction: number
  readonly positiveShare: number
}

/**
 * A reliability diagram over ten equal-count bins, cut as scikit-learn's `calibration_curve(strategy='quantile')` cuts
 * them.
 */
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
