import type { Digest } from '../formats/artifact.ts'
import { metadataNames, packagesOf, statusOf } from '../sagemaker/model-packages.ts'
import { publishRefusal, type Refusal, readRefusal } from '../store/refusals.ts'
import { readModel } from '../store/registry.ts'
import type { RegistryDeps } from './sagemaker-registry.ts'

/** What SageMaker's registry says of versions that are registered here. */
export interface TakenRefusals {
  /** All that are refused, by version; `isNew`: nobody knew it here. */
  readonly refused: readonly (Refusal & { readonly isNew: boolean })[]
  /** What was not taken in, in words. */
  readonly notTaken: readonly string[]
}

/**
 * Takes in what people refused in SageMaker after it was registered here. A refusal stands: what is approved there
 * again stays refused here.
 * @param group that the model's packages are in
 */
export async function takeRefusals(
  { store, sageMaker }: Pick<RegistryDeps, 'store' | 'sageMaker'>,
  model: string,
  group: string,
): Promise<TakenRefusals> {
  const versions = (await readModel(store, model))?.versions ?? []
  const refused = new Map<number, Refusal & { readonly isNew: boolean }>()
  const notTaken: string[] = []
  const note = (refusal: Refusal, isNew: boolean): void => {
    const known = refused.get(refusal.version)
    refused.set(refusal.version, { ...refusal, isNew: isNew || known?.isNew === true })
  }
  for await (const found of packagesOf(sageMaker, group)) {
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
  return { refused: [...refused.values()].sort((one, other) => one.version - other.version), notTaken }
}
