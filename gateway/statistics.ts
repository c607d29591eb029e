import type { Directory } from './directory.ts'
import type { Endpoint } from './endpoint.ts'
import type { IndexedVersion, VersionStatistics } from './protocols/protocol.ts'

interface Counts {
  lastAt: number
  inferences: number
  readonly answered: { count: number; ms: number }
  readonly failed: { count: number; ms: number }
}

/** What came of requests for predictions since the gateway began, a version of an endpoint each. */
export interface Statistics {
  /** @param rows that were answered; undefined for a request that failed @param ms from arrival to answer */
  count(endpoint: string, version: number, rows: number | undefined, ms: number): void
  of(endpoint: string, version: number): Omit<VersionStatistics, 'name' | 'version' | 'executions'>
}

const noCounts = (): Counts => ({
  lastAt: 0,
  inferences: 0,
  answered: { count: 0, ms: 0 },
  failed: { count: 0, ms: 0 },
})

export function createStatistics(): Statistics {
  const byEndpoint = new Map<string, Map<number, Counts>>()
  return {
    count(endpoint, version, rows, ms) {
      let versions = byEndpoint.get(endpoint)
      if (versions === undefined) {
        versions = new Map()
        byEndpoint.set(endpoint, versions)
      }
      let counts = versions.get(version)
      if (counts === undefined) {
        counts = noCounts()
        versions.set(version, counts)
      }
      const come = rows === undefined ? counts.failed : counts.answered
      come.count++
      come.ms += ms
      if (rows === undefined) return
      counts.inferences += rows
      counts.lastAt = Date.now()
    },
    of: (endpoint, version) => byEndpoint.get(endpoint)?.get(version) ?? noCounts(),
  }
}

/** The versions that are loaded, each with what came of its requests. @throws SlipwayError NOT_FOUND */
export function statisticsOf(
  statistics: Statistics,
  directory: Directory,
  name: string | undefined,
  version: string | undefined,
): VersionStatistics[] {
  const wanted = version === undefined || name === undefined ? undefined : directory.loaded(name, version)
  const endpoints = name === undefined ? directory.endpoints() : [directory.endpoint(name)]
  return endpoints.flatMap((endpoint) =>
    endpoint.versions
      .numbers()
      .filter((number) => wanted === undefined || number === wanted.scorer.modelVersion.version)
      .map((number) => {
        const { inline, offloaded } = endpoint.versions.byNumber(number) ?? {}
        return {
          name: endpoint.name,
          version: number,
          ...statistics.of(endpoint.name, number),
          executions: (inline?.batches ?? 0) + (offloaded?.batches ?? 0),
        }
      }),
  )
}

/** The versions that can be asked, and the endpoints that cannot yet. */
export const indexOf = (endpoints: readonly Endpoint[]): IndexedVersion[] =>
  endpoints.flatMap(({ name, route, refusal, versions }): IndexedVersion[] =>
    route === undefined
      ? [{ name, version: undefined, reason: refusal?.why ?? 'its first route is still being loaded' }]
      : versions.numbers().map((version) => ({ name, version, reason: undefined })),
  )
