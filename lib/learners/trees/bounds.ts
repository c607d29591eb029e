/*
 * Monotone constraints as LightGBM's basic method keeps them: a split by a constrained feature has to rise (or fall)
 * from left to right, and what grows below it stays on its side of the middle. Bounds and outputs are in units of a
 * summed gradient by a summed hessian.
 */

/** What a leaf may answer. */
export interface Bounds {
  readonly least: number
  readonly most: number
}

export const unbounded: Bounds = { least: Number.NEGATIVE_INFINITY, most: Number.POSITIVE_INFINITY }

/** How the answer may change with a feature: not at all downwards (1) or upwards (-1), or as it likes. */
export type Direction = 1 | 0 | -1

/** Sums of gradients and of hessians, these with the penalty. */
export interface PenalisedSums {
  readonly gradient: number
  readonly hessian: number
}

/** The best answer within bounds. */
export function outputOf({ gradient, hessian }: PenalisedSums, { least, most }: Bounds): number {
  return Math.min(most, Math.max(least, -gradient / hessian))
}

/** How much an answer lowers the loss, twice: without bounds gradient² / hessian. */
export function loweredBy({ gradient, hessian }: PenalisedSums, output: number): number {
  return -(2 * gradient + hessian * output) * output
}

/** The bounds of both sides of a split in some direction, where outputs are these. */
export function boundsBelow(
  { least, most }: Bounds,
  direction: Direction,
  [left, right]: readonly [number, number],
): readonly [Bounds, Bounds] {
  const own = { least, most }
  if (direction === 0) return [own, own]
  const middle = (left + right) / 2
  const [lower, upper] = [
    { least, most: Math.min(most, middle) },
    { least: Math.max(least, middle), most },
  ]
  return direction === 1 ? [lower, upper] : [upper, lower]
}
