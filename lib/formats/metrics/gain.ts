import { groupCount, groupRows, rowsOfGroup } from './groups.ts'
import type { Resampled, RowMetric, Scored } from './metric.ts'

/*
 * Metrics of a ranking, each the mean over groups of two rows or more: one row cannot be ranked. Labels say how much a
 * row is worth, 0 nothing. A group in which no row is worth anything counts 0, as in scikit-learn (LightGBM's own NDCG
 * takes 1 for it). Where no group has two rows they are NaN. Rows of equal predictions count as the mean over all their
 * orders, but in average precision, where scikit-learn takes them for one rank.
 */

/** How a group does: its labels and predictions in the descending order of the predictions. */
type OfGroup = (labels: Float64Array, predictions: Float64Array) => number

/**
 * Discounted cumulative gain of the first `most` ranks as a share of what the best order has (Järvelin & Kekäläinen
 * 2002; scikit-learn's `ndcg_score`). The gain of a row is its label (LightGBM and XGBoost take 2^label − 1 by default:
 * their numbers differ), the discount of rank r is log2(r + 1), and rows of equal predictions share the mean gain of
 * all their orders (McSherry & Najork 2008).
 */
const gainOf =
  (most: number): OfGroup =>
  (labels, predictions) => {
    const sorted = labels.toSorted((a, b) => b - a)
    const best = discountedGain(sorted, sorted, most)
    return best > 0 ? discountedGain(labels, predictions, most) / best : 0
  }

/** @param scores in descending order */
function discountedGain(gains: Float64Array, scores: Float64Array, most: number): number {
  let total = 0
  for (let rank = 0; rank < gains.length; ) {
    const score = scores[rank]
    let [gain, discount, tied] = [0, 0, 0]
    for (; rank < gains.length && scores[rank] === score; rank++, tied++) {
      gain += gains[rank] as number
      if (rank < most) discount += 1 / Math.log2(rank + 2)
    }
    total += (gain / tied) * discount
    if (rank >= most) break
  }
  return total
}

/** One by the rank of the first row that is worth anything (TREC-8 question answering track, Voorhees 1999). */
const reciprocalRank: OfGroup = (labels, predictions) => {
  for (let rank = 0; rank < labels.length; ) {
    const score = predictions[rank]
    const before = rank
    let worth = 0
    for (; rank < labels.length && predictions[rank] === score; rank++) worth += Number((labels[rank] as number) > 0)
    if (worth > 0) return meanOfFirst(before, rank - before, worth)
  }
  return 0
}

/**
 * The mean of 1 / rank of the first of `worth` rows among `tied` of any order, behind `before` others: it stands at
 * place j with the chance C(tied − j, worth − 1) / C(tied, worth).
 */
function meanOfFirst(before: number, tied: number, worth: number): number {
  let [mean, chance] = [0, worth / tied]
  for (let place = 1; place <= tied - worth + 1; place++) {
    mean += chance / (before + place)
    chance *= (tied - place - worth + 1) / (tied - place)
  }
  return mean
}

/** The mean precision at the ranks of rows that are worth anything: scikit-learn's `average_precision_score`. */
const averagePrecision: OfGroup = (labels, predictions) => {
  let [sum, found] = [0, 0]
  for (let rank = 0; rank < labels.length; ) {
    const score = predictions[rank]
    let worth = 0
    for (; rank < labels.length && predictions[rank] === score; rank++) worth += Number((labels[rank] as number) > 0)
    found += worth
    sum += worth * (found / rank)
  }
  return found === 0 ? 0 : sum / found
}

/**
 * How each group does, by its place; NaN of a group of one row.
 * @throws RangeError where nobody said which rows are ranked among each other
 */
function valuesOf({ predictions, labels, groups }: Scored, value: OfGroup) {
  if (groups === undefined) throw new RangeError('a ranking is measured by groups, and these rows have none')
  const grouped = groupRows(groups)
  const values = Float64Array.from({ length: groupCount(grouped) }, (_, place) => {
    const rows = rowsOfGroup(grouped, place)
    if (rows.length < 2) return Number.NaN
    const order = rows.toSorted((a, b) => (predictions[b] as number) - (predictions[a] as number))
    return value(
      Float64Array.from(order, (row) => labels[row] as number),
      Float64Array.from(order, (row) => predictions[row] as number),
    )
  })
  return { grouped, values }
}

/** NDCG of each group, NaN of one of a single row: by the place of the group, with the place of each row's. */
export function ndcgByGroup(scored: Scored): { readonly values: Float64Array; readonly placeOf: Uint32Array } {
  const { grouped, values } = valuesOf(scored, gainOf(Number.POSITIVE_INFINITY))
  return { values, placeOf: grouped.placeOf }
}

/** Draws of a bootstrap have all rows of a group equally often. */
const meanOverGroups = (value: OfGroup): Resampled => ({
  of(scored) {
    const { values } = valuesOf(scored, value)
    let [sum, count] = [0, 0]
    for (const each of values) {
      if (Number.isNaN(each)) continue
      sum += each
      count++
    }
    return sum / count
  },
  resampled(scored) {
    const { grouped, values } = valuesOf(scored, value)
    const firstRows = Uint32Array.from(values, (_, place) => grouped.rows[grouped.starts[place] as number] as number)
    return (counts) => {
      let [sum, drawn] = [0, 0]
      for (let place = 0; place < values.length; place++) {
        const [own, count] = [values[place] as number, counts[firstRows[place] as number] as number]
        if (Number.isNaN(own)) continue
        sum += own * count
        drawn += count
      }
      return sum / drawn
    }
  },
})

const tasks = ['ranking'] as const
const ofFirst = (most: number) => ({ tasks, better: 'larger' as const, ...meanOverGroups(gainOf(most)) })

/** Ranks that NDCG is cut off at, where it is. */
export const ranksOfGain = [1, 3, 5, 10, 20, 50, 100] as const
export type RanksOfGain = (typeof ranksOfGain)[number]

export const gainMetrics = {
  ndcg: { ...ofFirst(Number.POSITIVE_INFINITY), isShown: true },
  'ndcg@10': { ...ofFirst(10), isShown: true },
  meanReciprocalRank: { tasks, better: 'larger', isShown: true, ...meanOverGroups(reciprocalRank) },
  meanAveragePrecision: { tasks, better: 'larger', isShown: true, ...meanOverGroups(averagePrecision) },
  'ndcg@1': ofFirst(1),
  'ndcg@3': ofFirst(3),
  'ndcg@5': ofFirst(5),
  'ndcg@20': ofFirst(20),
  'ndcg@50': ofFirst(50),
  'ndcg@100': ofFirst(100),
} as const satisfies Record<string, Omit<RowMetric, 'tasks'> & { readonly tasks: readonly ['ranking'] }>
