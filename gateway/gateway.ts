import { randomBytes } from 'node:crypto'
import { mkdir, readdir, readFile, rename, writeFile } from 'node:fs/promises'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { canonicalJson } from '../lib/formats/canonical.ts'
import { SlipwayError } from '../lib/formats/errors.ts'
import { type ModelVersion, Route } from '../lib/formats/route.ts'
import type { GatewayPresence } from '../lib/formats/telemetry.ts'
import { localModel } from '../lib/models/package.ts'
import { isBroken, readAs } from '../lib/store/broken.ts'
import { listEndpoints, publishPresence, readChangedRoute, removePresence } from '../lib/store/routes.ts'
import type { TrustedKeys } from '../lib/store/signing.ts'
import type { Store } from '../lib/store/store.ts'
import { createAdmission } from './admission.ts'
import type { AlertTaker } from './alertmanager.ts'
import { captureFile } from './capture.ts'
import { Endpoint } from './endpoint.ts'
import { createFaultLog } from './fault-log.ts'
import { openLabelInbox } from './feedback.ts'
import { type HttpOptions, type HttpServer, listen } from './http.ts'
import { createMetrics } from './metrics.ts'
import { openOutbox } from './outbox.ts'
import { loadScorer, type Scorer } from './scorer.ts'
import { createHandler, type RequestHandler, type ServerOptions } from './server.ts'
import { createTracer } from './tracing.ts'

export interface GatewayOptions extends ServerOptions, Pick<HttpOptions, 'host' | 'port' | 'tls'> {
  readonly store: Store
  readonly trusted: TrustedKeys
  /** Folder for what must outlast the process: routes as last applied, windows not sent. */
  readonly folder: string
  /** The address others reach it by, for its presence; by default host and port. */
  readonly address: string | undefined
  readonly captureRate: number
  /** Takes alerts on; undefined where nobody does. @throws when they cannot be taken on now */
  readonly alert: AlertTaker | undefined
  /** Predictions kept to answer the same body again; 0 keeps none. */
  readonly cacheEntries: number
  /** How long a gateway that is told to stop goes on answering, having said that it is not ready, ms: load balancers must see it. */
  readonly drainMs: number
  /** How often windows are closed and sent, new endpoints looked for, and its presence told, ms. */
  readonly windowMs: number
}

export interface Gateway {
  readonly id: string
  readonly address: string
  /** Requests without a socket, for tests. */
  readonly handler: RequestHandler
  endpoint(name: string): Endpoint | undefined
  /**
   * Says that it is not ready, answers what comes for `drainMs` with `connection: close`, closes the port, answers what it has, and
   * sends what came of it all.
   * @param now does without the drain, or ends one that has begun
   */
  stop(now?: boolean): Promise<void>
}

/** How often the routes of known endpoints are looked at, ms. */
const routeMs = 250
/** A batch queue longer than this, ms, refuses requests. */
const maxWaitMs = 100
/** How long a gateway that starts may load versions before it answers with what it has, ms. */
const startLimitMs = 30_000

/**
 * Starts a gateway: it applies the routes it finds in the store, answers requests, and writes what came of them as telemetry
 * windows. It asks nobody else: with the store or Temporal away it goes on with what it has.
 */
export async function startGateway(options: GatewayOptions): Promise<Gateway> {
  const { store, trusted, folder } = options
  const id = `${hostname()}-${process.pid}-${randomBytes(3).toString('hex')}`
  const routeFolder = join(folder, 'routes')
  await mkdir(routeFolder, { recursive: true })
  const inbox = openLabelInbox(join(folder, 'outbox', id), id)
  const outbox = openOutbox(store, join(folder, 'outbox'), id, isAliveHere)
  const endpoints = new Map<string, Endpoint>()
  const seen = new Map<string, { etag: string | undefined; retryAt: number }>()
  /** By endpoint: what was said of a route that cannot be read. */
  const broken = new Map<string, string>()
  const sequence = new Map<string, number>()
  const startedAt = new Date().toISOString()
  let sentUpTo = startedAt
  const admission = createAdmission()
  let storeReachable = true
  let lastStoreAnswer = Date.now()
  const drain = new AbortController()
  let isDraining = false
  let isStopping = false
  let address = ''
  /** What is applied before anybody may ask. */
  const first: Promise<void>[] = []
  let server: HttpServer | undefined

  const noteFault = createFaultLog(store, (what) => note(what))
  const load = async (variant: ModelVersion): Promise<Scorer> =>
    loadScorer(
      variant,
      await localModel({ store, trusted }, variant.digest),
      (failure) => void noteFault(variant, failure),
    )
  const endpointOf = (name: string): Endpoint => {
    let endpoint = endpoints.get(name)
    if (endpoint === undefined) {
      endpoint = new Endpoint({
        name,
        load,
        captureRate: options.captureRate,
        maxWaitMs,
        cacheEntries: options.cacheEntries,
      })
      endpoints.set(name, endpoint)
    }
    return endpoint
  }

  const tracer = await createTracer()
  const metrics = createMetrics({
    inFlight: () => server?.inFlight ?? 0,
    queuedRows: () => [...endpoints.values()].reduce((sum, { versions }) => sum + versions.queued(), 0),
    windowsWaiting: () => outbox.waiting,
    windowsLost: () => outbox.lost,
    storeReachable: () => storeReachable,
    engines: () =>
      [...endpoints.values()].flatMap(({ name, champion }) =>
        champion === undefined ? [] : [{ endpoint: name, engine: champion.scorer.engine.name }],
      ),
    revisions: () =>
      [...endpoints.values()].flatMap(({ name, route }) =>
        route === undefined ? [] : [{ endpoint: name, revision: route.revision }],
      ),
  })
  const serving = (): Endpoint[] => [...endpoints.values()].filter(({ route }) => route !== undefined)
  const isReady = (): boolean => !isDraining && serving().length > 0
  const handler = createHandler(
    {
      endpoint: (name) => endpoints.get(name),
      endpoints: serving,
      admission,
      isReady,
      health: () => ({
        status: !isReady()
          ? isDraining
            ? 'stopping'
            : 'starting'
          : storeReachable && [...endpoints.values()].every(({ refusal }) => refusal === null)
            ? 'ok'
            : 'degraded',
        gateway: id,
        store: storeReachable
          ? { reachable: true }
          : { reachable: false, since: new Date(lastStoreAnswer).toISOString(), windowsWaiting: outbox.waiting },
        endpoints: Object.fromEntries(
          [...endpoints.values()].map(({ name, route, refusal, champion }) => [
            name,
            {
              revision: route?.revision ?? null,
              champion: route?.champion.version ?? null,
              candidate: route?.rollout?.candidate.version ?? null,
              share: route?.rollout?.share ?? 0,
              engine: champion?.scorer.engine ?? null,
              refused: refusal,
            },
          ]),
        ),
      }),
      metrics,
      tracer,
      keepLabels: inbox.add,
      alert: options.alert,
    },
    options,
  )
  const note = (what: string): void => console.error(`${new Date().toISOString()} gateway: ${what}`)
  const reached = (isReached: boolean, error?: unknown): void => {
    if (isReached) lastStoreAnswer = Date.now()
    if (isReached === storeReachable) return
    storeReachable = isReached
    note(
      isReached
        ? 'the store answers again'
        : `the store is away, going on with what is here: ${(error as Error).message}`,
    )
  }

  const presence = (): GatewayPresence => ({
    slipway: 'gateway/1',
    id,
    address,
    startedAt,
    at: new Date().toISOString(),
    sentUpTo,
    endpoints: Object.fromEntries(
      [...endpoints.values()].map(({ name, route, refusal }) => [
        name,
        {
          revision: route?.revision ?? 0,
          champion: route?.champion.digest ?? `sha256:${'0'.repeat(64)}`,
          candidate: route?.rollout?.candidate.digest ?? null,
          share: route?.rollout?.share ?? 0,
          refused: refusal,
          nextWindow: outbox.next(name),
        },
      ]),
    ),
  })
  let saying: Promise<void> | undefined
  /** Tells the others what is applied; the newest word wins. */
  const say = (): Promise<void> => {
    saying = (saying ?? Promise.resolve())
      .then(() => publishPresence(store, presence()))
      .then(
        () => reached(true),
        (error) => reached(false, error),
      )
    return saying
  }

  /** Applies a route and keeps a copy of it for a start with the store away. */
  const apply = async (route: Route): Promise<void> => {
    const endpoint = endpointOf(route.endpoint)
    const before = endpoint.route?.revision ?? 0
    try {
      await endpoint.apply(route)
      if (endpoint.route?.revision === route.revision && before !== route.revision) {
        const file = join(routeFolder, `${route.endpoint}.json`)
        await writeFile(`${file}.new`, canonicalJson(route))
        await rename(`${file}.new`, file)
        note(`${route.endpoint}: revision ${route.revision} applied`)
      }
    } catch (error) {
      note(
        `${route.endpoint}: revision ${route.revision} is refused, ${before === 0 ? 'nothing is' : `revision ${before} stays`} served: ${(error as Error).message}`,
      )
      // A store that was away may be back; anything else changes only with the route.
      if (error instanceof SlipwayError && error.retryable)
        seen.set(route.endpoint, { etag: undefined, retryAt: Date.now() + 2_000 })
    }
    await say()
  }
  /**
   * A route that cannot be read: what is applied goes on, or where nothing is, what was applied last; and so do the
   * other endpoints.
   */
  const passOverRoute = async (name: string, error: unknown): Promise<undefined> => {
    if (!isBroken(error)) throw error
    seen.set(name, { etag: undefined, retryAt: Date.now() + options.windowMs })
    if (broken.get(name) === error.message) return
    broken.set(name, error.message)
    note(`${name}: ${error.message}; next: ${error.facts.next}`)
    if (endpoints.get(name)?.route === undefined) await restore(`${name}.json`)
  }
  const look = async (name: string): Promise<void> => {
    const known = seen.get(name)
    if (known !== undefined && known.retryAt > Date.now()) return
    const changed = await readChangedRoute(store, name, known?.etag).catch((error) => passOverRoute(name, error))
    if (changed === undefined) return
    broken.delete(name)
    seen.set(name, { etag: changed.etag, retryAt: 0 })
    // Not waited for: while one revision loads, a newer one may overtake it.
    const applied = apply(changed.route)
    if (address === '') first.push(applied)
  }
  /** Applies what was applied last, by the copies here; those that are broken count for nothing. */
  const restore = async (only?: string): Promise<void> => {
    for (const file of await readdir(routeFolder)) {
      if (!file.endsWith('.json') || (only !== undefined && file !== only)) continue
      const route = readAs(await readFile(join(routeFolder, file)), Route)
      if ('value' in route) await apply(route.value)
      else note(`the copy ${file} of a route is passed over: ${route.why}`)
    }
  }

  const closeWindows = async (): Promise<void> => {
    for (const endpoint of endpoints.values()) {
      // Kept until there is a route to send them under.
      const labels = endpoint.route === undefined ? undefined : inbox.take(endpoint.name)
      const closed = await endpoint.closeWindows(Date.now(), labels !== undefined)
      for (const [i, { captured, ...window }] of closed.entries()) {
        const seq = sequence.get(endpoint.name) ?? 0
        sequence.set(endpoint.name, seq + 1)
        const schema = endpoint.champion?.scorer.facts.inputs ?? []
        const rows = captured.length === 0 ? undefined : captureFile(captured, schema)
        await outbox.put(
          { slipway: 'window/1', endpoint: endpoint.name, gateway: id, seq, capture: null, labels: null, ...window },
          { capture: rows, labels: i === closed.length - 1 ? labels?.lines : undefined },
        )
      }
      labels?.done()
    }
  }
  /** Runs something again and again, each time a while after the last time ended. */
  const timers = new Set<NodeJS.Timeout>()
  const repeat = (ms: number, work: () => Promise<void>): void => {
    const timer = setTimeout(async () => {
      timers.delete(timer)
      await work().then(
        () => {},
        (error) => reached(false, error),
      )
      if (!isStopping) repeat(ms, work)
    }, ms)
    timers.add(timer)
  }
  const list = async (): Promise<void> => {
    for (const name of await listEndpoints(store)) if (!seen.has(name)) seen.set(name, { etag: undefined, retryAt: 0 })
    reached(true)
  }
  const lookAtAll = async (): Promise<void> => {
    await Promise.all([...seen.keys()].map(look))
    if (seen.size > 0) reached(true)
  }

  await list().catch((error) => reached(false, error))
  if (storeReachable) await lookAtAll().catch((error) => reached(false, error))
  // Nothing is waited for that the store alone can give: with it away, what was applied last is applied again.
  if (!storeReachable) await restore()
  await Promise.race([Promise.all(first), sleep(startLimitMs)])
  server = await listen({ ...options, ...handler })
  const scheme = options.tls === undefined ? 'http' : 'https'
  address = options.address ?? `${scheme}://${options.host}:${server.port}`
  await say()
  repeat(routeMs, lookAtAll)
  repeat(options.windowMs, list)
  repeat(options.windowMs, async () => {
    const closedAt = new Date().toISOString()
    await closeWindows()
    if (await outbox.flush()) sentUpTo = closedAt
    await say()
  })

  const end = async (): Promise<void> => {
    isDraining = true
    server?.drain()
    // All goes on meanwhile: routes are applied, windows sent.
    await sleep(options.drainMs, undefined, { signal: drain.signal }).catch(() => {})
    isStopping = true
    for (const timer of timers) clearTimeout(timer)
    // What is being answered is answered; then what it came to is sent.
    await server?.close()
    await closeWindows()
    await outbox.flush()
    await removePresence(store, id).catch(() => {})
    for (const endpoint of endpoints.values()) await endpoint.close()
    admission.stop()
    await tracer?.close()
  }
  let stopped: Promise<void> | undefined

  return {
    id,
    address,
    handler,
    endpoint: (name) => endpoints.get(name),
    stop(now = false) {
      if (now) drain.abort()
      stopped ??= end()
      return stopped
    },
  }
}

/** Whether a gateway of this machine still runs: its id names its process. */
function isAliveHere(gateway: string): boolean {
  const pid = Number(/-(\d+)-[0-9a-f]{6}$/.exec(gateway)?.[1])
  if (!gateway.startsWith(`${hostname()}-`)) return false
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}
