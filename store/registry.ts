import type { Digest } from '../pipelines/artifact.ts'
import { ModelState, VersionRecord } from '../pipelines/records.ts'
import { hexOf } from './digest.ts'
import { listKeys, publishOnce, readDocument } from './documents.ts'
import { getBundle } from './objects.ts'
import { readRef, updateRef } from './refs.ts'
import type { Store } from './store.ts'

const refName = (model: string): string => `models/${model}`
const versionKey = (model: string, digest: string): string => `models/${model}/${hexOf(digest)}.json`

export async function readModel(store: Store, model: string): Promise<ModelState | undefined> {
  const ref = await readRef(store, refName(model))
  return ref === undefined ? undefined : ModelState.parse(ref.value)
}

export async function readVersion(store: Store, model: string, digest: string): Promise<VersionRecord | undefined> {
  const document = await readDocument(store, versionKey(model, digest))
  return document === undefined ? undefined : VersionRecord.parse(document.value)
}

/** Names of all models, for people. */
export async function listModels(store: Store): Promise<string[]> {
  const keys = await listKeys(store, 'refs/models/')
  return keys.map((key) => key.slice('refs/models/'.length, -'.json'.length))
}

/** The digest of the champion, if there is one. */
export function championOf(state: ModelState | undefined): Digest | undefined {
  const version = state?.champions.at(-1)
  return version === undefined ? undefined : state?.versions[version - 1]
}

/**
 * The model a candidate has to hold its own against: the champion; or, if the candidate is the champion already, the one
 * it took over from. So a repeated run asks the same question again and finds the same answer in its records.
 */
export function opponentOf(state: ModelState | undefined, candidate: string): Digest | undefined {
  const others = (state?.champions ?? []).filter((version) => state?.versions[version - 1] !== candidate)
  const isChampion = championOf(state) === candidate
  const version = isChampion ? others.at(-1) : state?.champions.at(-1)
  return version === undefined ? undefined : state?.versions[version - 1]
}

/**
 * The opponent of a candidate, if they take the same rows: a new signature begins a line of champions of its own.
 */
export async function findOpponent(store: Store, model: string, candidate: string): Promise<Digest | undefined> {
  const opponent = opponentOf(await readModel(store, model), candidate)
  if (opponent === undefined) return undefined
  const [own, other] = await Promise.all([candidate, opponent].map((digest) => getBundle(store, digest, 'model')))
  return (own?.facts.signature ?? 1) === (other?.facts.signature ?? 1) ? opponent : undefined
}

/**
 * Registers a version, as champion at once if `promote` says so. Registering the same digest again changes nothing: not
 * the number, not the aliases, for somebody may have moved them meanwhile.
 */
export async function registerVersion(
  store: Store,
  model: string,
  record: VersionRecord,
  promote: boolean,
): Promise<{ version: number; champion: number | null; registered: boolean }> {
  await publishOnce(store, versionKey(model, record.digest), record)
  let registered = false
  const state = await updateRef<ModelState>(store, refName(model), `run ${record.run} registers`, (current) => {
    registered = false
    const before = current ?? { versions: [], champions: [], candidate: null }
    if (before.versions.includes(record.digest)) return current ?? before
    registered = true
    const version = before.versions.length + 1
    return {
      versions: [...before.versions, record.digest],
      champions: promote ? [...before.champions, version] : before.champions,
      candidate: version,
    }
  })
  return { version: state.versions.indexOf(record.digest) + 1, champion: state.champions.at(-1) ?? null, registered }
}

/** Makes a version champion; `reason` goes to the ref's log. */
export async function setChampion(store: Store, model: string, version: number, reason: string): Promise<ModelState> {
  return updateRef<ModelState>(store, refName(model), reason, (current) => {
    if (current === undefined) throw new RangeError(`model ${model} does not exist`)
    if (current.champions.at(-1) === version) return current
    return { ...current, champions: [...current.champions, version] }
  })
}
