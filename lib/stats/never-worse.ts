import { ndcgByGroup } from '../formats/metrics/gain.ts'
import type { Scored } from '../formats/metrics/metric.ts'
import { pinballOf } from '../formats/metrics/quantiles.ts'

/**
 * Whether a candidate is not worse than another model by a margin, in mean loss over pairs of predictions for the same
 * rows, with a chance of error that holds over all retrainings together.
 *
 * One comparison: losses lie in [0, 1], d = loss of candidate − loss of baseline in [−1, 1]. Under "worse by at least
 * the margin", E[d] ≥ δ, every factor 1 + λ(δ − d) with 0 < λ < 1/(1 − δ) is positive and has expectation at most 1, so
 * their product is a test supermartingale, and so is a mixture over λ: betting, Waudby-Smith & Ramdas, JRSSB 86 (2024),
 * section 4. By Ville's inequality it ever reaches 1/α with probability at most α.
 *
 * Many comparisons: the k-th retraining spends α/(k(k+1)), which sums to α: the chance of ever letting a worse one
 * through stays below α. Margins do not add up, for the last approved version is compared too.
 */
export interface PairedLosses {
  /** [rows] losses in [0, 1]. */
  readonly candidate: ArrayLike<number>
  readonly baseline: ArrayLike<number>
}

/**
 * Bets, as shares of the largest one allowed. Losses of probabilities differ by little, so most of the weight bets
 * high.
 */
const bets: readonly number[] = [0.01, 0.02, 0.04, 0.08, 0.15, 0.3, 0.5, 0.8]

/** What the k-th retraining (from 1) may spend of α. */
export function spentAlpha(alpha: number, k: number): number {
  return alpha / (k * (k + 1))
}

export interface NotWorse {
  /** ln of the evidence that the candidate is not worse by the margin. */
  readonly logEvidence: number
  /** Mean difference of the losses; positive when the candidate is worse. */
  readonly meanDifference: number
  readonly rows: number
}

/**
 * Evidence that the candidate's mean loss is not above the baseline's by `margin`.
 * @param margin δ in (0, 1)
 * @param scale the largest |d| that can occur; smaller than 1 only where it is known beforehand
 */
export function notWorse({ candidate, baseline }: PairedLosses, margin: number): NotWorse {
  const rows = candidate.length
  const capital = new Float64Array(bets.length)
  const lambdas = bets.map((share) => share / (1 - margin))
  let total = 0
  for (let i = 0; i < rows; i++) {
    const d = (candidate[i] as number) - (baseline[i] as number)
    total += d
    for (let j = 0; j < lambdas.length; j++)
      capital[j] = (capital[j] as number) + Math.log1p((lambdas[j] as number) * (margin - d))
  }
  return { logEvidence: logMean(capital), meanDifference: rows === 0 ? 0 : total / rows, rows }
}

/** The same from counts of rows on which only the candidate, or only the baseline, is wrong: losses of 0 and 1. */
export function notWorseFromCounts(
  { candidateOnly, baselineOnly, rows }: { candidateOnly: number; baselineOnly: number; rows: number },
  margin: number,
): NotWorse {
  const equal = rows - candidateOnly - baselineOnly
  const capital = Float64Array.from(bets, (share) => {
    const lambda = share / (1 - margin)
    return (
      candidateOnly * Math.log1p(lambda * (margin - 1)) +
      baselineOnly * Math.log1p(lambda * (margin + 1)) +
      equal * Math.log1p(lambda * margin)
    )
  })
  return {
    logEvidence: logMean(capital),
    meanDifference: rows === 0 ? 0 : (candidateOnly - baselineOnly) / rows,
    rows,
  }
}

/** Whether the evidence is enough at this level. */
export const isEnough = ({ logEvidence }: NotWorse, alpha: number): boolean => logEvidence >= -Math.log(alpha)

function logMean(logs: Float64Array): number {
  const largest = logs.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY)
  let sum = 0
  for (const log of logs) sum += Math.exp(log - largest)
  return largest + Math.log(sum / logs.length)
}

/** Squared error of a probability (Brier): what the comparison of classifiers is about. */
export const brierLoss = (probability: number, label: number): number => (probability - label) ** 2

/**
 * The same of several classes: half the squared distance between the probabilities and what came, from 0 to 1 (Brier,
 * Monthly Weather Review 78, 1950). A class that the model does not know has no probability.
 * @param answers [rows · classes]
 */
export function brierOfClasses(
  answers: ArrayLike<number>,
  row: number,
  classes: readonly string[],
  label: string,
): number {
  let sum = classes.includes(label) ? 0 : 1
  for (let column = 0; column < classes.length; column++)
    sum += ((answers[row * classes.length + column] as number) - Number(classes[column] === label)) ** 2
  return sum / 2
}

/**
 * Mean pinball loss of a row's quantiles as a share of three standard deviations of the labels, at most 1.
 * @param answers [rows · levels]
 */
export const pinballShare =
  (variance: number, levels: readonly number[]) =>
  (answers: ArrayLike<number>, row: number, label: number): number => {
    let sum = 0
    levels.forEach((level, i) => {
      sum += pinballOf(level, answers[row * levels.length + i] as number, label)
    })
    return Math.min(1, sum / levels.length / (3 * Math.sqrt(variance) || 1))
  }

/** Squared error of a number as a share of nine variances of the labels, at most 1: bounded, as the bets need it. */
export const squaredLoss =
  (variance: number) =>
  (prediction: number, label: number): number =>
    Math.min(1, (prediction - label) ** 2 / (9 * variance || 1))

/**
 * Losses of a ranking, one a group of two rows or more: how far its NDCG is from 1, in the order in which groups come
 * by.
 */
export const gainLosses = (scored: Scored): Float64Array =>
  ndcgByGroup(scored)
    .values.filter((value) => !Number.isNaN(value))
    .map((value) => 1 - value)
