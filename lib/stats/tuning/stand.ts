import { show } from '../../formats/show-number.ts'
import { type Budget, type LossName, lossNames, type Search, type Trial } from '../../formats/tuning.ts'
import { bestTrial } from './plan-trials.ts'

/** Trials that fail, the first of all, before it is taken for sure that all will. */
const hopeless = 10

/** Whether so many trials, the first ones, have failed that none will end well. */
export const areHopeless = (begun: readonly Trial[]): boolean =>
  begun.length >= hopeless && begun.slice(0, hopeless).every(({ result }) => result?.state === 'failed')

/** How much of the training that a budget allows has been begun, 0 to 1. */
export const shareDone = ({ trials }: Pick<Search, 'trials'>, begun: readonly Trial[]): number =>
  Math.min(1, begun.reduce((sum, { share, result }) => sum + (result === undefined ? 0 : share), 0) / trials)

/** `trial 12 of 50, best log loss 0.312`; trials on a share of the rows count for that share. */
export function standInWords({ trials }: Pick<Search, 'trials'>, loss: LossName, begun: readonly Trial[]): string {
  const ended = begun.filter(({ result }) => result !== undefined)
  const failed = ended.filter(({ result }) => result?.state === 'failed').length
  const best = bestTrial(begun)
  const isShared = begun.some(({ share }) => share < 1)
  return [
    isShared ? `trial ${begun.length}` : `trial ${begun.length} of ${trials}`,
    ...(best?.result?.state === 'done' ? [`best ${lossNames[loss]} ${show(best.result.loss)}`] : []),
    ...(best !== undefined && best.share < 1 ? [`on ${Math.round(best.share * 100)} % of the rows`] : []),
    ...(failed > 0 ? [`${failed} failed`] : []),
  ].join(', ')
}

/** What follows where no trial ended well. */
export const whereAllFail =
  'train once without tune to see whether the learner works; then look at the ends of the space'

export const allFailedInWords = (trials: number, firstError: string): string =>
  trials === 1
    ? `the only trial failed: ${firstError}`
    : `all ${trials} trials failed, the first of them: ${firstError}`

/**
 * Whether a budget is used up, so that no trial may begin.
 * @param spent milliseconds since the first trial began, and processor time, seconds
 */
export function isSpent(
  { timeMs, cost }: Budget,
  spent: { readonly ms: number; readonly processorSeconds: number },
): boolean {
  if (timeMs !== undefined && spent.ms >= timeMs) return true
  return cost !== undefined && (spent.processorSeconds / 3600) * cost.perHour >= cost.most
}
