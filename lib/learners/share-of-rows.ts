import type { Numbers } from '../formats/columns.ts'
import { seededRandom } from '../stats/random.ts'
import type { FeatureVector, LabelledFeatures } from './dataset.ts'

/**
 * A share of the training rows, in their order: of each class so large a share, one row at least. A larger share has
 * all rows of a smaller one by the same seed.
 * @param isOfClasses whether labels are classes
 */
export function shareOfRows(
  rows: LabelledFeatures,
  { share, seed, isOfClasses }: { readonly share: number; readonly seed: number; readonly isOfClasses: boolean },
): LabelledFeatures {
  if (share >= 1) return rows
  const kept = chosenRows(isOfClasses ? rows.labels : new Float64Array(rows.labels.length), share, seed)
  return {
    ...rows,
    features: rows.features.map(
      (feature): FeatureVector =>
        feature.kind === 'number'
          ? { ...feature, values: taken(feature.values, kept) }
          : { ...feature, codes: kept.map((row) => feature.codes[row] as number) },
    ),
    labels: taken(rows.labels, kept),
    ...(rows.weights !== undefined && { weights: taken(rows.weights, kept) }),
  }
}

/** Rows in ascending order: of those with the same label the first so many in an order by chance. */
function chosenRows(labels: Float64Array, share: number, seed: number): Int32Array {
  const random = seededRandom(seed)
  const order = Int32Array.from(labels, (_, row) => row)
  for (let i = order.length - 1; i > 0; i--) {
    const j = Math.floor((random() / 2 ** 32) * (i + 1))
    const row = order[i] as number
    order[i] = order[j] as number
    order[j] = row
  }
  const counts = new Map<number, number>()
  for (const label of labels) counts.set(label, (counts.get(label) ?? 0) + 1)
  const left = new Map([...counts].map(([label, rows]) => [label, Math.max(1, Math.round(rows * share))]))
  const kept = order.filter((row) => {
    const label = labels[row] as number
    const more = left.get(label) as number
    left.set(label, more - 1)
    return more > 0
  })
  return kept.sort()
}

function taken<Values extends Numbers>(values: Values, rows: Int32Array): Values {
  const made = new (values.constructor as Float64ArrayConstructor)(rows.length)
  rows.forEach((row, i) => {
    made[i] = values[row] as number
  })
  return made as unknown as Values
}
