import { canonicalJson } from '../../lib/formats/canonical.ts'
import type { ModelVersion, Route } from '../../lib/formats/route.ts'
import { versionsOf } from '../../lib/formats/route.ts'
import type { LoadedVersion } from '../versions.ts'
import { createJoin, type Join } from './join.ts'
import type { LoadedSnapshot, Snapshots } from './snapshots.ts'

/** The joins of the versions of a revision. */
export interface Joins {
  /**
   * Undefined for a version that looks nothing up.
   * @throws SlipwayError TABLE_SCHEMA when the snapshots do not fit what it looks up
   */
  of(version: LoadedVersion): Join | undefined
  /** What is looked up in. */
  readonly snapshots: ReadonlySet<LoadedSnapshot>
}

/** A revision of a route that is in force. */
interface Applied {
  readonly route: Route
  readonly joins: Joins | undefined
}

/**
 * Loads the snapshots that the versions of a route look up in. A revision that moves traffic, back to a good version
 * perhaps, never waits for a snapshot that cannot be loaded: the one in force goes on in its place, as answers say. A
 * revision that moves to that snapshot and does nothing else is refused.
 * @param applied what is in force
 * @returns undefined for a route without any @throws SlipwayError why one cannot be loaded
 */
export async function loadJoins(
  route: Route,
  shelf: Snapshots,
  applied: Applied | undefined,
): Promise<Joins | undefined> {
  if (route.snapshots === undefined) return undefined
  const looking = new Map<string, NonNullable<ModelVersion['lookups']>>()
  for (const version of versionsOf(route))
    if (version?.lookups !== undefined) looking.set(version.digest, version.lookups)
  const columnsOf = (view: string): string[] => {
    const lookups = [...looking.values()].flat().filter((lookup) => lookup.view === view)
    return [...new Set(lookups.flatMap(({ columns }) => Object.values(columns)))]
  }
  const standIn = (view: string): LoadedSnapshot | undefined =>
    applied !== undefined && movesTraffic(applied.route, route)
      ? [...(applied.joins?.snapshots ?? [])].find(
          (each) => each.view === view && columnsOf(view).every((column) => each.table.columns[column] !== undefined),
        )
      : undefined
  const loaded = await Promise.all(
    route.snapshots.map((snapshot) =>
      shelf.get(route.endpoint, snapshot, columnsOf(snapshot.view)).catch((error) => {
        const other = standIn(snapshot.view)
        if (other === undefined) throw error
        return other
      }),
    ),
  )
  const byView = new Map(loaded.map((snapshot) => [snapshot.view, snapshot]))
  const joins = new Map<string, Join>()
  return {
    snapshots: new Set(loaded),
    of(version) {
      const { digest } = version.scorer.modelVersion
      const known = joins.get(digest)
      if (known !== undefined) return known
      const lookups = looking.get(digest)
      if (lookups === undefined || version.kind === 'tensors') return undefined
      const join = createJoin(version, lookups, byView)
      joins.set(digest, join)
      return join
    },
  }
}

const movesTraffic = (before: Route, after: Route): boolean =>
  canonicalJson([before.champion, before.rollout]) !== canonicalJson([after.champion, after.rollout])
