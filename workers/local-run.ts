import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Client } from '@temporalio/client'
import { MockActivityEnvironment } from '@temporalio/testing'
import { createActivities } from '../activities/index.ts'
import { runJobHere } from '../activities/jobs.ts'
import { hostVersions } from '../lib/code/host.ts'
import type { Plan, StepKind } from '../lib/formats/plan.ts'
import { endpointOf, outlineOf, type StepOutline } from '../lib/formats/plan-outline.ts'
import {
  evaluationInputs,
  inputsOf,
  outputOf,
  type StepInputs,
  type StepOutcome,
  stepOf,
} from '../lib/formats/step-inputs.ts'
import { targetsOf } from '../lib/targets/targets.ts'
import { type Settings, signerOf, storeOf, trustedKeysOf } from './settings.ts'

export interface LocalOrder {
  readonly plan: Plan
  readonly planDigest: string
  /** Contents of the sources in the store, by step. */
  readonly sources: Readonly<Record<string, string>>
  readonly runId: string
  /** Whether steps that run the user's code are carried out though their records stand. */
  readonly again: boolean
}

/** Kinds of steps that make and judge a candidate: with all others it would take effect. */
const judging = ['snapshot', 'validate', 'split', 'train', 'package', 'evaluate', 'gate'] as const
type Judging = (typeof judging)[number]
const isJudging = (step: StepOutline): step is StepOutline<Judging> => judging.some((kind) => kind === step.kind)
/** Of those, the ones that run the user's functions. */
const withUserCode: readonly string[] = ['train', 'package', 'evaluate', 'gate'] satisfies StepKind[]

/**
 * Carries out the steps of a plan up to its gates, in this process and thread: by the activities of a worker, with the same step records in
 * the same store, but without Temporal, and so that nothing is registered.
 * @param onStep hears what each step made, before the next one begins
 */
export async function runLocally(
  settings: Settings,
  order: LocalOrder,
  onStep: (step: StepOutline, outcome: StepOutcome, seconds: number) => void,
): Promise<void> {
  const scratch = await mkdtemp(join(tmpdir(), 'slipway-local-'))
  const store = storeOf(settings)
  const activities = createActivities({
    store,
    signer: signerOf(settings),
    trusted: trustedKeysOf(settings),
    host: hostVersions(),
    // None of these steps asks a workflow.
    client: undefined as unknown as Client,
    sources: undefined,
    outputs: undefined,
    targets: targetsOf(store),
    scoringThreads: 1,
    alerts: undefined,
    scratch,
    runJob: runJobHere,
    ...(order.again && { again: (step) => withUserCode.includes(step) }),
  })
  const environment = new MockActivityEnvironment()
  const does = <Order, Made>(activity: (order: Order) => Promise<Made>, given: Order): Promise<Made> =>
    environment.run(activity, given)
  const outline = outlineOf(order.plan)
  const outcomes = new Map<string, StepOutcome>()
  const { runId: run, planDigest } = order
  const refOf = <Kind extends StepKind>({ id, kind }: { readonly id: string; readonly kind: Kind }) => ({
    plan: planDigest,
    id,
    kind,
  })

  const carryOut = (step: StepOutline<Judging>, inputs: StepInputs): Promise<StepOutcome> => {
    switch (step.kind) {
      case 'snapshot':
        return does(activities.snapshotSource, { run, step: refOf(step), inputs, source: order.sources[step.id] ?? '' })
      case 'validate':
        return does(activities.validateTable, { run, step: refOf(step), inputs })
      case 'split':
        return does(activities.splitIntoParts, { run, step: refOf(step), inputs })
      case 'train':
        return does(activities.trainModel, { run, step: refOf(step), inputs, model: outline.pipeline })
      case 'package': {
        const train = stepOf(outline, step.model, 'train')
        const trainKey = outcomes.get(train.id)?.stepKey ?? ''
        const model = outline.pipeline
        return does(activities.packageModel, { run, step: refOf(step), inputs, train: refOf(train), trainKey, model })
      }
      case 'evaluate':
        return does(activities.evaluatePackage, { run, step: refOf(step), inputs })
      case 'gate':
        return judge(step, inputs)
    }
  }
  /** Where a gate compares with the champion, that one is scored on the same rows first. */
  const judge = async (step: StepOutline<'gate'>, inputs: StepInputs): Promise<StepOutcome> => {
    const candidate = outputOf(outcomes.get(step.package), 'package').digest
    const endpoint = endpointOf(outline, step.package)
    const { opponent } = await does(activities.findInForce, { model: step.model, candidate, endpoint })
    if (!step.againstChampion || opponent === null)
      return does(activities.judgeCandidate, { run, step: refOf(step), inputs })
    const evaluation = stepOf(outline, step.evaluation, 'evaluate')
    const champion = { digest: opponent.digest, mediaType: '', size: 0 }
    const scored = await does(activities.evaluatePackage, {
      run,
      step: refOf(evaluation),
      inputs: { ...inputsOf(outline, evaluation, outcomes), package: champion },
    })
    return does(activities.judgeCandidate, {
      run,
      step: refOf(step),
      inputs: { ...inputs, ...evaluationInputs('opponent', scored) },
    })
  }

  try {
    for (const step of outline.steps) {
      if (!isJudging(step)) continue
      const start = performance.now()
      const outcome = await carryOut(step, inputsOf(outline, step, outcomes))
      outcomes.set(step.id, outcome)
      onStep(step, outcome, (performance.now() - start) / 1000)
    }
  } finally {
    await rm(scratch, { recursive: true, force: true })
  }
}
