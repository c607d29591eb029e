import { changeRoute, Route, type RouteChange } from '../formats/route.ts'
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
  return name.startsWith('routes/') ? { ...Route.parse(value), revision: generation } : value
}

/** Names of all endpoints. */
export async function listEndpoints(store: Store): Promise<string[]> {
  const keys = await listKeys(store, 'refs/routes/')
  return keys.map((key) => key.slice('refs/routes/'.length, -'.json'.length))
}

/**
 * Changes a route by compare-and-swap. Its owner workflow is the writer; only rollbacks are written past it.
 * @throws SlipwayError ROUTE_CONFLICT
 */
export function writeRoute(store: Store, endpoint: string, change: RouteChange, reason: string): Promise<Route> {
  return updateRef(store, refName(endpoint), Route, reason, (route) => changeRoute(route, endpoint, change))
}

/** One revision of a route from its log: who made it and why. */
export function readRouteLog(store: Store, endpoint: string, revision: number): Promise<Ref | undefined> {
  return readRefLog(store, refName(endpoint), revision)
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

/** Publishes a window, once: sending it again after a lost answer changes nothing. */
export async function publishWindow(store: Store, window: TelemetryWindow): Promise<void> {
  await publishOnce(store, windowKey(window.endpoint, window.gateway, window.seq), TelemetryWindow, window)
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
