/** Points in (0, 1) and their weights, which add up to 1. */
export interface Quadrature {
  readonly at: Float64Array
  readonly weights: Float64Array
}

/**
 * Gauss–Legendre quadrature on [0, 1]: exact for polynomials of a degree below 2 · points. Roots of the Legendre
 * polynomial by Newton's method from Chebyshev's guess (Press et al., Numerical Recipes, section 4.6).
 */
export function gaussLegendre(points: number): Quadrature {
  const [at, weights] = [new Float64Array(points), new Float64Array(points)]
  for (let i = 0; i < points; i++) {
    let x = Math.cos((Math.PI * (i + 0.75)) / (points + 0.5))
    let slope = 1
    for (let round = 0; round < 100; round++) {
      let [value, before] = [1, 0]
      for (let degree = 1; degree <= points; degree++) {
        const next = ((2 * degree - 1) * x * value - (degree - 1) * before) / degree
        before = value
        value = next
      }
      slope = (points * (x * value - before)) / (x * x - 1)
      const step = value / slope
      x -= step
      if (Math.abs(step) < 1e-15) break
    }
    at[i] = (1 - x) / 2
    weights[i] = 1 / ((1 - x * x) * slope * slope)
  }
  return { at, weights }
}
