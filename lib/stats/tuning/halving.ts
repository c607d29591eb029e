import type { Trial } from '../../formats/tuning.ts'

/** A promotion is to so many times as many rows, and one of so many trials is promoted. */
const eta = 3
/**
 * What fewer rows say of good sets of parameters is wrong of more of them: losses on 1,000 of 3,000 rows of real tables
 * hardly rank the best fifth (Spearman's correlation 0.4, 0.3 and 0 with those on all), and of 3,000 of 9,000 rows a
 * search with promotions found less than one without.
 */
const leastRows = 10_000

/**
 * The shares of the training rows that trials are trained on, the smallest first: of so many rows a ninth, a third and
 * all, without those that are too few rows.
 */
export function sharesOf(rows: number): number[] {
  return [1 / eta ** 2, 1 / eta].filter((share) => rows * share >= leastRows).concat(1)
}

/** Training that trials are, in trainings on all rows: shares are ninths, whose sum is not exact. */
export function spentOn(trials: readonly Pick<Trial, 'share'>[]): number {
  return trials.reduce((sum, { share }) => sum + Math.round(share * eta ** 2), 0) / eta ** 2
}

/**
 * The trial to promote, if one is to be: asynchronous successive halving (Li et al., A System for Massively Parallel
 * Hyperparameter Tuning, 2020), the highest rung first. Of every 3 that are known to have ended on a rung one is
 * promoted, the best of all that was not yet.
 * @param begun all trials, and which results of theirs count
 */
export function promotionOf(
  shares: readonly number[],
  begun: readonly Trial[],
  isKnown: (trial: Trial) => boolean,
): { readonly trial: Trial; readonly share: number } | undefined {
  for (let rung = shares.length - 2; rung >= 0; rung--) {
    const share = shares[rung + 1] as number
    const known = begun.filter((trial) => trial.share === shares[rung] && isKnown(trial))
    const promotions = begun.filter((trial) => trial.of !== undefined && trial.share === share).length
    if (promotions >= Math.floor(known.length / eta)) continue
    const trial = bestOf(known, begun)
    if (trial !== undefined) return { trial, share }
  }
  return undefined
}

/** The best that was not promoted, of the highest rung below all rows that has one. */
export function bestBelow(shares: readonly number[], begun: readonly Trial[]): Trial | undefined {
  for (const below of shares.slice(0, -1).toReversed()) {
    const trial = bestOf(
      begun.filter(({ share }) => share === below),
      begun,
    )
    if (trial !== undefined) return trial
  }
  return undefined
}

/** The one with the least loss of those that ended well and were not promoted; the first of equals. */
function bestOf(known: readonly Trial[], begun: readonly Trial[]): Trial | undefined {
  const promoted = new Set(begun.map(({ of }) => of))
  let best: { readonly trial: Trial; readonly loss: number } | undefined
  for (const trial of known) {
    if (trial.result?.state !== 'done' || promoted.has(trial.number)) continue
    const { loss } = trial.result
    if (best === undefined || loss < best.loss) best = { trial, loss }
  }
  return best?.trial
}
