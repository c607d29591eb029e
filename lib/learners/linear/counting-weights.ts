/**
 * Weights of rows whose sum is the number of rows that have one: the penalty weighs as much whatever they are measured
 * in.
 */
export function countingWeights(weights: Float32Array): Float64Array {
  let [sum, count] = [0, 0]
  for (const weight of weights) {
    sum += weight
    if (weight > 0) count++
  }
  return Float64Array.from(weights, (weight) => (weight / sum) * count)
}
