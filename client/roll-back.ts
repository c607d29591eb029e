import { setTimeout as sleep } from 'node:timers/promises'
import { SlipwayError } from '../lib/formats/errors.ts'
import type { ModelVersion, Route, RouteChange } from '../lib/formats/route.ts'
import { readRouteLog, writeRoute } from '../lib/store/routes.ts'
import type { Store } from '../lib/store/store.ts'

/** An endpoint that went back. */
export interface RolledBack {
  readonly route: Route
  /** Written past the owner of the route, who takes it over within half a minute. */
  readonly breakGlass: boolean
}

/** Where a route is changed: past its owner, or by it. */
export interface RouteAccess {
  readonly store: Store
  /** @throws SlipwayError what the owner refuses it with, TEMPORAL_UNREACHABLE */
  askOwner(endpoint: string, order: { readonly change: RouteChange; readonly reason: string }): Promise<Route>
}

/** How long the store may take to take the route before its owner is asked as well, ms. */
const patienceMs = 1_000
/** How often somebody else may change the route at the same time. */
const mostAttempts = 5

/**
 * Takes traffic from what a route serves: from the candidate if a rollout is going on, else from the champion. The
 * route is written at once, past its owner; what others change meanwhile does not undo the intent.
 * @param before the route as it was seen
 * @param to the version that is to serve; null the one before
 * @throws SlipwayError ROUTE_CONFLICT, and what keeps both the store and the owner from doing it
 */
export async function rollBack(
  access: RouteAccess,
  before: Route,
  to: ModelVersion | null,
  reason: string,
): Promise<RolledBack> {
  let route = before
  let breakGlass = false
  for (let attempt = 0; attempt < mostAttempts; attempt++) {
    const changed = await changeAtOnce(access, route, { kind: 'rollback', from: route.revision, to }, reason)
    route = changed.route
    breakGlass ||= changed.breakGlass
    if (isTakenBack(before, route, to)) return { route, breakGlass }
  }
  throw new SlipwayError('ROUTE_CONFLICT', `somebody else keeps changing the route of ${before.endpoint}`, {
    next: `slipway rollout status ${before.endpoint}, then slipway rollback ${before.endpoint} again`,
  })
}

/**
 * Whether a route serves what a rollback of an earlier one is to serve: nothing any more of what was to be taken back.
 */
export function isTakenBack(before: Route, now: Route, to: ModelVersion | null): boolean {
  if (to !== null) return now.champion.digest === to.digest && now.rollout === null
  const bad = (before.rollout?.candidate ?? before.champion).digest
  return now.champion.digest !== bad && now.rollout?.candidate.digest !== bad
}

/**
 * Changes one revision of a route. Compare-and-swap lets only one of two writers change it: whoever is first has done
 * it, so the owner, which takes longer (its client alone takes longer to load than the store to answer), is asked only
 * where the store does not take the route soon.
 */
async function changeAtOnce(
  access: RouteAccess,
  { endpoint }: Route,
  change: RouteChange & { kind: 'rollback' },
  reason: string,
): Promise<RolledBack> {
  const past = `break-glass: ${reason}`
  const writing = writeRoute(access.store, endpoint, change, past)
  const asking = async (): Promise<Route> => {
    const failure = await Promise.race([writing.catch((error: unknown) => error), sleep(patienceMs)])
    // What was written is done, what was refused is refused.
    if ((failure !== undefined && !(failure instanceof Error)) || isRefusal(failure)) return writing
    return access.askOwner(endpoint, { change, reason })
  }
  let route: Route
  try {
    route = await Promise.any([writing, asking()])
  } catch (error) {
    throw tellingOf((error as AggregateError).errors)
  }
  // Whose it is, is on record; a revision that we find there may be anybody's.
  const { revision } = route
  const log =
    revision === change.from + 1 ? await readRouteLog(access.store, endpoint, revision).catch(() => null) : undefined
  return { route, breakGlass: log === null || log?.reason === past }
}

/** Whether the change itself is refused, by what the route or a version is: then its owner would refuse it too. */
function isRefusal(error: unknown): boolean {
  return error instanceof SlipwayError && (error.code === 'ROUTE_CONFLICT' || error.code === 'REJECTED')
}

/**
 * The error to show of the store's and the owner's: a refusal of the owner, else what the store said, and that the
 * owner cannot help.
 */
function tellingOf([stored, asked]: readonly unknown[]): unknown {
  if (isRefusal(stored) || !(asked instanceof SlipwayError)) return stored
  if (asked.code !== 'TEMPORAL_UNREACHABLE' || !(stored instanceof SlipwayError)) return asked
  return new SlipwayError(
    stored.code,
    `${stored.message}; and the owner of the route cannot be asked: ${asked.message}`,
    stored.facts,
    { cause: stored },
  )
}
