import { lessOffset } from '../code/run-features.ts'
import type { FeatureVector } from './dataset.ts'
import type { CategoryOrder, ModelInput } from './learner.ts'

/** Weight, in rows, of the overall mean in the mean of a category. */
const smoothing = 20

/**
 * The model's inputs: numbers as they are; a category's values in the order of their codes. For thresholds these follow
 * the mean label of the training rows (smoothed, ties by name), so that a threshold on the code parts them well (Fisher
 * 1958; Breiman et al., CART, 1984, sec. 4.2.2). Where any order would do, the most frequent values come first, and
 * others than those are not known.
 */
export function fitInputs(
  features: readonly FeatureVector[],
  labels: Float64Array,
  order: CategoryOrder,
): ModelInput[] {
  const mean = labels.reduce((sum, label) => sum + label, 0) / labels.length
  return features.map((feature) => {
    if (feature.kind === 'number') return { name: feature.name, kind: 'number' }
    const sums = new Float64Array(feature.values.length)
    const counts = new Float64Array(feature.values.length)
    feature.codes.forEach((code, row) => {
      if (code < 0) return
      sums[code] = (sums[code] as number) + (labels[row] as number)
      counts[code] = (counts[code] as number) + 1
    })
    const ranked = feature.values.map((value, code) => ({
      value,
      count: counts[code] as number,
      mean: ((sums[code] as number) + smoothing * mean) / ((counts[code] as number) + smoothing),
    }))
    if (order.by === 'frequency')
      ranked.sort((a, b) => b.count - a.count || (a.value < b.value ? -1 : 1)).splice(order.most)
    else ranked.sort((a, b) => a.mean - b.mean || (a.value < b.value ? -1 : 1))
    return { name: feature.name, kind: 'category', categories: ranked.map(({ value }) => value) }
  })
}

/**
 * Features as learners see them, [features][rows] float32: numbers less their offset, a category's value as its rank,
 * unknown and missing ones NaN.
 */
export function encode(features: readonly FeatureVector[], inputs: readonly ModelInput[]): Float32Array[] {
  return inputs.map((input) => {
    const feature = features.find(({ name }) => name === input.name) as FeatureVector
    if (feature.kind === 'number') return lessOffset(feature.values, feature.offset)
    const ranks = new Map(input.kind === 'category' ? input.categories.map((value, rank) => [value, rank]) : [])
    const rankOfCode = Float32Array.from(feature.values, (value) => ranks.get(value) ?? Number.NaN)
    return Float32Array.from(feature.codes, (code) => (code < 0 ? Number.NaN : (rankOfCode[code] as number)))
  })
}
