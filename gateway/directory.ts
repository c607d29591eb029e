import { SlipwayError } from '../lib/formats/errors.ts'
import type { Route } from '../lib/formats/route.ts'
import type { Endpoint } from './endpoint.ts'
import type { Found } from './protocols/protocol.ts'
import type { LoadedVersion } from './versions.ts'

/** What is served, looked up by what stands in paths. */
export interface Directory {
  /** Those with a route. */
  endpoints(): readonly Endpoint[]
  /** @param name without one, the only endpoint is meant @throws SlipwayError NOT_FOUND */
  endpoint(name: string | undefined): Endpoint
  /** Names of those with a route. */
  names(): readonly string[]
  /** @param version by number or label; without one, the champion is meant @throws SlipwayError NOT_FOUND */
  find(name: string, version: string | undefined): Found
  /** The same, as it is loaded. */
  loaded(name: string, version: string | undefined): LoadedVersion
}

/** @param endpoints those with a route @param byName one of them, or one whose first route is still being loaded */
export function createDirectory(
  endpoints: () => readonly Endpoint[],
  byName: (name: string) => Endpoint | undefined,
): Directory {
  const names = (): string[] => endpoints().map((each) => each.name)
  const endpoint = (name: string | undefined): Endpoint => {
    const found = name === undefined ? only(endpoints()) : byName(name)
    if (found?.route !== undefined) return found
    const known = names().join(', ') || 'none yet'
    throw new SlipwayError(
      'NOT_FOUND',
      name === undefined
        ? `more than one endpoint or none is served here (${known}): name it, as in /endpoints/<name>/invocations`
        : `there is no endpoint "${name.slice(0, 100)}"; there are ${known}`,
    )
  }
  const loaded: Directory['loaded'] = (name, text) => {
    const found = endpoint(name)
    const { champion, versions } = found
    const number = versionNumber(found, text)
    const version = number === undefined ? champion : versions.byNumber(number)
    if (version !== undefined) return version
    throw new SlipwayError('NOT_FOUND', `endpoint ${name} has no version ${text} loaded`)
  }
  return {
    endpoints,
    endpoint,
    names,
    loaded,
    find(name, text) {
      const found = endpoint(name)
      const version = loaded(name, text)
      const numbers = { number: version.scorer.modelVersion.version, numbers: found.versions.numbers() }
      return version.kind === 'tensors'
        ? { ...numbers, tensors: version.facts }
        : { ...numbers, version: found.asked(version) }
    },
  }
}

const labels = {
  champion: ({ champion }: Route) => champion,
  candidate: ({ rollout }: Route) => rollout?.candidate,
  previous: ({ previous }: Route) => previous ?? undefined,
}

const only = (all: readonly Endpoint[]): Endpoint | undefined => (all.length === 1 ? all[0] : undefined)

/**
 * The number of a version that is named by it, or by what it is to its endpoint.
 * @throws SlipwayError NOT_FOUND for what is no such number or label, and for a label that no version has now
 */
export function versionNumber({ name, route }: Endpoint, text: string | undefined): number | undefined {
  if (text === undefined) return undefined
  if (Object.hasOwn(labels, text)) {
    const labelled = route === undefined ? undefined : labels[text as keyof typeof labels](route)
    if (labelled !== undefined) return labelled.version
    throw new SlipwayError('NOT_FOUND', `endpoint ${name} has no ${text} now`)
  }
  const version = Number(text)
  if (!Number.isInteger(version) || version < 1)
    throw new SlipwayError('NOT_FOUND', `there is no version "${text.slice(0, 40)}"`)
  return version
}
