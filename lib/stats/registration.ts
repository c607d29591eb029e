import type { Digest } from '../formats/artifact.ts'
import { type Expected, type InForce, requireInForce, type VersionName } from '../formats/in-force.ts'
import type { ModelState } from '../formats/records.ts'
import type { Route } from '../formats/route.ts'

/** What is asked of the registry: a digest becomes a version, and champion at once if `promote` says so. */
export interface Registering {
  readonly digest: Digest
  readonly promote: boolean
  /** What must be champion for it to take over. */
  readonly expect?: Expected
}

function nameOf(state: ModelState | undefined, version: number | undefined): VersionName | null {
  const digest = version === undefined ? undefined : state?.versions[version - 1]
  return version === undefined || digest === undefined ? null : { version, digest }
}

/** The champion of a model; null while there is none. */
export const championIn = (state: ModelState | undefined): VersionName | null => nameOf(state, state?.champions.at(-1))

/**
 * A model after a registration; the same object when the digest is registered already: not its number nor the aliases
 * change then, for somebody may have moved them meanwhile.
 * @throws SlipwayError CHAMPION_MOVED when it would replace another version than it was judged against
 */
export function register(state: ModelState | undefined, model: string, order: Registering): ModelState {
  const { digest, promote, expect } = order
  const before = state ?? { versions: [], champions: [], candidate: null }
  if (state?.versions.includes(digest) === true) return state
  if (promote) requireInForce(`model ${model}`, championIn(state), expect, digest)
  const version = before.versions.length + 1
  return {
    versions: [...before.versions, digest],
    champions: promote ? [...before.champions, version] : before.champions,
    candidate: version,
  }
}

/**
 * A model with another champion; the same object when that is champion already.
 * @throws SlipwayError CHAMPION_MOVED
 */
export function promote(state: ModelState, model: string, version: number, expect: Expected): ModelState {
  if (state.champions.at(-1) === version) return state
  requireInForce(`model ${model}`, championIn(state), expect, state.versions[version - 1] ?? '')
  return { ...state, champions: [...state.champions, version] }
}

/**
 * What a candidate would replace, and what it is compared with: a candidate that is in force already has to hold its
 * own against the one it took over from. So a repeated run asks the same question again and finds the same answer in
 * its records.
 * @param route of the endpoint it is deployed to, if it is and that serves something
 */
export function inForceFor(
  candidate: string,
  model: string,
  state: ModelState | undefined,
  route: Route | undefined,
): InForce {
  const served = route?.champion.model === model ? route : undefined
  const champion = served === undefined ? championIn(state) : bare(served.champion)
  if (champion?.digest !== candidate) return { champion, opponent: champion }
  const previous = served?.previous ?? null
  if (previous !== null && previous.model === model && previous.digest !== candidate)
    return { champion, opponent: bare(previous) }
  const others = (state?.champions ?? []).filter((version) => state?.versions[version - 1] !== candidate)
  return { champion, opponent: nameOf(state, others.at(-1)) }
}

const bare = ({ version, digest }: VersionName): VersionName => ({ version, digest })

/** What a version of a model is called besides its number. */
export function aliasesOf(state: Pick<ModelState, 'champions' | 'candidate'>, version: number): string[] {
  return [
    ...(state.champions.at(-1) === version ? ['champion'] : []),
    ...(state.candidate === version && state.champions.at(-1) !== version ? ['candidate'] : []),
  ]
}
