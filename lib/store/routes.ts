import { SlipwayError } from '../formats/errors.ts'
import { type Snapshot, viewsOf } from '../formats/lookup.ts'
import { changeRoute, type ModelVersion, Route, type RouteChange, targetOf, versionsOf } from '../formats/route.ts'
import { GatewayPresence, TelemetryWindow } from '../formats/telemetry.ts'
import { PublishedView } from '../formats/view.ts'
import { isBroken, passOver } from './broken.ts'
import {
  deleteDocument,
  listFolders,
  listKeys,
  publishOnce,
  readDocument,
  readIfChanged,
  replaceDocument,
} from './documents.ts'
import { Ref, readRef, readRefLog, refKey, updateRef } from './refs.ts'
import { requireNotRefused, type WayBack, wayBack } from './refusals.ts'
import { readSnapshots, requireFit } from './snapshots.ts'
import type { Store } from './store.ts'

const refName = (endpoint: string): string => `routes/${endpoint}`
const RouteRef = Ref.extend({ value: Route })

export async function readRoute(store: Store, endpoint: string): Promise<Route | undefined> {
  return (await readRef(store, refName(endpoint), Route))?.value
}

/** A route with the ETag it was read with; undefined when it still has the ETag given, or does not exist. */
export async function readChangedRoute(
  store: Store,
  endpoint: string,
  etag: string | undefined,
): Promise<{ route: Route; etag: string } | undefined> {
  const document = await readIfChanged(store, refKey(refName(endpoint)), etag, RouteRef)
  return document === undefined ? undefined : { route: document.value.value, etag: document.etag }
}

/** The value of a ref under another number: routes and views carry it too. @param name of the ref: `routes/flights` */
export function renumbered(name: string, value: Ref['value'], generation: number): Ref['value'] {
  if (name.startsWith('views/')) return { ...PublishedView.parse(value), revision: generation }
  return name.startsWith('routes/') ? ({ ...Route.parse(value), revision: generation } as Ref['value']) : value
}

/** Names of all endpoints. */
export async function listEndpoints(store: Store): Promise<string[]> {
  const keys = await listKeys(store, 'refs/routes/')
  return keys.map((key) => key.slice('refs/routes/'.length, -'.json'.length))
}

/**
 * Changes a route by compare-and-swap. Its owner workflow is the writer; only rollbacks are written past it. A version
 * that looks something up begins with what is published then. What was refused after it was registered gets no more
 * than it has; to give a route back, and so to go back to its champion, nobody is asked.
 * @throws SlipwayError ROUTE_CONFLICT, CHAMPION_MOVED, VIEW_UNPUBLISHED, REJECTED
 */
export async function writeRoute(store: Store, endpoint: string, change: RouteChange, reason: string): Promise<Route> {
  const write = (what: RouteChange, published: readonly Snapshot[]): Promise<Route> =>
    updateRef(store, refName(endpoint), Route, reason, async (route) => {
      const changed = changeRoute(route, endpoint, what, published)
      const isFurther = what.kind === 'traffic' || (what.kind === 'finish' && what.promote)
      if (isFurther && changed !== route && route?.rollout) await requireNotRefused(store, route.rollout.candidate)
      return changed
    })
  switch (change.kind) {
    case 'lookups':
      return write(change, await snapshotsFor(store, endpoint, change.variant))
    case 'rollback':
      return writeRollback(store, endpoint, change, reason)
    case 'open':
    case 'begin': {
      const arrival = change.kind === 'open' ? change.variant : change.rollout.candidate
      if (!(await isUnderWay(store, endpoint, change))) await requireNotRefused(store, arrival)
      const published = await readSnapshots(store, viewsOf([arrival]))
      await requireFit(store, arrival, published)
      const route = await write(change, published)
      if (route.snapshots === undefined) return route
      // Whoever publishes a view looks afterwards for the routes that look up in it. Here it is the other way round, so
      // that one of the two sees what the other wrote.
      return write({ kind: 'lookups', variant: null }, await snapshotsFor(store, endpoint, null))
    }
    default:
      return write(change, [])
  }
}

/** Whether a rollout has begun already, and this is its beginning again after a crash. */
async function isUnderWay(store: Store, endpoint: string, change: RouteChange): Promise<boolean> {
  return change.kind === 'begin' && (await readRoute(store, endpoint))?.rollout?.id === change.rollout.id
}

/** What an endpoint served before its champion, newest first, as it was served. */
async function* servedBefore(store: Store, { endpoint, revision, champion, previous }: Route) {
  if (previous !== null) yield previous
  for (let before = revision - 1; before > 0; before--) {
    const logged = Route.safeParse((await readRouteLog(store, endpoint, before))?.value)
    if (logged.success && logged.data.champion.digest !== champion.digest) yield logged.data.champion
  }
}

/**
 * What a route without a rollout goes back to: the last version before its champion that was not refused.
 * @returns null where it served nothing before
 * @throws SlipwayError REJECTED where all of them were refused
 */
export const wayBackOf = (store: Store, route: Route): Promise<WayBack<ModelVersion> | null> =>
  wayBack(store, servedBefore(store, route), `endpoint ${route.endpoint}`)

/**
 * A rollback of a route that passes over what was refused. What serves already may go on, for it is what a rollout
 * leaves.
 * @throws SlipwayError REJECTED where the version named was refused, or everything before the champion
 */
async function acceptedRollback(
  store: Store,
  route: Route,
  change: RouteChange & { kind: 'rollback' },
): Promise<RouteChange & { kind: 'rollback' }> {
  const { from, to } = change
  if (route.revision !== from || (to === null && (route.rollout !== null || route.previous === null))) return change
  if (to === null) {
    const way = await wayBackOf(store, route)
    return way === null || way.passedOver.length === 0 ? change : { ...change, to: way.to }
  }
  if (to.digest !== route.champion.digest) await requireNotRefused(store, to)
  return change
}

/**
 * Goes back. A version that looks something up does so in the snapshots that the route has, in published ones only of
 * views that it has not; for one that looks nothing up the store is asked for nothing but whether it was refused, and
 * the write.
 * @throws SlipwayError TABLE_SCHEMA when the version would not find its columns there; REJECTED
 */
async function writeRollback(
  store: Store,
  endpoint: string,
  change: RouteChange & { kind: 'rollback' },
  reason: string,
): Promise<Route> {
  let looking: (Pick<Route, 'snapshots'> & { version: ModelVersion; accepted: RouteChange }) | undefined
  const written = await updateRef(store, refName(endpoint), Route, reason, async (route) => {
    if (route === undefined) return changeRoute(route, endpoint, change)
    const accepted = await acceptedRollback(store, route, change)
    const version = targetOf(route, accepted)
    const isNew = version?.lookups !== undefined && version.digest !== route.champion.digest
    if (!isNew) return changeRoute(route, endpoint, accepted)
    looking = { version, accepted, snapshots: route.snapshots }
    return route
  })
  if (looking === undefined) return written
  const { version, accepted, snapshots: held = [] } = looking
  const absent = viewsOf([version]).filter((view) => !held.some((each) => each.view === view))
  const published = await readSnapshots(store, absent)
  await requireFit(store, version, [...held, ...published])
  return updateRef(store, refName(endpoint), Route, reason, (route) =>
    changeRoute(route, endpoint, accepted, published),
  )
}

/**
 * The newest snapshots of the views that a route looks up in. One that a version in force would not find its columns in
 * is left out: the route stays with the one before.
 * @param variant another way in which its champion is to look up
 * @throws SlipwayError TABLE_SCHEMA when that does not fit
 */
async function snapshotsFor(store: Store, endpoint: string, variant: ModelVersion | null): Promise<Snapshot[]> {
  const route = await readRoute(store, endpoint)
  if (route === undefined) return []
  const published = await readSnapshots(store, viewsOf([variant, ...versionsOf(route)]))
  if (variant !== null) await requireFit(store, variant, published)
  const isNew = ({ view, revision }: Snapshot): boolean =>
    route.snapshots?.some((each) => each.view === view && each.revision >= revision) !== true
  const fitting: Snapshot[] = []
  for (const snapshot of published.filter(isNew)) {
    const { champion, rollout } = route
    const inForce = [variant ?? champion, ...(rollout === null ? [] : [rollout.candidate])]
    const refusal = await Promise.all(inForce.map((version) => requireFit(store, version, [snapshot]))).catch(unfit)
    if (refusal instanceof SlipwayError) console.error(`${endpoint}: ${refusal.message}; the one before stays`)
    else fitting.push(snapshot)
  }
  return fitting
}

/** @throws what is no misfit */
function unfit(error: unknown): SlipwayError {
  if (error instanceof SlipwayError && error.code === 'TABLE_SCHEMA') return error
  throw error
}

/** Endpoints that look up in a view, and whose snapshot of it is older than a publication. */
export async function endpointsBehind(store: Store, view: string, revision: number): Promise<string[]> {
  const endpoints = await listEndpoints(store)
  const behind = await Promise.all(
    endpoints.map(async (endpoint) => {
      // A route that is broken moves when it is restored: its owner looks again.
      const route = await passOver(readRoute(store, endpoint))
      return route?.snapshots?.some((each) => each.view === view && each.revision < revision) === true
    }),
  )
  return endpoints.filter((_, i) => behind[i])
}

/** One revision of a route from its log: who made it and why. */
export function readRouteLog(store: Store, endpoint: string, revision: number): Promise<Ref | undefined> {
  return readRefLog(store, refName(endpoint), revision)
}

/**
 * A version as an endpoint served it last, with what it looked up and how it was hosted, from the log of its route. One
 * that it never served comes back as it is, and so does every version where the endpoint looks nothing up.
 */
export async function asServed(store: Store, route: Route, version: ModelVersion): Promise<ModelVersion> {
  if (route.snapshots === undefined && route.champion.hosting === undefined) return version
  for (let revision = route.revision; revision > 0; revision--) {
    const logged = Route.safeParse((await readRouteLog(store, route.endpoint, revision))?.value)
    const found = logged.success ? versionsOf(logged.data).find((each) => each?.digest === version.digest) : undefined
    if (found) return found
  }
  return version
}

const presenceKey = (id: string): string => `gateways/${id}.json`

/** Says that a gateway is there and what it applies. */
export function publishPresence(store: Store, presence: GatewayPresence): Promise<void> {
  return replaceDocument(store, presenceKey(presence.id), presence)
}

/** A gateway takes leave. */
export async function removePresence(store: Store, id: string): Promise<void> {
  await deleteDocument(store, presenceKey(id))
}

/**
 * What all gateways say of themselves, those that are gone included: look at `at`. A word that cannot be read does
 * not count.
 */
export async function readPresences(store: Store): Promise<GatewayPresence[]> {
  const keys = await listKeys(store, 'gateways/', Number.POSITIVE_INFINITY)
  const presences = await Promise.all(keys.map((key) => passOver(readDocument(store, key, GatewayPresence))))
  return presences.flatMap((presence) => presence?.value ?? [])
}

/** A gateway that said nothing for this long is taken for gone, ms. It speaks every two seconds. */
const silenceMs = 12_000

/** Whether a gateway runs, as far as can be told, and serves an endpoint where one is named. */
export function serves({ at, endpoints }: GatewayPresence, endpoint?: string): boolean {
  return Date.now() - Date.parse(at) < silenceMs && (endpoint === undefined || endpoints[endpoint] !== undefined)
}

/** What gateways say of themselves that run, as far as can be told. */
export async function readAlive(store: Store): Promise<GatewayPresence[]> {
  return (await readPresences(store)).filter((presence) => serves(presence))
}

const windowKey = (endpoint: string, gateway: string, seq: number): string =>
  `windows/${endpoint}/${gateway}/${String(seq).padStart(10, '0')}.json`

/** Every gateway that ever sent a window of an endpoint. */
export async function listWindowGateways(store: Store, endpoint: string): Promise<string[]> {
  const prefix = `windows/${endpoint}/`
  return (await listFolders(store, prefix)).map((folder) => folder.slice(prefix.length, -1))
}

/**
 * Publishes a window, once: sending it again after a lost answer changes nothing.
 * @returns what stands under its number now
 */
export async function publishWindow(store: Store, window: TelemetryWindow): Promise<TelemetryWindow> {
  const key = windowKey(window.endpoint, window.gateway, window.seq)
  return (await publishOnce(store, key, TelemetryWindow, window)).value
}

export async function readWindow(
  store: Store,
  endpoint: string,
  gateway: string,
  seq: number,
): Promise<TelemetryWindow | undefined> {
  return (await readDocument(store, windowKey(endpoint, gateway, seq), TelemetryWindow))?.value
}

/** The same for those who go on without it: null where it is broken, and so lost, which is said. */
export async function findWindow(
  ...window: Parameters<typeof readWindow>
): Promise<TelemetryWindow | null | undefined> {
  return readWindow(...window).catch((error) => {
    if (!isBroken(error)) throw error
    console.error(`a window counts as lost: ${error.message}`)
    return null
  })
}
