import { SlipwayError } from '../formats/errors.ts'
import type { ModelVersion, Route, RouteChange, RouteRollout } from '../formats/route.ts'
import { showDuration } from '../formats/show-duration.ts'
import { readRoute, readRouteLog, writeRoute } from '../store/routes.ts'
import type { Store } from '../store/store.ts'
import type { Target } from './target.ts'

/** A change as the owner of an endpoint makes it. */
export interface Change {
  readonly endpoint: string
  readonly change: RouteChange
  readonly reason: string
}

/** What a change came to. */
export interface Changed {
  readonly route: Route
  /** The champion of the endpoint, where the change may have moved it. */
  readonly champion: ModelVersion | null
  /** The rollout that a new one has to wait for: then nothing was changed. */
  readonly waitsFor: string | null
}

/**
 * Writes a change of a route by compare-and-set, and has the target apply it. Rollouts of an endpoint go one after
 * another: one that begins while another goes on changes nothing. One whose candidate was refused since is ended: its
 * next look finds the route taken, and why.
 * @throws SlipwayError ROUTE_CONFLICT, also where it is to promote what was refused; CHAMPION_MOVED; REJECTED
 */
export async function writeChange(
  store: Store,
  target: Target,
  { endpoint, change, reason }: Change,
): Promise<Changed> {
  const before = change.kind === 'begin' ? await readRoute(store, endpoint) : undefined
  const other = before?.rollout ?? null
  if (change.kind === 'begin' && before !== undefined && other !== null && other.id !== change.rollout.id)
    return { route: before, champion: null, waitsFor: other.id }
  const { route, refused } = await writeUnlessRefused(store, { endpoint, change, reason })
  await target.apply(route)
  if (refused !== undefined && change.kind === 'finish')
    throw new SlipwayError('ROUTE_CONFLICT', `endpoint ${endpoint}: ${refused}`, {
      next: 'the champion stays; train another version',
    })
  const mayMove = change.kind !== 'begin' && change.kind !== 'traffic' && change.kind !== 'lookups'
  return { route, champion: mayMove ? route.champion : null, waitsFor: null }
}

/** Writes a change; in place of one that gives more to a candidate that was refused, its rollout is ended. */
async function writeUnlessRefused(
  store: Store,
  { endpoint, change, reason }: Change,
): Promise<{ readonly route: Route; readonly refused?: string }> {
  try {
    return { route: await writeRoute(store, endpoint, change, reason) }
  } catch (error) {
    const isRefused = error instanceof SlipwayError && error.code === 'REJECTED'
    if (!isRefused || (change.kind !== 'finish' && change.kind !== 'traffic')) throw error
    const route = await readRoute(store, endpoint)
    // Somebody else was quicker to end it.
    if (route?.rollout?.id !== change.rollout) throw error
    return { route: await endRefused(store, endpoint, route.rollout, error.message), refused: error.message }
  }
}

/** Takes a route from a rollout whose candidate was refused, in words. */
export function endRefused(
  store: Store,
  endpoint: string,
  { id: rollout, candidate }: RouteRollout,
  why: string,
): Promise<Route> {
  const change = { kind: 'finish', rollout, candidate, promote: false } as const
  return writeRoute(store, endpoint, change, `rollout ${rollout}: ${why}`)
}

/** How often those who serve are looked at, and how long they have to load a version and apply a revision, ms. */
const usualPace = { everyMs: 100, patienceMs: 90_000 }

/**
 * Waits until everything that serves an endpoint applies a revision, or says why something does not.
 * @param wait passes the time between two looks, and hears who is waited for
 */
export async function awaitApplied(
  target: Target,
  { endpoint, revision }: { readonly endpoint: string; readonly revision: number },
  wait: (behind: readonly string[], ms: number) => Promise<void>,
): Promise<{ readonly gateways: number; readonly mismatch: string | null }> {
  const { everyMs, ...pace } = target.pace ?? usualPace
  for (const since = Date.now(); ; ) {
    const {
      serving: gateways,
      behind,
      refused,
      patienceMs = pace.patienceMs,
    } = await target.readBack({ endpoint, revision })
    if (behind.length === 0) return { gateways, mismatch: null }
    if (refused !== null) return { gateways, mismatch: refused }
    if (Date.now() > since + patienceMs) {
      const late = `${behind.join(', ')} did not apply revision ${revision} within ${showDuration(patienceMs)}`
      return { gateways, mismatch: late }
    }
    await wait(behind, everyMs)
  }
}

/**
 * What others wrote to a route since the revision that its owner knows, applied now; null when nobody did, and its
 * views were not published anew either: of that its owner is told, unless whoever should tell it has died.
 */
export async function takeOver(
  store: Store,
  target: Target,
  { endpoint, seen }: { readonly endpoint: string; readonly seen: number },
): Promise<{ readonly route: Route; readonly strangers: string[] } | null> {
  const found = await readRoute(store, endpoint)
  if (found === undefined) return null
  const route =
    found.snapshots === undefined
      ? found
      : await writeRoute(store, endpoint, { kind: 'lookups', variant: null }, 'a view was published anew')
  if (route.revision <= seen) return null
  await target.apply(route)
  const strangers: string[] = []
  for (let revision = seen + 1; seen > 0 && revision <= found.revision; revision++) {
    const entry = await readRouteLog(store, endpoint, revision)
    strangers.push(`revision ${revision}: ${entry?.reason ?? 'no reason on record'}`)
  }
  return { route, strangers }
}
