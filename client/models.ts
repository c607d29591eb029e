import { SlipwayError } from '../lib/formats/errors.ts'
import type { VersionRecord } from '../lib/formats/records.ts'
import type { Refusal } from '../lib/formats/refusal.ts'
import { aliasesOf } from '../lib/stats/registration.ts'
import { passOver } from '../lib/store/broken.ts'
import { getBundle } from '../lib/store/objects.ts'
import { readRefusal } from '../lib/store/refusals.ts'
import { listModels, readModel, readVersion } from '../lib/store/registry.ts'
import type { Store } from '../lib/store/store.ts'
import type { StoreContext } from './context.ts'

/** A version of a model; without what its record says where that is broken. */
export interface VersionDocument extends Partial<VersionRecord> {
  readonly version: number
  readonly digest: string
  /** `champion`, `candidate`. */
  readonly aliases: readonly string[]
  /** There where its learner does not make the same bytes of the same order. */
  readonly deterministic?: false
  /** Who rejected it, and when. */
  readonly refused?: Pick<Refusal, 'by' | 'at'>
}

/** A model with its versions, oldest first, and its aliases as numbers of versions. */
export interface ModelVersionsDocument {
  readonly name: string
  readonly champion: number | null
  readonly candidate: number | null
  readonly versions: readonly VersionDocument[]
}

/** All models with their versions, as `slipway models --json` prints them. */
export async function readModels({ store, say }: StoreContext): Promise<ModelVersionsDocument[]> {
  const found = await Promise.all(
    (await listModels(store)).map(async (name): Promise<ModelVersionsDocument[]> => {
      const state = await passOver(readModel(store, name), say)
      if (state === undefined) return []
      const versions = await Promise.all(
        state.versions.map(async (digest, i): Promise<VersionDocument> => {
          const refusal = await passOver(readRefusal(store, { model: name, digest }), say)
          return {
            version: i + 1,
            digest,
            aliases: aliasesOf(state, i + 1),
            ...((await isDeterministic(store, digest)) ? {} : { deterministic: false }),
            ...(await passOver(readVersion(store, name, digest), say)),
            ...(refusal !== undefined && { refused: { by: refusal.by, at: refusal.at } }),
          }
        }),
      )
      return [{ name, champion: state.champions.at(-1) ?? null, candidate: state.candidate, versions }]
    }),
  )
  return found.flat()
}

/** Whether the learner of a version makes the same bytes of the same order; of a broken package nobody knows. */
async function isDeterministic(store: Store, digest: string): Promise<boolean> {
  const bundle = await getBundle(store, digest, 'model').catch((error: unknown) => {
    if (error instanceof SlipwayError && !error.retryable) return undefined
    throw error
  })
  return (bundle?.facts.learner as { deterministic?: boolean } | undefined)?.deterministic !== false
}
