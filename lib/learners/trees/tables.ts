/*
 * The logistic function and its loss, looked up: a row's gradient costs one load, and the plain and the compiled loops
 * have no exponential to differ in.
 */

/** Full scale of a gradient and of a hessian in fixed point. */
export const gradientScale = 32_767
export const hessianScale = 65_535

/** Cells a unit of the score, a power of two, and how many: half of them below a score of 0. */
export const logisticCells = { perUnit: 2_048, count: 65_536 } as const
export const lossCells = { perUnit: 512, count: 32_768 } as const

/**
 * The gradient and hessian of the logistic loss of a negative label, g = p and h = p (1 − p), packed in fixed point, in
 * the middle of each cell: a score is off by at most 1/4096, the gradient by two units.
 */
export function fillLogistic(table: Int32Array): void {
  for (let cell = 0; cell < table.length; cell++) {
    const score = (cell + 0.5 - logisticCells.count / 2) / logisticCells.perUnit
    const p = 1 / (1 + Math.exp(-score))
    const hessian = Math.max(1, Math.round(p * (1 - p) * 4 * hessianScale))
    table[cell] = (Math.round(p * gradientScale) << 16) | hessian
  }
}

/**
 * The log loss of a negative label, log(1 + eˢ), at the borders of cells: interpolated, it is off by at most 1.2e-7.
 */
export function fillLogLosses(table: Float64Array): void {
  for (let cell = 0; cell < table.length; cell++)
    table[cell] = Math.log1p(Math.exp((cell - lossCells.count / 2) / lossCells.perUnit))
}

/** Cells of the table of logarithms of 1 to 2. */
export const logCells = 4_096

/** Natural logarithms at the borders of cells. */
export function fillLogs(table: Float64Array): void {
  for (let cell = 0; cell < table.length; cell++) table[cell] = Math.log1p(cell / logCells)
}

/** Full scale of a weight in fixed point: that of the heaviest row. */
export const weightScale = 65_535

/**
 * What one unit of a summed gradient and hessian is worth.
 * @param heaviest the largest weight of a row; undefined where all count alike
 */
export function fixedPointUnits(
  of: { readonly classes: number } | { readonly largestResidual: number },
  heaviest: number | undefined,
): { gradient: number; hessian: number } {
  // Weighed sums have lost 16 bits (see `weigh`), but for the hessians of a regression, which are weights then.
  const weight = heaviest === undefined ? 1 : (heaviest * 65_536) / weightScale
  if ('classes' in of) {
    // Of several classes LightGBM's, K / (K − 1): sums that are each others' rivals take smaller steps.
    const share = of.classes > 1 ? of.classes / (of.classes - 1) : 1
    return { gradient: weight / gradientScale, hessian: (share * weight) / (4 * hessianScale) }
  }
  return {
    gradient: (weight * of.largestResidual) / gradientScale,
    hessian: heaviest === undefined ? 1 : heaviest / weightScale,
  }
}
