import type { Numbers } from '../formats/columns.ts'
import { seededRandom } from '../stats/random.ts'
import type { FeatureVector, LabelledFeatures } from './dataset.ts'

/**
 * A share of the training rows, in their order: of each class so large a share, one row at least; of a ranking so many
 * of the groups, whole. A larger share has all rows of a smaller one by the same seed.
 * @param isOfClasses whether labels are classes
 */
export function shareOfRows(
  rows: LabelledFeatures,
  { share, seed, isOfClasses }: { readonly share: number; readonly seed: number; readonly isOfClasses: boolean },
): LabelledFeatures {
  if (share >= 1) return rows
  const { labels, groups, weights } = rows
  const [first] = rows.features
  const count = first === undefined ? labels.length : (first.kind === 'number' ? first.values : first.codes).length
  const kept =
    groups === undefined
      ? chosen(isOfClasses ? labels : new Float64Array(count), share, seed)
      : rowsOfGroups(groups, share, seed)
  return {
    ...rows,
    features: rows.features.map(
      (feature): FeatureVector =>
        feature.kind === 'number'
          ? { ...feature, values: taken(feature.values, kept) }
          : { ...feature, codes: kept.map((row) => feature.codes[row] as number) },
    ),
    labels: taken(labels, kept, labels.length / count),
    ...(groups !== undefined && {
      groups: { ...groups, numbers: Uint32Array.from(kept, (row) => groups.numbers[row] as number) },
    }),
    ...(weights !== undefined && { weights: taken(weights, kept) }),
  }
}

/** Rows in ascending order: of those with the same label the first so many in an order by chance. */
function chosen(labels: Float64Array, share: number, seed: number): Int32Array {
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

/** Rows of so many of the groups. */
function rowsOfGroups(
  { numbers, names }: NonNullable<LabelledFeatures['groups']>,
  share: number,
  seed: number,
): Int32Array {
  const kept = new Set(chosen(new Float64Array(names.length), share, seed))
  return Int32Array.from(numbers.keys()).filter((row) => kept.has(numbers[row] as number))
}

/** @param width how many values a row has */
function taken<Values extends Numbers>(values: Values, rows: Int32Array, width = 1): Values {
  const made = new (values.constructor as Float64ArrayConstructor)(rows.length * width)
  rows.forEach((row, i) => {
    for (let column = 0; column < width; column++) made[i * width + column] = values[row * width + column] as number
  })
  return made as unknown as Values
}
