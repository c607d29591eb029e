import type { Digest } from '../formats/artifact.ts'
import { ModelState, VersionRecord } from '../formats/records.ts'
import { championIn } from '../stats/registration.ts'
import { hexOf } from './digest.ts'
import { listKeys, readDocument } from './documents.ts'
import { readRef } from './refs.ts'
import type { Store } from './store.ts'

/** The ref of a model's state. */
export const refName = (model: string): string => `models/${model}`
/** Where the record of a version lies. */
export const versionKey = (model: string, digest: string): string => `models/${model}/${hexOf(digest)}.json`

export async function readModel(store: Store, model: string): Promise<ModelState | undefined> {
  return (await readRef(store, refName(model), ModelState))?.value
}

export async function readVersion(store: Store, model: string, digest: string): Promise<VersionRecord | undefined> {
  return (await readDocument(store, versionKey(model, digest), VersionRecord))?.value
}

/** Names of all models, for people. */
export async function listModels(store: Store): Promise<string[]> {
  const keys = await listKeys(store, 'refs/models/')
  return keys.map((key) => key.slice('refs/models/'.length, -'.json'.length))
}

/** The digest of the champion, if there is one. */
export const championOf = (state: ModelState | undefined): Digest | undefined => championIn(state)?.digest
