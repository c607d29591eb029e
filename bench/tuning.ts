import type { Search, Trial } from '../lib/formats/tuning.ts'
import { bestTrial, nextTrial } from '../lib/stats/tuning/plan-trials.ts'
import { randomSets } from '../test/support/search-trials.ts'
import type { Figure } from './measure.ts'
import { type Comparison, type Found, intervalOf } from './paired-searches.ts'
import { type Objective, objectiveOf, treesSpace, tuningTables } from './tuning-tables.ts'

/** Searches are compared by so many seeds on each table, each with as much training as that of so many trials. */
const [seeds, trials] = [10, 40]

/** Our search, as a run carries it out one trial after another. */
export function searchOurs(objective: Objective, seed: number, trials: number): Found {
  const search: Search = { space: treesSpace, trials, seed, lag: 4, rows: objective.rows }
  const begun: Trial[] = []
  for (;;) {
    const next = nextTrial(search, begun)
    if (typeof next === 'string') break
    const { validation } = objective.train(next.parameters, next.share)
    begun.push({ ...next, result: { state: 'done', loss: validation } })
  }
  const best = bestTrial(begun) as Trial
  return objective.train(best.parameters, 1)
}

/** Both searches on every table by every seed, which parts the rows too. */
export async function compareSearches(onPair: (pair: Comparison) => void = () => {}): Promise<Comparison[]> {
  const pairs: Comparison[] = []
  const tables = await tuningTables()
  for (let seed = 1; seed <= seeds; seed++)
    for (const table of tables) {
      const objective = objectiveOf(table, seed)
      const ours = searchOurs(objective, seed, trials)
      const draw = randomSets(treesSpace, seed + 1_000)
      const tried = Array.from({ length: trials }, () => objective.train(draw(), 1))
      const theirs = tried.reduce((best, each) => (each.validation < best.validation ? each : best))
      const pair = { table: table.name, seed, ours, theirs, random: tried }
      pairs.push(pair)
      onPair(pair)
    }
  return pairs
}

/**
 * What a search finds that as many random trials do not: of the losses of both choices the difference, of the way from
 * the median random set to the best that either found. Means over ten tables and ten seeds, by the validation rows that
 * were searched by, and by the test rows that no search saw. The figure is the lower end of the 95 % interval by a
 * bootstrap of tables, and of seeds within them.
 */
export async function measureTuning(): Promise<Figure[]> {
  const pairs = await compareSearches()
  return (['validation', 'test'] as const).map((part) => {
    const { mean, low, high } = intervalOf(pairs, part)
    return {
      what: `losses on ${part} rows of what a search of ${trials} trials chose, below those of ${trials} random trials on all rows: mean over ten tables and ten seeds of the way from the median random set to the best, lower end of its 95 % interval`,
      ours: `${mean.toFixed(3)} (${low.toFixed(3)} to ${high.toFixed(3)})`,
      theirs: '0',
      ratio: low,
      limit: 0,
      bound: 'at least',
    }
  })
}
