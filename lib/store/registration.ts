import { SlipwayError } from '../formats/errors.ts'
import type { Expected } from '../formats/in-force.ts'
import { ModelState, VersionRecord } from '../formats/records.ts'
import { promote, register } from '../stats/registration.ts'
import { publishOnce } from './documents.ts'
import { updateRef } from './refs.ts'
import { requireNotRefused } from './refusals.ts'
import { readModel, refName, versionKey } from './registry.ts'
import type { Store } from './store.ts'

/**
 * Registers a version; see `register` for when it becomes champion.
 * @throws SlipwayError CHAMPION_MOVED
 */
export async function registerVersion(
  store: Store,
  model: string,
  record: VersionRecord,
  isPromoted: boolean,
  expect?: Expected,
): Promise<{ version: number; champion: number | null; registered: boolean }> {
  // What is refused leaves no record behind: judged anew, it is registered with another one.
  const order = { digest: record.digest, promote: isPromoted, expect }
  register(await readModel(store, model), model, order)
  await publishOnce(store, versionKey(model, record.digest), VersionRecord, record)
  let registered = false
  const state = await updateRef(store, refName(model), ModelState, `run ${record.run} registers`, (current) => {
    const next = register(current, model, order)
    registered = next !== current
    return next
  })
  return { version: state.versions.indexOf(record.digest) + 1, champion: state.champions.at(-1) ?? null, registered }
}

/** A version that is to be champion. */
export interface NewChampion {
  readonly version: number
  /** Goes to the ref's log. */
  readonly reason: string
  readonly expect?: Expected
  /** It follows what an endpoint serves: then it is in force whether or not it was refused. */
  readonly isServed?: boolean
}

/**
 * Makes a version champion.
 * @throws SlipwayError CHAMPION_MOVED; REJECTED where it was refused after it was registered
 */
export async function setChampion(
  store: Store,
  model: string,
  { version, reason, expect, isServed = false }: NewChampion,
): Promise<ModelState> {
  return updateRef(store, refName(model), ModelState, reason, async (current) => {
    if (current === undefined) throw new SlipwayError('NOT_FOUND', `model ${model} does not exist`)
    const next = promote(current, model, version, expect)
    const digest = current.versions[version - 1]
    if (next !== current && !isServed && digest !== undefined) await requireNotRefused(store, { model, digest })
    return next
  })
}
