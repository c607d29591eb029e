import type { Trial } from '../../formats/tuning.ts'

/**
 * Sets of parameters, the best first, each by its trial on the largest share whose result is known: those that came
 * further before others, on one share those with less loss (as Optuna's estimator ranks trials that were pruned). Apart
 * from them those that failed and those of which nothing is known.
 */
export function rankSets(
  begun: readonly Trial[],
  isKnown: (trial: Trial) => boolean,
): { readonly ranked: Trial[]; readonly others: Trial[] } {
  const latest = new Map<number, Trial>()
  /** By number of a trial, that of the first with its parameters. */
  const firstOf = new Map<number, number>()
  for (const trial of begun) {
    const first = firstOf.get(trial.of ?? trial.number) ?? trial.number
    firstOf.set(trial.number, first)
    const before = latest.get(first)
    // Of a set that nothing is known of the first trial stands for it.
    if (before === undefined || isKnown(trial)) latest.set(first, trial)
  }
  const lossOf = (trial: Trial): number =>
    isKnown(trial) && trial.result?.state === 'done' ? trial.result.loss : Number.POSITIVE_INFINITY
  const all = [...latest.values()]
  const isRanked = (trial: Trial): boolean => lossOf(trial) < Number.POSITIVE_INFINITY
  return {
    ranked: all.filter(isRanked).sort((a, b) => b.share - a.share || lossOf(a) - lossOf(b) || a.number - b.number),
    others: all.filter((trial) => !isRanked(trial)),
  }
}
