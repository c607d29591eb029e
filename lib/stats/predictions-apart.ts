/** Predictions of one model for some rows, one after the other, in the order of the rows. */
export type Predictions = ArrayLike<number>

/** How far the predictions of two models for the same rows are apart. */
export interface PredictionsApart {
  readonly predictions: number
  /** The largest difference; infinite where one of them predicts no number and the other one does. */
  readonly largest: number
  /** Where that is, from 0. */
  readonly at: number
  /** The mean of the differences that are finite. */
  readonly mean: number
  /** What is allowed. */
  readonly limit: number
  readonly passed: boolean
}

/**
 * Compares what was predicted with what is predicted again.
 * @param tolerance largest difference allowed: of a probability as it is; of other numbers (`isProbability` false) in
 *   standard deviations of what was predicted
 */
export function predictionsApart(
  recorded: Predictions,
  again: Predictions,
  { tolerance, isProbability }: { readonly tolerance: number; readonly isProbability: boolean },
): PredictionsApart {
  const count = Math.max(recorded.length, again.length)
  let [largest, at, sum, finite] = [0, 0, 0, 0]
  for (let i = 0; i < count; i++) {
    const apart = distance(recorded[i], again[i])
    if (apart > largest) [largest, at] = [apart, i]
    if (!Number.isFinite(apart)) continue
    sum += apart
    finite++
  }
  const limit = isProbability ? tolerance : tolerance * spread(recorded)
  return { predictions: count, largest, at, mean: finite === 0 ? 0 : sum / finite, limit, passed: largest <= limit }
}

/** Infinite where only one of them is a number. */
function distance(a = Number.NaN, b = Number.NaN): number {
  if (Object.is(a, b) || a === b) return 0
  const apart = Math.abs(a - b)
  return Number.isNaN(apart) ? Number.POSITIVE_INFINITY : apart
}

/** Standard deviation of the finite ones, 0 for none. */
function spread(values: Predictions): number {
  const finite = Array.from(values).filter(Number.isFinite)
  const mean = finite.reduce((sum, value) => sum + value, 0) / Math.max(1, finite.length)
  const squares = finite.reduce((sum, value) => sum + (value - mean) ** 2, 0)
  return Math.sqrt(squares / Math.max(1, finite.length))
}
