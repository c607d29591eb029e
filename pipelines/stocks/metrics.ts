/**
 * How far predictions are off, as a share of how far the guess is off that nothing changes: the root of the mean
 * squared error of the one, by that of the other. Below 1 a model is nearer than that guess; where no price moves it
 * is NaN.
 */
export function shareOfNoChange(predictions: ArrayLike<number>, labels: Float64Array): number {
  let [missed, moved] = [0, 0]
  for (const [i, label] of labels.entries()) {
    missed += ((predictions[i] as number) - label) ** 2
    moved += label ** 2
  }
  return Math.sqrt(missed / moved)
}
