import { writeFile } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { localCode } from '../../code/local-code.ts'
import { localTable } from '../../data/local-table.ts'
import { mediaTypes } from '../../formats/artifact.ts'
import { canonicalJson } from '../../formats/canonical.ts'
import { targetInKey } from '../../formats/code-ref.ts'
import { withParameters } from '../../formats/learner.ts'
import type { StepOf } from '../../formats/plan.ts'
import { digestsOf, required, type StepInputs } from '../../formats/step-inputs.ts'
import { type HostVersions, type StepMaterial, stepMaterial } from '../../formats/step-key.ts'
import {
  type EndedTrial,
  lossOf,
  type Parameters,
  type TrialOrder,
  type TrialOutcome,
  type TrialTimes,
  type Tuning,
} from '../../formats/tuning.ts'
import type { ProgramPlace } from '../../learners/learner.ts'
import type { PackageSource } from '../../models/package.ts'
import { bestTrial } from '../../stats/tuning/plan-trials.ts'
import { digestOfJson } from '../../store/digest.ts'
import type { StepResult, StepWork } from '../step-work.ts'
import { inPlaceOf } from './in-place.ts'

/** A trial to carry out. */
export interface TrialWork {
  readonly step: StepOf<'tune'>
  readonly inputs: StepInputs
  readonly trial: TrialOrder
  /** How many trials share this machine's processors, as far as is known. */
  readonly atOnce: number
}

/** Threads that a learner is given at most. */
const mostThreads = 4

/** The training that a trial is: that of a train step with its parameters, not calibrated. */
export function trainingOf(step: StepOf<'tune'>, parameters: Parameters): StepOf<'train'> {
  const { space: _, budget: __, lag: ___, retune: ____, search: _____, ...training } = step
  return { ...training, kind: 'train', learner: withParameters(step.learner, parameters) }
}

/**
 * What the result of a trial depends on: the rows and the training, and nothing of the search that asks for it. So a
 * trial that any search has made is not made again.
 */
export function trialMaterial({ step, inputs, trial }: TrialWork, host: HostVersions): StepMaterial {
  const { parameters, share } = trial
  const material = stepMaterial(trainingOf(step, parameters), digestsOf(inputs), host)
  const loss = lossOf(step.task, step.target, step.learner)
  return { ...material, step: 'trial', version: 1, params: { ...material.params, share, loss } }
}

/** The training failed, by what may be its parameters: there is a result, and no record to keep. */
export class TrialFailed extends Error {
  readonly outcome: TrialOutcome

  constructor(outcome: TrialOutcome) {
    super(outcome.message)
    this.outcome = outcome
  }
}

/** What trials are trained on, on this machine. */
async function rowsOf(
  source: PackageSource & { readonly root: string },
  { target, features }: StepOf<'tune'>,
  inputs: StepInputs,
) {
  const { store, root } = source
  return {
    model: 'trial',
    train: await localTable(store, required(inputs, 'train').digest),
    validation: await localTable(store, required(inputs, 'validation').digest),
    ...(target.group !== undefined && { test: await localTable(store, required(inputs, 'test').digest) }),
    features: await localCode(source, features),
    target: target.code === undefined ? undefined : await localCode(source, target.code),
    folder: '',
    root,
  }
}

/** Writes what the jobs of a search elsewhere read, once for all of them. @param parameters that are not searched */
export async function layOutSearch(
  source: PackageSource & { readonly root: string },
  { step, job, progress }: StepWork & { readonly step: StepOf<'tune'> },
  inputs: StepInputs,
  { parameters, place }: { readonly parameters: Parameters; readonly place: ProgramPlace },
): Promise<void> {
  progress('fetching tables and code', 0)
  const order = { ...(await rowsOf(source, step, inputs)), step: trainingOf(step, parameters) }
  await job('layOutTraining', { ...order, modelFile: undefined, place })
}

/** Carries a trial out. @throws TrialFailed; SlipwayError where all trials would fail */
export async function runTrial(
  source: PackageSource & { readonly root: string },
  { step, inputs, trial, atOnce }: TrialWork,
  work: StepWork,
): Promise<StepResult> {
  work.progress('fetching tables and code', 0)
  const training = trainingOf(step, trial.parameters)
  const { target, weight, task } = step
  const order = {
    ...(await rowsOf(source, step, inputs)),
    step: training,
    share: trial.share,
    loss: lossOf(task, target, step.learner),
    rowsKey: digestOfJson({
      tables: digestsOf(inputs),
      code: [step.features.digest, target.code?.digest ?? null],
      inputs: step.inputs,
      target: targetInKey(target),
      weight: weight ?? null,
      task,
    } as never),
    threads: Math.min(mostThreads, Math.max(1, Math.floor(availableParallelism() / atOnce))),
  }
  const outcome = await inPlaceOf(source, training, work, {
    stem: `trial-${trial.number}`,
    layOut: (place) => work.job('layOutTrial', { ...order, place }),
    train: (place) => work.job('tryParameters', { ...order, place }),
  })
  if (outcome.result.state === 'failed') throw new TrialFailed(outcome)
  return { outputs: [], facts: { ...outcome } }
}

/** Who searched in the place of us, and which trial that holds for the best. */
type OtherSearch = Pick<Tuning, 'objective' | 'theirs'>

/** Writes down what came of all trials. @returns undefined where none ended well */
export async function recordTrials(
  { step, folder, output }: StepWork & { readonly step: StepOf<'tune'> },
  trials: readonly EndedTrial[],
  { objective, theirs }: OtherSearch = {},
): Promise<(StepResult & Pick<Tuning, 'chosen'>) | undefined> {
  const best = bestTrial(trials)
  if (best?.result.state !== 'done') return undefined
  const { parameters, number, result } = best
  const loss = lossOf(step.task, step.target, step.learner)
  const tuning: Tuning = {
    slipway: 'tuning/1',
    loss,
    ...(objective !== undefined && { objective }),
    space: step.space,
    budget: step.budget,
    seed: step.seed,
    trials: trials.map(({ seconds: _, processorSeconds: __, message: ___, ...trial }) => trial),
    chosen: number,
    ...(theirs !== undefined && theirs !== number && { theirs }),
  }
  const times: TrialTimes = trials.map(({ number: of, seconds, processorSeconds, message }) => ({
    number: of,
    seconds,
    processorSeconds,
    ...(message !== undefined && { message }),
  }))
  for (const [name, content] of Object.entries({ chosen: parameters, trials: tuning, times }))
    await writeFile(join(folder, `${name}.json`), canonicalJson(content))
  const failed = trials.filter((trial) => trial.result.state === 'failed').length
  return {
    chosen: number,
    outputs: [
      await output('chosen', 'chosen.json', mediaTypes.json),
      await output('trials', 'trials.json', mediaTypes.json),
      await output('times', 'times.json', mediaTypes.json),
    ],
    facts: { trials: trials.length, failed, loss, value: result.loss, parameters },
  }
}
