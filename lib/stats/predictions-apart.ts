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

interface Comparing {
  /**
   * The largest difference allowed: of a probability as it is; of other numbers (`isProbability` false) in standard
   * deviations of what was predicted.
   */
  readonly tolerance: number
  readonly isProbability: boolean
  /** How many numbers a row has, each with a deviation of its own. */
  readonly width?: number
}

/**
 * Compares what was predicted with what is predicted again.
 */
export function predictionsApart(
  recorded: Predictions,
  again: Predictions,
  { tolerance, isProbability, width = 1 }: Comparing,
): PredictionsApart {
  const count = Math.max(recorded.length, again.length)
  // What several numbers of a row are measured in differs: each is told in the units of one.
  const spreads = Array.from({ length: width }, (_, column) => (isProbability ? 1 : spread(recorded, column, width)))
  const unit = spreads.find((own) => own > 0) ?? 0
  let [largest, at, sum, finite] = [0, 0, 0, 0]
  for (let i = 0; i < count; i++) {
    const apart = distance(recorded[i], again[i]) * share(unit, spreads[i % width] as number)
    if (apart > largest) [largest, at] = [apart, i]
    if (!Number.isFinite(apart)) continue
    sum += apart
    finite++
  }
  const limit = tolerance * unit
  return { predictions: count, largest, at, mean: finite === 0 ? 0 : sum / finite, limit, passed: largest <= limit }
}

/** A distance in one unit by one in another; of one that is 0 the distance stays. */
const share = (unit: number, own: number): number => (own === unit || own === 0 ? 1 : unit / own)

/** Infinite where only one of them is a number. */
function distance(a = Number.NaN, b = Number.NaN): number {
  if (Object.is(a, b) || a === b) return 0
  const apart = Math.abs(a - b)
  return Number.isNaN(apart) ? Number.POSITIVE_INFINITY : apart
}

/** Standard deviation of the finite ones, 0 for none. */
function spread(values: Predictions, column: number, width: number): number {
  const finite = Array.from(values).filter((value, i) => i % width === column && Number.isFinite(value))
  const mean = finite.reduce((sum, value) => sum + value, 0) / Math.max(1, finite.length)
  const squares = finite.reduce((sum, value) => sum + (value - mean) ** 2, 0)
  return Math.sqrt(squares / Math.max(1, finite.length))
}
