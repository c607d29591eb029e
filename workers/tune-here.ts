import type { createActivities } from '../activities/index.ts'
import type { StepOrder } from '../activities/step.ts'
import { isErrorCode, SlipwayError } from '../lib/formats/errors.ts'
import type { StepOutline } from '../lib/formats/plan-outline.ts'
import type { StepOutcome } from '../lib/formats/step-inputs.ts'
import type { Trial } from '../lib/formats/tuning.ts'
import { nextTrial } from '../lib/stats/tuning/plan-trials.ts'
import {
  allFailedInWords,
  areHopeless,
  isSpent,
  shareDone,
  standInWords,
  whereAllFail,
} from '../lib/stats/tuning/stand.ts'
import type { StepsHere } from './steps-here.ts'

type Tuning = Pick<
  ReturnType<typeof createActivities>,
  'findTuning' | 'trainTrial' | 'recordTuning' | 'searchOnSageMaker'
>

/**
 * Chooses parameters in this process, one trial after another: the same trials as by workers side by side, for which
 * trial comes next does not depend on what else has ended.
 * @param trials how many to begin, where that is known: what a bound of time or cost let a run do
 */
export async function tuneHere(
  { findTuning, trainTrial, recordTuning, searchOnSageMaker }: Tuning,
  does: StepsHere['does'],
  {
    step,
    order,
    trials,
  }: { readonly step: StepOutline<'tune'>; readonly order: StepOrder<'tune'>; readonly trials?: number | undefined },
  onProgress: (step: string, what: string, done: number) => void,
): Promise<StepOutcome> {
  const { outcome, rows } = await does(findTuning, { ...order, keep: null })
  if (outcome !== null) return outcome
  if (step.search === 'sagemaker') return does(searchOnSageMaker, order)
  const { space, budget, seed, lag } = step
  const search = { space, trials: budget.trials, seed, lag, rows }
  const begun: Trial[] = []
  const kept: string[] = []
  const startedAt = Date.now()
  let processorSeconds = 0
  let firstError = ''
  const isOver = (): boolean => {
    if (trials !== undefined) return begun.length >= trials
    return isSpent(budget, { ms: Date.now() - startedAt, processorSeconds })
  }
  while (!isOver() && !areHopeless(begun)) {
    const next = nextTrial(search, begun)
    if (typeof next === 'string') break
    onProgress(step.id, standInWords(search, step.loss, begun), shareDone(search, begun))
    const ended = await does(trainTrial, { ...order, trial: next, atOnce: 1 })
    begun.push({ ...next, result: ended.result })
    kept.push(ended.kept)
    processorSeconds += ended.processorSeconds
    if (ended.result.state === 'failed' && firstError === '') firstError = ended.message ?? ''
  }
  if (begun.some(({ result }) => result?.state === 'done')) return does(recordTuning, { ...order, trials: kept })
  throw allFailed(begun, firstError)
}

/** No trial ended well. */
function allFailed(begun: readonly Trial[], firstError: string): SlipwayError {
  const [first] = begun.flatMap(({ result }) => (result?.state === 'failed' ? [result.why] : []))
  const code = isErrorCode(first) ? first : 'INTERNAL'
  return new SlipwayError(code, allFailedInWords(begun.length, firstError), { next: whereAllFail })
}
