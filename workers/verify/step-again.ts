import { mediaTypes } from '../../lib/formats/artifact.ts'
import { SlipwayError } from '../../lib/formats/errors.ts'
import type { StepOutline } from '../../lib/formats/plan-outline.ts'
import { outputOf, type StepOutcome, stepOf } from '../../lib/formats/step-inputs.ts'
import { Tuning } from '../../lib/formats/tuning.ts'
import {
  differenceInWords,
  differentOutputs,
  gatesApart,
  withoutClock,
  withoutOlderReports,
} from '../../lib/jobs/verify/compare-outputs.ts'
import { outputOnRecord, type StepOnRecord } from '../../lib/jobs/verify/on-record.ts'
import { takeBlob, takeBundle } from '../../lib/jobs/verify/take-inputs.ts'
import { getJson } from '../../lib/store/objects.ts'
import type { VersionAgain } from './version-again.ts'

/**
 * Does a step again; what it made is among the outcomes then, unless it failed.
 * @returns how it is not as it is on record, in words; nothing where it is
 * @throws SlipwayError where it cannot be done here
 */
export async function stepAgain(work: VersionAgain, step: StepOutline): Promise<string[]> {
  const { here, onRecord } = work
  const recorded = onRecord.steps.get(step.id)
  if (recorded === undefined) return [`run ${onRecord.run.runId} has no step of that name on record`]
  let outcome: StepOutcome
  try {
    outcome = await carryOut(work, step)
  } catch (error) {
    if (!(error instanceof SlipwayError) || isOfThisPlace(error)) throw error
    return [`it ended well on record, and ends with ${error.code} here: ${error.message}`]
  }
  here.outcomes.set(step.id, outcome)
  return step.kind === 'gate' ? gateDifferences(work, recorded, outcome) : differences(work, recorded, outcome)
}

async function carryOut(work: VersionAgain, step: StepOutline): Promise<StepOutcome> {
  if (step.kind === 'gate') return judge(work, step)
  if (step.kind !== 'tune') return work.here.carryOut(step)
  // How far a bound of time or cost let it go is on record: here it would be another way.
  const { timeMs, cost } = step.budget
  const isBound = timeMs !== undefined || cost !== undefined
  return work.here.tune(step, isBound ? (await trialsOnRecord(work, step)).length : undefined)
}

async function trialsOnRecord({ source, onRecord }: VersionAgain, { id }: StepOutline): Promise<Tuning['trials']> {
  const trials = outputOnRecord(onRecord.steps.get(id), 'trials')
  return trials === undefined ? [] : (await getJson(source.store, trials.digest, Tuning)).trials
}

/** Takes what a step made as it is on record, for those that rest on it. */
export async function takeAsRecorded({ source, place, onRecord, here }: VersionAgain, id: string): Promise<void> {
  const recorded = onRecord.steps.get(id)
  const outputs = recorded?.outputs.filter(({ name }) => name !== 'times') ?? []
  for (const { digest, mediaType } of outputs)
    await (mediaType === mediaTypes.bundle
      ? takeBundle(source, place, digest, 'table')
      : takeBlob(source, place, digest))
  here.outcomes.set(id, { stepKey: recorded?.stepKey ?? '', cached: true, outputs, facts: {} })
}

function judge({ here, onRecord }: VersionAgain, step: StepOutline<'gate'>): Promise<StepOutcome> {
  const gate = withoutClock(stepOf(onRecord.plan, step.id, 'gate'))
  return here.judge(step, onRecord.registered.against, gate)
}

async function differences({ source, scratch }: VersionAgain, recorded: StepOnRecord, outcome: StepOutcome) {
  const different = await withoutOlderReports(differentOutputs(recorded.outputs, outcome.outputs), source.store)
  return Promise.all(different.map((each) => differenceInWords(each, source.store, scratch.store)))
}

async function gateDifferences({ source, scratch }: VersionAgain, recorded: StepOnRecord, outcome: StepOutcome) {
  const before = outputOnRecord(recorded, 'gates')
  if (before === undefined) return ['its gates are not on record']
  const after = outputOf(outcome, 'gates').digest
  return gatesApart({ store: source.store, digest: before.digest }, { store: scratch.store, digest: after })
}

const ofThisPlace = ['HOST_MISMATCH', 'ENVIRONMENT_FAILED', 'PROGRAM_LIMIT', 'OBJECT_MISSING', 'STORE_DENIED']

/** Says nothing of the version: the machine, the network or the installation is another one, or out of order. */
const isOfThisPlace = (error: SlipwayError): boolean =>
  error.retryable || ofThisPlace.includes(error.code) || isOfSageMaker(error)

/** A job that was not to be had or did not come to its end; not one whose program failed. */
const isOfSageMaker = ({ code, message }: SlipwayError): boolean =>
  code.startsWith('SAGEMAKER_') && !(code === 'SAGEMAKER_JOB_FAILED' && message.includes(' failed: AlgorithmError'))
