import type { Scored } from './metric.ts'

/**
 * Normalised discounted cumulative gain: the mean over groups of what the ranking by predictions gains, as a share of
 * what the best ranking would (Järvelin & Kekäläinen 2002; scikit-learn's `ndcg_score`). The gain of a row is its label
 * (LightGBM and XGBoost take 2^label − 1 by default: their numbers differ), the discount of rank r is log2(r + 1), and
 * rows of equal predictions share the mean gain of all their orders (McSherry & Najork 2008). As in scikit-learn a
 * group without any gain counts 0; one of a single row cannot be ranked and is left out, and NaN is answered where no
 * other is.
 * @param groups [rows] which group a row is of; rows of one need not be together
 * @param most ranks that count, from the first; all without
 */
export function ndcg(
  { predictions, labels }: Scored,
  groups: ArrayLike<number>,
  most = Number.POSITIVE_INFINITY,
): number {
  const rowsOf = new Map<number, number[]>()
  for (let row = 0; row < labels.length; row++) {
    const group = groups[row] as number
    const rows = rowsOf.get(group)
    if (rows === undefined) rowsOf.set(group, [row])
    else rows.push(row)
  }
  let [sum, ranked] = [0, 0]
  for (const rows of rowsOf.values()) {
    if (rows.length < 2) continue
    ranked++
    const best = discountedGain(rows, labels, labels, most)
    if (best > 0) sum += discountedGain(rows, predictions, labels, most) / best
  }
  return sum / ranked
}

/** The discounted gain of rows in the descending order of their scores. */
function discountedGain(
  rows: readonly number[],
  scores: ArrayLike<number>,
  gains: ArrayLike<number>,
  most: number,
): number {
  const order = rows.toSorted((a, b) => (scores[b] as number) - (scores[a] as number))
  let total = 0
  for (let rank = 0; rank < order.length; ) {
    const score = scores[order[rank] as number]
    let [gain, discount, tied] = [0, 0, 0]
    for (; rank < order.length && scores[order[rank] as number] === score; rank++, tied++) {
      gain += gains[order[rank] as number] as number
      if (rank < most) discount += 1 / Math.log2(rank + 2)
    }
    total += (gain / tied) * discount
  }
  return total
}
