import type { Dimension } from '../../formats/tuning.ts'
import { cellAt, type Point } from './space.ts'

/** A density over a space: a mixture of kernels, each a product over the dimensions. */
export interface Parzen {
  /** The logarithm of the density at a point; of whole numbers and choices it is their probability. */
  logDensity(point: Point): number
  /** A point drawn from it. `uniform` gives numbers of [0, 1). */
  draw(uniform: () => number): number[]
}

/**
 * How wide kernels are, of 1 that a dimension is wide: as Scott's rule says of so many points in so many dimensions
 * (Optuna's 0.2 times), and never so narrow that the search stays where it is.
 */
const widthOf = (points: number, dimensions: number): number => Math.max(0.05, 0.2 * points ** (-1 / (dimensions + 4)))

/**
 * The density of some points of a space: a kernel on each point and one over the whole space, the prior, all of the
 * same weight (Bergstra et al. 2011, section 4; for several dimensions at once as BOHB, Falkner et al. 2018). A number
 * has a normal kernel cut off at the bounds; a whole number the probability of its cell; a choice its own value with a
 * little of all others, 1 part in the number of kernels each.
 * @param sigma how wide the kernels of points are
 */
export function parzen(
  dimensions: readonly Dimension[],
  points: readonly Point[],
  sigma: number = widthOf(points.length, dimensions.length),
): Parzen {
  const kernels = points.length + 1
  const columns = dimensions.map((dimension, d) => {
    const centres = points.map((point) => point[d] as number)
    return dimension.kind === 'choice'
      ? choiceKernels(dimension.of.length, centres)
      : normalKernels(dimension, [...centres, 0.5], [...centres.map(() => sigma), 1])
  })
  return {
    logDensity(point) {
      const logs = new Float64Array(kernels)
      columns.forEach((column, d) => {
        const mass = column.at(point[d] as number)
        for (let j = 0; j < kernels; j++) logs[j] = (logs[j] as number) + Math.log(Math.max(mass(j), 1e-300))
      })
      return logOfSum(logs) - Math.log(kernels)
    },
    draw(uniform) {
      const kernel = Math.floor(uniform() * kernels)
      return columns.map((column) => column.draw(kernel, uniform))
    },
  }
}

/** The kernels of one dimension. */
interface Kernels {
  /** What each kernel has at a place. */
  at(place: number): (kernel: number) => number
  draw(kernel: number, uniform: () => number): number
}

function normalKernels(dimension: Dimension, centres: readonly number[], sigmas: readonly number[]): Kernels {
  const within =
    (low: number, high: number) =>
    (j: number): number => {
      const [centre, sigma] = [centres[j] as number, sigmas[j] as number]
      return normalBetween((low - centre) / sigma, (high - centre) / sigma)
    }
  const whole = centres.map((_, j) => within(0, 1)(j))
  return {
    at(place) {
      if (dimension.kind === 'whole') {
        const cell = within(...cellAt(dimension, place))
        return (j) => cell(j) / (whole[j] as number)
      }
      return (j) => {
        const sigma = sigmas[j] as number
        const z = (place - (centres[j] as number)) / sigma
        return Math.exp(-0.5 * z * z) / (sigma * Math.sqrt(2 * Math.PI) * (whole[j] as number))
      }
    },
    draw(j, uniform) {
      // Centres lie within the bounds: of a normal kernel a third is within them at least.
      for (let tries = 0; tries < 64; tries++) {
        const place = (centres[j] as number) + (sigmas[j] as number) * normal(uniform)
        if (place >= 0 && place <= 1) return place
      }
      return uniform()
    },
  }
}

function choiceKernels(values: number, centres: readonly number[]): Kernels {
  const kernels = centres.length + 1
  const total = 1 + values / kernels
  return {
    at: (place) => (j) => (j === centres.length ? 1 / values : ((centres[j] === place ? 1 : 0) + 1 / kernels) / total),
    draw(j, uniform) {
      const own = j < centres.length && uniform() * total < 1
      return own ? (centres[j] as number) : Math.floor(uniform() * values)
    },
  }
}

/** A standard normal number (Box & Muller 1958). */
function normal(uniform: () => number): number {
  const radius = Math.sqrt(-2 * Math.log(1 - uniform()))
  return radius * Math.cos(2 * Math.PI * uniform())
}

/** The probability of a standard normal number between two bounds. */
function normalBetween(low: number, high: number): number {
  // On the side where both are small: nothing is lost to 1.
  if (low > 0) return normalBetween(-high, -low)
  return below(high) - below(low)
}

const below = (z: number): number => 0.5 * erfc(-z / Math.SQRT2)

/** The complementary error function, to 1.2e-7 of itself (Press et al., Numerical Recipes, section 6.2). */
function erfc(x: number): number {
  const z = Math.abs(x)
  const t = 1 / (1 + 0.5 * z)
  const sum = coefficients.reduceRight((inner, coefficient) => coefficient + t * inner, 0)
  const tail = t * Math.exp(-z * z + sum)
  return x >= 0 ? tail : 2 - tail
}

const coefficients = [
  -1.26551223, 1.00002368, 0.37409196, 0.09678418, -0.18628806, 0.27886807, -1.13520398, 1.48851587, -0.82215223,
  0.17087277,
]

function logOfSum(logs: Float64Array): number {
  const most = logs.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY)
  return most + Math.log(logs.reduce((sum, log) => sum + Math.exp(log - most), 0))
}
