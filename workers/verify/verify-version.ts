import { SlipwayError } from '../../lib/formats/errors.ts'
import { programOf } from '../../lib/formats/filed-programs.ts'
import { isOfContainer } from '../../lib/formats/learner.ts'
import type { Plan } from '../../lib/formats/plan.ts'
import type { StepOutline } from '../../lib/formats/plan-outline.ts'
import { outputOf, readsOf, stepOf } from '../../lib/formats/step-inputs.ts'
import { withoutClock } from '../../lib/jobs/verify/compare-outputs.ts'
import { compareModels } from './compare-models.ts'
import { stepAgain, takeAsRecorded } from './step-again.ts'
import {
  apartInWords,
  type Difference,
  type StepLeft,
  type StepVerified,
  type VerifyView,
  type VersionVerified,
} from './verified.ts'
import { beginAgain, type VerifyOrder, type VersionAgain } from './version-again.ts'

/**
 * Makes a version again from what it was made from, in a store that holds nothing else, and compares what each step
 * makes with what is on record, up to the first that differs.
 * @throws SlipwayError where it cannot be made here: what it was made from is gone, or this installation is another one
 */
export async function verifyVersion(order: VerifyOrder, view: VerifyView): Promise<VersionVerified> {
  const work = await beginAgain(order, view)
  try {
    return await compared(work, view)
  } finally {
    await requireEnded(work)
  }
}

async function compared(work: VersionAgain, view: VerifyView): Promise<VersionVerified> {
  const { onRecord } = work
  const { steps, left, difference } = await stepsAgain(work, view)
  const known = { steps, left, difference, predictions: [] }
  if (difference !== null) return { ...known, outcome: 'differs' }
  const made = outputOf(work.here.outcomes.get(onRecord.packaged), 'package').digest
  if (made === onRecord.version.digest) return { ...known, outcome: 'identical' }
  const predictions = await compareModels(work, made)
  if (predictions.every(({ passed }) => passed)) return { ...known, predictions, outcome: 'predictions agree' }
  const how = predictions.map(apartInWords)
  return { ...known, predictions, outcome: 'differs', difference: { step: onRecord.packaged, kind: 'package', how } }
}

/** Waits for jobs that are being stopped. @throws SlipwayError where one goes on */
async function requireEnded({ jobs, trainAgain }: VersionAgain): Promise<void> {
  const ends = await Promise.allSettled(jobs)
  if (trainAgain?.signal.aborted !== true) return
  for (const end of ends) if (end.status === 'rejected' && end.reason instanceof SlipwayError) throw end.reason
}

/** Does the steps of a version again, up to the first that differs. */
async function stepsAgain(work: VersionAgain, view: VerifyView) {
  const { onRecord, here } = work
  const steps: StepVerified[] = []
  const left: StepLeft[] = onRecord.left.map(({ id }) => ({
    step: id,
    why: 'it decides, or takes effect, in its time',
  }))
  const loose = new Set<string>()
  let difference: Difference | null = null
  for (const step of onRecord.again) {
    const isLoose = mayDiffer(work, step, loose)
    if (isLoose) loose.add(step.id)
    const why = whyLeft(work, step, isLoose)
    if (why !== undefined) {
      left.push({ step: step.id, why })
      if (step.kind === 'tune' || isOnSageMaker(onRecord.plan, step)) await takeAsRecorded(work, step.id)
      continue
    }
    work.trainAgain?.signal.throwIfAborted()
    view.working(step.id, step.summary, 0)
    const start = performance.now()
    const how = await stepAgain(work, step)
    const differing = isLoose && here.outcomes.has(step.id) ? 'may differ' : 'differs'
    const outcome = how.length === 0 ? 'identical' : differing
    const done = { name: step.id, kind: step.kind, outcome, seconds: (performance.now() - start) / 1000 } as const
    steps.push(done)
    view.finished(done)
    if (outcome !== 'differs') continue
    difference = { step: step.id, kind: step.kind, how: [...how, ...otherNode(work)] }
    break
  }
  return { steps, left, difference }
}

/** What may be the reason, where it is another version of Node. */
function otherNode({ onRecord }: VersionAgain): string[] {
  const { node = process.version } = onRecord.run.origin
  return node === process.version ? [] : [`it was made with Node ${node}, and this is ${process.version}`]
}

/** Whether a step hangs on a learner that may make other bytes of the same order. */
function mayDiffer({ here, onRecord }: VersionAgain, step: StepOutline, loose: ReadonlySet<string>): boolean {
  if (step.kind !== 'train' && step.kind !== 'tune')
    return Object.values(readsOf(here.outline, step)).some((read) => loose.has(read.step))
  const { learner } = stepOf(onRecord.plan, step.id, step.kind)
  return isOfContainer(learner) && learner.deterministic === false
}

const isOnSageMaker = (plan: Plan, step: StepOutline): boolean =>
  plan.steps.some((each) => each.id === step.id && programOf(each)?.kind === 'sagemaker')

/** Why a step is not done again. */
function whyLeft({ onRecord, trainAgain }: VersionAgain, step: StepOutline, isLoose: boolean): string | undefined {
  const isTrainedAgain = trainAgain?.steps.some((each) => each.step === step.id) === true
  if (isOnSageMaker(onRecord.plan, step) && !isTrainedAgain)
    return 'it was done by jobs on SageMaker, and others would cost: what it made is taken from the record'
  if (step.kind === 'tune') {
    if (isLoose) return 'its trials may come out otherwise; what it chose is taken from the record'
    // A step that was not carried out has no key.
    if (onRecord.steps.get(step.id)?.stepKey === '') return 'it kept what was chosen for an earlier version'
  }
  if (isLoose && step.kind !== 'train' && step.kind !== 'package')
    return 'it is about a model that may come out as other bytes'
  if (step.kind !== 'gate') return undefined
  const gate = withoutClock(stepOf(onRecord.plan, step.id, 'gate'))
  return gate === undefined ? 'it measures nothing but time' : undefined
}
