import type { Output } from '../../formats/artifact.ts'
import { shortDigest } from '../../formats/artifact.ts'
import { SlipwayError } from '../../formats/errors.ts'
import type { Plan } from '../../formats/plan.ts'
import { outlineOf } from '../../formats/plan-outline.ts'
import type { RunRecord, StepReport, VersionRecord } from '../../formats/records.ts'
import { type RestsOn, restsOn } from '../../formats/rests-on.ts'
import type { ModelVersion } from '../../formats/route.ts'
import type { PackageSource } from '../../models/package.ts'
import { getPlan } from '../../store/plans.ts'
import { requireChain } from '../../store/ref-chain.ts'
import { readVersion } from '../../store/registry.ts'
import { readWholeRun } from '../../store/runs.ts'
import { requireSigned } from '../../store/signing.ts'

/** What a run says of a step. */
export type StepOnRecord = Pick<StepReport, 'stepKey' | 'outputs' | 'summary'>

/** What is on record of a version: what its making anew is held to. */
export interface OnRecord extends RestsOn {
  readonly version: ModelVersion
  readonly registered: VersionRecord
  readonly run: RunRecord
  readonly plan: Plan
  /** The step that packaged it. */
  readonly packaged: string
  /** What the run made, by step. */
  readonly steps: ReadonlyMap<string, StepOnRecord>
}

/**
 * Reads what is on record of a version: its own record, its run's, and the plan. No record of a step.
 * @throws SlipwayError OBJECT_MISSING, DOCUMENT_BROKEN, DIGEST_MISMATCH, SIGNATURE_INVALID
 */
export async function readOnRecord({ store, trusted }: PackageSource, version: ModelVersion): Promise<OnRecord> {
  const { model, digest } = version
  const name = `${model}@${version.version}`
  const missing = (what: string): SlipwayError =>
    new SlipwayError('OBJECT_MISSING', `${name} cannot be verified: ${what}`, { next: 'restore it from a backup' })
  const registered = await readVersion(store, model, digest)
  if (registered === undefined) throw missing('the store has no record of who registered it')
  const run = await readWholeRun(store, registered.run)
  if (run === undefined) throw missing(`the store has no record of its run ${registered.run}`)
  await requireSigned(store, trusted, 'model', digest)
  await requireChain(store, `models/${model}`)
  const plan = await getPlan(store, run.plan.digest)
  // A step that was done again, since another champion had come, stands there twice: the last one counts.
  const steps = new Map(run.steps.map((step) => [step.name, step]))
  const packaged = [...steps.values()].find(
    ({ kind, outputs }) => ['package', 'tensors'].includes(kind) && outputs.some((output) => output.digest === digest),
  )?.name
  if (packaged === undefined) throw missing(`its run ${run.runId} has no step that made ${shortDigest(digest)}`)
  return { version, registered, run, plan, packaged, steps, ...restsOn(outlineOf(plan), packaged) }
}

/** One output of a step of a run by name. */
export const outputOnRecord = (step: StepOnRecord | undefined, name: string): Output | undefined =>
  step?.outputs.find((output) => output.name === name)
