import type { LearnerRows } from '../learner.ts'
import type { LinearModel } from './model.ts'

/** The variance of each input's term over the rows, whose weights count. */
export const variancesOf = (...given: Parameters<typeof deviationsOf>): Float64Array =>
  deviationsOf(...given).map((each) => each ** 2)

/**
 * How much each input matters: the standard deviation of its term over the rows, as a share of the sum of all. Of a
 * number without missing values that is its weight's size times its own deviation. All 0 where no term varies.
 * @param inputs how many there are
 */
export function importanceOf(...given: Parameters<typeof deviationsOf>): number[] {
  const deviations = deviationsOf(...given)
  const total = deviations.reduce((sum, each) => sum + each, 0)
  return Array.from(deviations, (each) => (total === 0 ? 0 : each / total))
}

/** The standard deviation of each input's term over the rows. */
function deviationsOf(
  { design, weights }: Pick<LinearModel, 'design' | 'weights'>,
  { features, labels, weights: rowWeights }: LearnerRows,
  inputs: number,
): Float64Array {
  const deviations = new Float64Array(inputs)
  const deviationOf = (term: (row: number) => number): number => deviation(labels.length, term, rowWeights)
  design.numbers.forEach(({ input, mean, deviation, missingColumn }, i) => {
    const values = features[input] as Float32Array
    const slope = deviation === 0 ? 0 : (weights[i] as number) / deviation
    const ofMissing = missingColumn === undefined ? 0 : (weights[missingColumn] as number)
    deviations[input] = deviationOf((row) => {
      const value = values[row] as number
      return Number.isNaN(value) ? ofMissing : (value - mean) * slope
    })
  })
  for (const { input, first } of design.texts) {
    const codes = features[input] as Float32Array
    deviations[input] = deviationOf((row) => {
      const code = codes[row] as number
      return Number.isNaN(code) ? 0 : (weights[first + code] as number)
    })
  }
  return deviations
}

function deviation(rows: number, term: (row: number) => number, weights: Float32Array | undefined): number {
  let [total, mean, squares] = [0, 0, 0]
  // West (1979), Updating mean and variance estimates.
  for (let row = 0; row < rows; row++) {
    const weight = weights?.[row] ?? 1
    if (weight === 0) continue
    total += weight
    const off = term(row) - mean
    mean += (off * weight) / total
    squares += weight * off * (term(row) - mean)
  }
  return total === 0 ? 0 : Math.sqrt(Math.max(0, squares) / total)
}
