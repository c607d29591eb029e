import type { Digest } from '../formats/artifact.ts'
import { SlipwayError } from '../formats/errors.ts'
import type { Expected, InForce } from '../formats/in-force.ts'
import { ModelState, type RunRecord, VersionRecord } from '../formats/records.ts'
import { championIn, inForceFor, promote, register } from '../stats/registration.ts'
import { hexOf } from './digest.ts'
import { listKeys, publishOnce, readDocument } from './documents.ts'
import { getBundle } from './objects.ts'
import { readRef, updateRef } from './refs.ts'
import { requireNotRefused } from './refusals.ts'
import { readRoute } from './routes.ts'
import { readWholeRun } from './runs.ts'
import { readStepRecord } from './steps.ts'
import type { Store } from './store.ts'

const refName = (model: string): string => `models/${model}`
const versionKey = (model: string, digest: string): string => `models/${model}/${hexOf(digest)}.json`

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

/**
 * What a candidate would replace, and what it is compared with. Versions that take other rows are not compared: a new
 * signature begins a line of champions of its own.
 * @param endpoint where it is deployed to, null for nowhere
 */
export async function findInForce(
  store: Store,
  model: string,
  candidate: string,
  endpoint: string | null,
): Promise<InForce> {
  const [state, route] = await Promise.all([
    readModel(store, model),
    endpoint === null ? undefined : readRoute(store, endpoint),
  ])
  const found = inForceFor(candidate, model, state, route)
  const { opponent: baseline } = found
  if (baseline === null) return found
  const digests = [candidate, baseline.digest]
  const [own, other] = await Promise.all(digests.map((digest) => getBundle(store, digest, 'model')))
  const areAlike = (own?.facts.signature ?? 1) === (other?.facts.signature ?? 1)
  return areAlike ? found : { ...found, opponent: null }
}

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

/** The run that made a version of a model; undefined where nothing of it is on record. */
export async function runOfVersion(store: Store, model: string, digest: string): Promise<RunRecord | undefined> {
  const version = await readVersion(store, model, digest)
  return version === undefined ? undefined : readWholeRun(store, version.run)
}

/**
 * The table that a version was trained on, by its digest: what its training read, whatever other splits and branches
 * its run has. Undefined where that is not on record.
 */
export async function trainingTableOf(store: Store, model: string, digest: string): Promise<string | undefined> {
  const run = await runOfVersion(store, model, digest)
  const packaged = run?.steps.find(
    ({ kind, outputs }) => kind === 'package' && outputs.some((output) => output.digest === digest),
  )
  const made = packaged && (await readStepRecord(store, packaged.stepKey))
  const trained = made?.material.inputs.train
  return trained === undefined ? undefined : (await readStepRecord(store, trained))?.material.inputs.train
}
