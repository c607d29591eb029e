import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Client } from '@temporalio/client'
import { MockActivityEnvironment } from '@temporalio/testing'
import { createActivities } from '../activities/index.ts'
import { runJobHere } from '../activities/jobs.ts'
import { hostVersions } from '../lib/code/host.ts'
import { adaptersOf } from '../lib/extensions/adapters.ts'
import type { Plan } from '../lib/formats/plan.ts'
import { endpointOf, outlineOf, type StepOutline } from '../lib/formats/plan-outline.ts'
import { allOf, inputsOf, outputOf, type StepInputs, type StepOutcome, stepOf } from '../lib/formats/step-inputs.ts'
import { findKind, kindOf } from '../lib/formats/step-kinds/index.ts'
import { type OrderedStep, orderOf } from '../lib/formats/step-order.ts'
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

/** Whether a step makes or judges a candidate: with all others it would take effect. */
const isHarmless = (step: StepOutline): boolean => kindOf(step).always === undefined

/**
 * Carries out the steps of a plan up to its gates, in this process and thread: by the activities of a worker, with the
 * same step records in the same store, but without Temporal, and so that nothing is registered.
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
    root: settings.root,
    adapters: await adaptersOf(settings.root, { store }),
    scoringThreads: 1,
    alerts: undefined,
    scratch,
    runJob: runJobHere,
    ...(order.again && { again: (work) => findKind(work)?.runsUserCode === true }),
  })
  const environment = new MockActivityEnvironment()
  const does = <Order, Made>(activity: (order: Order) => Promise<Made>, given: Order): Promise<Made> =>
    environment.run(activity, given)
  const outline = outlineOf(order.plan)
  const outcomes = new Map<string, StepOutcome>()
  const facts = { ...order, pipeline: outline.pipeline, snapshots: {} }
  const carryOut = (step: StepOutline, inputs: StepInputs): Promise<StepOutcome> => {
    const name = kindOf(step).activity?.name as keyof typeof activities
    const activity = activities[name] as (order: OrderedStep) => Promise<StepOutcome>
    return does(activity, orderOf(facts, step, inputs, outcomes))
  }
  /** Where a gate compares with the champion, that one is scored on the same rows first. */
  const judge = async (step: StepOutline<'gate'>, inputs: StepInputs): Promise<StepOutcome> => {
    const candidate = outputOf(outcomes.get(step.package), 'package').digest
    const endpoint = endpointOf(outline, step.package)
    const { opponent } = await does(activities.findInForce, { model: step.model, candidate, endpoint })
    if (!step.againstChampion || opponent === null) return carryOut(step, inputs)
    const evaluation = stepOf(outline, step.evaluation, 'evaluate')
    const champion = { digest: opponent.digest, mediaType: '', size: 0 }
    const scored = await carryOut(evaluation, { ...inputsOf(outline, evaluation, outcomes), package: champion })
    return carryOut(step, { ...inputs, ...allOf('opponent', scored) })
  }

  try {
    for (const step of outline.steps) {
      if (!isHarmless(step)) continue
      const start = performance.now()
      const inputs = inputsOf(outline, step, outcomes)
      const outcome = await (step.kind === 'gate' ? judge(step, inputs) : carryOut(step, inputs))
      outcomes.set(step.id, outcome)
      onStep(step, outcome, (performance.now() - start) / 1000)
    }
  } finally {
    await rm(scratch, { recursive: true, force: true })
  }
}
