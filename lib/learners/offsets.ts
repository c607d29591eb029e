import { lessOffset } from '../code/run-features.ts'
import type { Numbers } from '../formats/columns.ts'
import { stepOfFloat32 } from '../stats/standard.ts'
import type { FeatureVector, LabelledFeatures } from './dataset.ts'

/** Values looked at to see what float32 would merge, at most. */
const sampleSize = 200_000
/** As many float32 steps as there should be between the quartile and the middle of a feature. */
const enoughSteps = 2 ** 20

/**
 * What numbers lie too far from zero for float32, milliseconds since 1970 above all (a step of 131,072 there, two
 * minutes), and what to subtract from them first, in float64: their median. Only where float32 merges values that
 * differ and fewer of them after that, so that most features stay as they are. Decided on a sample that is spread
 * evenly over the rows.
 * @returns by name; others need nothing
 */
export function offsetsOf(features: readonly FeatureVector[]): ReadonlyMap<string, number> {
  return new Map(
    features.flatMap((feature) => {
      const offset = feature.kind === 'number' ? offsetOf(feature.values) : undefined
      return offset === undefined ? [] : [[feature.name, offset] as const]
    }),
  )
}

function offsetOf(values: Numbers): number | undefined {
  if (values instanceof Float32Array) return undefined
  const step = Math.max(1, Math.ceil(values.length / sampleSize))
  const sample = values.filter((value, row) => row % step === 0 && !Number.isNaN(value)).sort()
  const n = sample.length
  if (n === 0 || sample.every((value) => Math.fround(value) === value)) return undefined
  const [low, middle, high] = [0.25, 0.5, 0.75].map((q) => sample[Math.floor(q * (n - 1))] as number) as [
    number,
    number,
    number,
  ]
  const widths = [middle - low, high - middle, (sample[n - 1] as number) - (sample[0] as number)]
  const width = widths.find((each) => each > 0) ?? 0
  if (stepOfFloat32(middle) * enoughSteps <= width) return undefined
  const merged = n - distinct(sample, 0)
  return merged > n - distinct(sample, middle) ? middle : undefined
}

/** How many float32 values numbers [ascending] are, less an offset. */
function distinct(ascending: Numbers, offset: number): number {
  let count = 0
  let last = Number.NaN
  for (const value of ascending) {
    const rounded = Math.fround(value - offset)
    if (rounded !== last) count++
    last = rounded
  }
  return count
}

/** Features as models of this training take them: in float32, but for those with an offset. */
export function withOffsets(made: LabelledFeatures, offsets: ReadonlyMap<string, number>): LabelledFeatures {
  const features = made.features.map((feature): FeatureVector => {
    if (feature.kind === 'category') return feature
    const offset = offsets.get(feature.name)
    return offset === undefined
      ? { ...feature, values: lessOffset(feature.values, undefined) }
      : { ...feature, offset, values: Float64Array.from(feature.values) }
  })
  return { ...made, features }
}
