import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { runJobHere } from '../activities/jobs.ts'
import { hostVersions } from '../lib/code/host.ts'
import { adaptersOf } from '../lib/extensions/adapters.ts'
import type { Plan } from '../lib/formats/plan.ts'
import { endpointOf, type StepOutline } from '../lib/formats/plan-outline.ts'
import { outputOf, type StepOutcome } from '../lib/formats/step-inputs.ts'
import { findKind, kindOf } from '../lib/formats/step-kinds/index.ts'
import type { Signer, TrustedKeys } from '../lib/store/signing.ts'
import type { Store } from '../lib/store/store.ts'
import { stepsHere } from './steps-here.ts'

/** Where steps are carried out, and with whose keys. */
export interface LocalPlace {
  /** The project's folder. */
  readonly root: string
  readonly store: Store
  readonly signer: Signer | undefined
  readonly trusted: TrustedKeys
}

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
  place: LocalPlace,
  { again, ...order }: LocalOrder,
  onStep: (step: StepOutline, outcome: StepOutcome, seconds: number) => void,
): Promise<void> {
  const scratch = await mkdtemp(join(tmpdir(), 'slipway-local-'))
  const deps = {
    ...place,
    host: hostVersions(),
    adapters: await adaptersOf(place.root, place),
    scratch,
    runJob: runJobHere,
    ...(again && { again: (work: string) => findKind(work)?.runsUserCode === true }),
  }
  const here = stepsHere(deps, { ...order, snapshots: {} })
  const { outline, outcomes, activities } = here
  const judge = async (step: StepOutline<'gate'>): Promise<StepOutcome> => {
    const candidate = outputOf(outcomes.get(step.package), 'package').digest
    const endpoint = endpointOf(outline, step.package)
    const { opponent } = await here.does(activities.findInForce, { model: step.model, candidate, endpoint })
    return here.judge(step, opponent?.digest ?? null)
  }

  try {
    for (const step of outline.steps) {
      if (!isHarmless(step)) continue
      const start = performance.now()
      const outcome = await (step.kind === 'gate' ? judge(step) : here.carryOut(step))
      outcomes.set(step.id, outcome)
      onStep(step, outcome, (performance.now() - start) / 1000)
    }
  } finally {
    await rm(scratch, { recursive: true, force: true })
  }
}
