import { seededRandom } from '../lib/stats/random.ts'
import type { Losses } from './tuning-tables.ts'

/** What a search chose. */
export type Found = Losses

/** Two searches on one table by one seed. */
export interface Comparison {
  readonly table: string
  readonly seed: number
  readonly ours: Found
  readonly theirs: Found
  /** Random sets of the same space: what the losses of the table look like. */
  readonly random: readonly Found[]
}

export interface Interval {
  readonly mean: number
  readonly low: number
  readonly high: number
}

/**
 * How much better ours is: the difference of the losses, of the way from the median of the random sets to the best that
 * anyone found, so that tables of all losses count alike; mean over the tables. Its 95 % interval is by a bootstrap of
 * 2,000 draws of tables, and of seeds within each (Efron & Tibshirani 1993, section 8).
 */
export function intervalOf(pairs: readonly Comparison[], part: keyof Losses): Interval {
  const byTable = new Map<string, number[]>()
  for (const pair of pairs) byTable.set(pair.table, [...(byTable.get(pair.table) ?? []), improvement(pair, part)])
  const tables = [...byTable.values()]
  const random = seededRandom(18)
  const drawn = <T>(from: readonly T[]): T[] => from.map(() => from[random() % from.length] as T)
  const means = Array.from({ length: 2_000 }, () => meanOf(drawn(tables).map((seeds) => meanOf(drawn(seeds)))))
  means.sort((a, b) => a - b)
  return { mean: meanOf(tables.map(meanOf)), low: means[50] as number, high: means[1_949] as number }
}

/** Of one pair, at most 1 either way on the rows that were searched by. */
export function improvement({ ours, theirs, random }: Comparison, part: keyof Losses): number {
  const losses = random.map((each) => each[part]).sort((a, b) => a - b)
  const median = losses[Math.floor(losses.length / 2)] as number
  const best = Math.min(ours[part], theirs[part], losses[0] as number)
  return median === best ? 0 : (theirs[part] - ours[part]) / (median - best)
}

const meanOf = (values: readonly number[]): number => values.reduce((sum, each) => sum + each, 0) / values.length
