import type { Numbers } from '../formats/columns.ts'

/**
 * Where the labels of a regression lie and how far they spread: what they are measured by before anything becomes
 * float32.
 */
export interface Standard {
  readonly centre: number
  /** Standard deviation (ddof 0); 0 where all labels are equal. */
  readonly spread: number
}

/**
 * Mean and standard deviation of the labels, in float64, each row by its weight. Deviations are taken from a label, so
 * that a target far from zero loses no more than its own float64 already has: labels c·y + d give the same (y − centre)
 * / spread.
 */
export function standardOf(labels: Numbers, weights?: ArrayLike<number>): Standard {
  const from = labels[0] ?? 0
  const weightOf = (row: number): number => weights?.[row] ?? 1
  let [sum, total, largest] = [0, 0, 0]
  for (let row = 0; row < labels.length; row++) {
    const deviation = (labels[row] as number) - from
    largest = Math.max(largest, Math.abs(deviation))
    sum += weightOf(row) * deviation
    total += weightOf(row)
  }
  if (largest === 0) return { centre: from, spread: 0 }
  const centre = from + sum / total
  // Shares of the largest, for squares must neither overflow nor vanish.
  let squares = 0
  for (let row = 0; row < labels.length; row++)
    squares += weightOf(row) * (((labels[row] as number) - centre) / largest) ** 2
  return { centre, spread: largest * Math.sqrt(squares / total) }
}

/** What labels are divided by. */
export const scaleOf = ({ spread }: Standard): number => (spread === 0 ? 1 : spread)

/**
 * What differences of predictions are measured in: their spread, and as much of their size as lets four float32 steps
 * pass, for others add trees up in another order.
 */
export function unitOfDifferences(predictions: Numbers): number {
  const standard = standardOf(predictions)
  return predictions instanceof Float64Array ? scaleOf(standard) : scaleOf(standard) + Math.abs(standard.centre) / 16
}

/** Labels from their centre, in units of their spread: [rows]. */
export function standardized(labels: Numbers, standard: Standard): Float64Array {
  const scale = scaleOf(standard)
  return Float64Array.from(labels, (label) => (label - standard.centre) / scale)
}

/**
 * Whether predictions need float64. A float32 step at the centre is then more than 1/16,384 of the spread, as with
 * seconds since 1970 (a step of 128), or the spread is next to the ends of what float32 can hold.
 */
export function needsFloat64({ centre, spread }: Standard): boolean {
  if (spread === 0) return Math.fround(centre) !== centre
  return Math.abs(centre) >= 1024 * spread || !(spread > 1e-30 && spread < 1e30)
}

/** How far float32 values lie apart at a number. */
export const stepOfFloat32 = (value: number): number =>
  2 ** (Math.max(-126, Math.floor(Math.log2(Math.abs(value)))) - 23)
