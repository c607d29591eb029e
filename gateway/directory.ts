import { SlipwayError } from '../lib/formats/errors.ts'
import type { Endpoint } from './endpoint.ts'
import type { Found } from './protocols/protocol.ts'

/** What is served, looked up by what stands in paths. */
export interface Directory {
  /** Those with a route. */
  endpoints(): readonly Endpoint[]
  /** @param name without one, the only endpoint is meant @throws SlipwayError NOT_FOUND */
  endpoint(name: string | undefined): Endpoint
  /** @param number of a version; without one, the champion is meant @throws SlipwayError NOT_FOUND */
  find(name: string, number: string | undefined): Found
}

/** @param endpoints those with a route @param byName one of them, or one whose first route is still being loaded */
export function createDirectory(
  endpoints: () => readonly Endpoint[],
  byName: (name: string) => Endpoint | undefined,
): Directory {
  const endpoint = (name: string | undefined): Endpoint => {
    const found = name === undefined ? only(endpoints()) : byName(name)
    if (found?.route !== undefined) return found
    const known =
      endpoints()
        .map((each) => each.name)
        .join(', ') || 'none yet'
    throw new SlipwayError(
      'NOT_FOUND',
      name === undefined
        ? `more than one endpoint or none is served here (${known}): name it, as in /endpoints/<name>/invocations`
        : `there is no endpoint "${name.slice(0, 100)}"; there are ${known}`,
    )
  }
  return {
    endpoints,
    endpoint,
    find(name, number) {
      const found = endpoint(name)
      const { champion, versions } = found
      const version = number === undefined ? champion : versions.byNumber(versionNumber(number) ?? 0)
      const numbers = versions.numbers()
      if (version?.kind === 'tensors') return { tensors: version.facts, numbers }
      if (version !== undefined) return { version: found.asked(version), numbers }
      throw new SlipwayError('NOT_FOUND', `endpoint ${name} has no version ${number} loaded`)
    },
  }
}

const only = (all: readonly Endpoint[]): Endpoint | undefined => (all.length === 1 ? all[0] : undefined)

/** The number of a version as it stands in a path. @throws SlipwayError NOT_FOUND for what is no such number */
export function versionNumber(text: string | undefined): number | undefined {
  if (text === undefined) return undefined
  const version = Number(text)
  if (!Number.isInteger(version) || version < 1)
    throw new SlipwayError('NOT_FOUND', `there is no version "${text.slice(0, 40)}"`)
  return version
}
