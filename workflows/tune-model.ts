import { CancellationScope, condition, proxyActivities, setCurrentDetails, setHandler } from '@temporalio/workflow'
import type { Activities } from '../activities/index.ts'
import { show } from '../lib/formats/show-number.ts'
import type { StepOutcome } from '../lib/formats/step-inputs.ts'
import { parametersInWords } from '../lib/formats/step-kinds/tune-step.ts'
import { refOf } from '../lib/formats/step-order.ts'
import type { Search, Trial, TrialOrder } from '../lib/formats/tuning.ts'
import { nextTrial } from '../lib/stats/tuning/plan-trials.ts'
import {
  allFailedInWords,
  areHopeless,
  isSpent,
  shareDone,
  standInWords,
  whereAllFail,
} from '../lib/stats/tuning/stand.ts'
import { slotsSignal } from './branch-messages.ts'
import { failureOf } from './failures.ts'
import { progressQuery, type RunProgress } from './messages.ts'
import { stepOptions, trying } from './options.ts'
import type { TuneInput } from './tune-messages.ts'

/** Trials that are being carried out. */
interface Tuning {
  readonly input: TuneInput
  readonly search: Search
  /** By number, from 1. */
  readonly begun: Trial[]
  /** Where what each came to is kept, by place. */
  readonly kept: string[]
  readonly startedAt: number
  slots: number
  running: number
  processorSeconds: number
  firstError: string | undefined
  broken: { readonly error: unknown } | undefined
}

/**
 * Carries out the trials of a step, so many at once as the run lets it, and has what came of them written down. Which
 * trial comes next is a pure function of how those before it ended: histories hold results, no choices of a worker.
 */
export async function tuneModel(input: TuneInput): Promise<StepOutcome> {
  const { space, budget, seed, lag } = input.step
  const tuning: Tuning = {
    input,
    search: { space, trials: budget.trials, seed, lag, rows: input.rows },
    begun: [],
    kept: [],
    startedAt: Date.now(),
    slots: input.slots,
    running: 0,
    processorSeconds: 0,
    firstError: undefined,
    broken: undefined,
  }
  setHandler(progressQuery, () => progressOf(tuning))
  setHandler(slotsSignal, (slots) => {
    tuning.slots = slots
  })
  const scope = new CancellationScope()
  await scope.run(() => tryAll(tuning, scope))
  return recordAll(tuning)
}

/** Begins trials for as long as one may begin, and waits for all. @throws what no trial is to blame for */
async function tryAll(tuning: Tuning, scope: CancellationScope): Promise<void> {
  for (;;) {
    while (tuning.running < tuning.slots && mayBegin(tuning)) {
      const next = nextTrial(tuning.search, tuning.begun)
      if (typeof next === 'string') break
      void begin(tuning, next).catch((error) => {
        tuning.broken ??= { error }
        scope.cancel()
      })
    }
    if (tuning.running === 0) break
    const [running, slots] = [tuning.running, tuning.slots]
    // Not in the scope: what has begun is waited for, also where it is being stopped.
    await CancellationScope.nonCancellable(() =>
      condition(() => tuning.running < running || (tuning.slots > slots && tuning.broken === undefined)),
    )
  }
  if (tuning.broken !== undefined) throw tuning.broken.error
}

function mayBegin({ broken, begun, input, startedAt, processorSeconds }: Tuning): boolean {
  if (broken !== undefined || CancellationScope.current().consideredCancelled || areHopeless(begun)) return false
  return !isSpent(input.step.budget, { ms: Date.now() - startedAt, processorSeconds })
}

/** Carries out one trial. */
async function begin(tuning: Tuning, order: TrialOrder): Promise<void> {
  const { begun, input, slots } = tuning
  const { run, step, inputs } = input
  const place = begun.length
  begun.push(order)
  tuning.running++
  tell(tuning)
  try {
    const { trainTrial } = proxyActivities<Activities>({
      ...trying,
      summary: trialInWords(order),
      priority: { fairnessKey: run.pipeline },
    })
    const ended = await trainTrial({
      run: run.runId,
      step: refOf(run, step),
      inputs,
      trial: order,
      atOnce: Math.min(slots, tuning.search.lag + 1),
    })
    begun[place] = { ...order, result: ended.result }
    tuning.kept[place] = ended.kept
    tuning.processorSeconds += ended.processorSeconds
    if (ended.result.state === 'failed') tuning.firstError ??= ended.message
  } finally {
    tuning.running--
    tell(tuning)
  }
}

async function recordAll({ input, kept, begun, firstError }: Tuning): Promise<StepOutcome> {
  const { run, step, inputs } = input
  if (!begun.some(({ result }) => result?.state === 'done')) {
    const [first] = begun.flatMap(({ result }) => (result?.state === 'failed' ? [result.why] : []))
    throw failureOf({
      code: (first ?? 'INTERNAL') as never,
      message: allFailedInWords(begun.length, firstError ?? ''),
      next: whereAllFail,
    })
  }
  const { recordTuning } = proxyActivities<Activities>({ ...stepOptions('tune'), summary: `${kept.length} trials` })
  return recordTuning({ run: run.runId, step: refOf(run, step), inputs, trials: kept })
}

/** `trial 12 • trees 183, leaves 40` */
function trialInWords({ number, parameters, share }: TrialOrder): string {
  const rows = share < 1 ? `, ${show(share * 100)} % of the rows` : ''
  return `trial ${number} • ${parametersInWords(parameters)}${rows}`.slice(0, 200)
}

function tell({ search, begun, input }: Tuning): void {
  setCurrentDetails(`**${input.step.id}**: ${standInWords(search, input.step.loss, begun)}`)
}

/** Where it stands, as a run tells it. */
function progressOf({ input, search, begun }: Tuning): RunProgress {
  const words = standInWords(search, input.step.loss, begun)
  return {
    stage: input.step.id,
    finished: [],
    waitingFor: null,
    rollout: null,
    running: { [input.step.id]: words },
    done: shareDone(search, begun),
  }
}
