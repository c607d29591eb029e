import type { Search, Trial, TrialOrder } from '../../formats/tuning.ts'
import { randomParameters } from './random-search.ts'

/** What follows from the trials so far: the next one; to wait until one of them ends; or nothing more. */
export type NextTrial = TrialOrder | 'wait' | 'done'

/**
 * The trial that follows on those that have begun. Trials are a sequence: what stands at a place depends on the search
 * and on the results of trials up to `lag` + 1 places before it, never on what else has ended meanwhile. So any number
 * of workers, in any order of ending, makes the same sequence, and what has begun is always a beginning of it.
 * @param begun all trials so far: `begun[i].number` is i + 1
 */
export function nextTrial(search: Search, begun: readonly Trial[]): NextTrial {
  if (begun.length >= search.trials) return 'done'
  const known = begun.slice(0, Math.max(0, begun.length - search.lag))
  if (known.some(({ result }) => result === undefined)) return 'wait'
  const number = begun.length + 1
  return { number, parameters: randomParameters(search, number), share: 1 }
}

/**
 * The trial whose parameters are taken: of those on the largest share of the rows that any ended well on, the one with
 * the least loss, the first of equals. Undefined where none ended well.
 */
export function bestTrial<Some extends Trial>(begun: readonly Some[]): Some | undefined {
  let best: { readonly trial: Some; readonly loss: number } | undefined
  for (const trial of begun) {
    if (trial.result?.state !== 'done') continue
    const { loss } = trial.result
    const isBetter =
      best === undefined || trial.share > best.trial.share || (trial.share === best.trial.share && loss < best.loss)
    if (isBetter) best = { trial, loss }
  }
  return best?.trial
}
