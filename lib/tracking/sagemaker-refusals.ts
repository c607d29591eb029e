import type { Digest } from '../formats/artifact.ts'
import type { Refusal } from '../formats/refusal.ts'
import { groupOf } from '../formats/registry-mirror.ts'
import { metadataNames, packagesOf, statusOf } from '../sagemaker/model-packages.ts'
import { passOver } from '../store/broken.ts'
import { getPlan } from '../store/plans.ts'
import { publishRefusal, readRefusal } from '../store/refusals.ts'
import { readModel, readVersion } from '../store/registry.ts'
import { readRun } from '../store/runs.ts'
import type { Store } from '../store/store.ts'
import type { RegistryDeps } from './sagemaker-registry.ts'

/** What SageMaker's registry says of versions that are registered here. */
export interface TakenRefusals {
  /** All that are refused, by version; `isNew`: nobody knew it here. */
  readonly refused: readonly (Refusal & { readonly isNew: boolean })[]
  /** What was not taken in, in words. */
  readonly notTaken: readonly string[]
}

/** How many records are asked for at once. */
const atOnce = 8

/**
 * The groups that versions of a model were put into, as the plans of their runs say (`p.mirror`), in the order of
 * their names. Versions whose run goes on still, or whose records are broken, are left out.
 */
export async function groupsOf(store: Store, model: string): Promise<string[]> {
  const groups = new Set<string>()
  const groupsOfVersion = async (digest: Digest): Promise<void> => {
    const version = await readVersion(store, model, digest)
    const run = version && (await readRun(store, version.run))
    if (run === undefined) return
    for (const step of (await getPlan(store, run.plan.digest)).steps)
      if (step.kind === 'mirror' && step.model === model) groups.add(groupOf(step.registry, model))
  }
  const versions = (await readModel(store, model))?.versions ?? []
  for (let at = 0; at < versions.length; at += atOnce)
    await Promise.all(versions.slice(at, at + atOnce).map((digest) => passOver(groupsOfVersion(digest))))
  return [...groups].sort()
}

/**
 * Takes in what people refused in SageMaker after it was registered here. A refusal stands: what is approved there
 * again stays refused here, and what was refused is told also where its package is gone.
 * @param groups that the model's packages are in
 */
export async function takeRefusals(
  { store, sageMaker }: Pick<RegistryDeps, 'store' | 'sageMaker'>,
  model: string,
  groups: readonly string[],
): Promise<TakenRefusals> {
  const versions = (await readModel(store, model))?.versions ?? []
  const refused = new Map<number, Refusal & { readonly isNew: boolean }>()
  const notTaken: string[] = []
  const note = (refusal: Refusal, isNew: boolean): void => {
    const known = refused.get(refusal.version)
    refused.set(refusal.version, { ...refusal, isNew: isNew || known?.isNew === true })
  }
  const packages = async function* () {
    for (const group of groups) yield* packagesOf(sageMaker, group)
  }
  for await (const found of packages()) {
    const digest = found.CustomerMetadataProperties?.[metadataNames.digest] as Digest
    const version = versions.indexOf(digest) + 1
    // One that is no version yet is for the run that put it there.
    if (version === 0) continue
    const { status, isTheirs, reason } = statusOf(found)
    if (status === 'rejected' && isTheirs) {
      const refusal = { model, version, digest, by: reason, at: new Date().toISOString() }
      const { value, first } = await publishRefusal(store, refusal)
      note(value, first)
      continue
    }
    const known = await readRefusal(store, { model, digest })
    if (known === undefined) continue
    note(known, false)
    notTaken.push(`version ${version} is ${status} there now: what was refused stays refused`)
  }
  for (let at = 0; at < versions.length; at += atOnce)
    for (const known of await Promise.all(
      versions.slice(at, at + atOnce).map((digest) => readRefusal(store, { model, digest })),
    ))
      if (known !== undefined) note(known, false)
  return { refused: [...refused.values()].sort((one, other) => one.version - other.version), notTaken }
}
