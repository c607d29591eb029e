import type { Parameters, Search, Space, Trial, TrialResult } from '../../lib/formats/tuning.ts'
import { seededRandom } from '../../lib/stats/random.ts'
import { bestTrial, nextTrial } from '../../lib/stats/tuning/plan-trials.ts'
import { dimensionsOf, parametersAt } from '../../lib/stats/tuning/space.ts'

/** What a trial ends with. */
export type Objective = (parameters: Parameters, share: number) => TrialResult

/**
 * Carries a search out, so many trials side by side.
 * @param ends draws which of the running ones ends next; without, one runs at a time
 */
export function searchWith(search: Search, objective: Objective, side = 1, ends: () => number = () => 0): Trial[] {
  const begun: Trial[] = []
  const running: number[] = []
  for (;;) {
    const next = running.length < side ? nextTrial(search, begun) : 'wait'
    if (typeof next !== 'string') {
      begun.push(next)
      running.push(next.number)
      continue
    }
    if (running.length === 0) return begun
    const [number = 0] = running.splice(ends() % running.length, 1)
    const trial = begun[number - 1] as Trial
    begun[number - 1] = { ...trial, result: objective(trial.parameters, trial.share) }
  }
}

/** The least loss of a search. */
export function leastLoss(search: Search, loss: (parameters: Parameters) => number): number {
  const best = bestTrial(searchWith(search, (parameters) => ({ state: 'done', loss: loss(parameters) })))
  return best?.result?.state === 'done' ? best.result.loss : Number.NaN
}

/** Parameters drawn uniformly, each on its own scale: random search. */
export function randomSets(space: Space, seed: number): () => Parameters {
  const dimensions = dimensionsOf(space)
  const random = seededRandom(seed)
  return () =>
    parametersAt(
      dimensions,
      dimensions.map(() => random() / 2 ** 32),
    )
}
