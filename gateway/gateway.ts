import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { withStoredPlace } from '../lib/code/source-map.ts'
import type { ModelVersion } from '../lib/formats/route.ts'
import type { GatewayPresence } from '../lib/formats/telemetry.ts'
import { localPackage } from '../lib/models/package.ts'
import { isTensorModel } from '../lib/models/package-files.ts'
import { removePresence } from '../lib/store/routes.ts'
import type { TrustedKeys } from '../lib/store/signing.ts'
import type { Store } from '../lib/store/store.ts'
import { createAdmission } from './admission.ts'
import type { AlertTaker } from './alertmanager.ts'
import { maxWaitMs } from './ask-version.ts'
import { createLargeBodies, type LargeBodies } from './bodies/large-bodies.ts'
import type { Endpoint } from './endpoint.ts'
import { createEndpoints, type Endpoints } from './endpoints.ts'
import { createFaultLog } from './fault-log.ts'
import { type LabelInbox, openLabelInbox } from './feedback.ts'
import { isAliveHere, newGatewayId } from './gateway-id.ts'
import type { GrpcServer } from './grpc/server.ts'
import { type HttpOptions, type HttpServer, listen } from './http.ts'
import type { RequestHandler } from './http-request.ts'
import { createSnapshots, type Snapshots } from './lookups/snapshots.ts'
import { createMetrics } from './metrics.ts'
import { type Outbox, openOutbox } from './outbox.ts'
import { createPresenceTeller, presenceOf } from './presence.ts'
import { type GatewayState, healthOf, isReady, readingsOf } from './readings.ts'
import { createRepeater } from './repeat.ts'
import { RolloutLeases } from './rollout-leases.ts'
import { RouteFollower } from './route-follower.ts'
import { loadScorer, type Scorer } from './scorer.ts'
import type { ScoringFailure } from './scoring.ts'
import { createHandler, type ServerOptions } from './server.ts'
import { createStoreLink } from './store-link.ts'
import { loadTensorScorer, type TensorScorer } from './tensors/scorer.ts'
import { createTracer, type Tracer } from './tracing.ts'
import { createVerdictReader } from './verdicts/read-verdict.ts'
import { WindowSender } from './window-sender.ts'

export interface GatewayOptions extends ServerOptions, Pick<HttpOptions, 'host' | 'port' | 'tls'> {
  readonly store: Store
  readonly trusted: TrustedKeys
  /** Folder for what must outlast the process: routes as last applied, windows not sent. */
  readonly folder: string
  /** Where gRPC is spoken; undefined where it is not. */
  readonly grpcPort?: number | undefined
  /** The address others reach it by, for its presence; by default host and port. */
  readonly address: string | undefined
  readonly captureRate: number
  /** Takes alerts on; undefined where nobody does. @throws when they cannot be taken on now */
  readonly alert: AlertTaker | undefined
  /** Predictions kept to answer the same body again; 0 keeps none. */
  readonly cacheEntries: number
  /** Bytes that the snapshots that versions look up in may take together. */
  readonly lookupBytes: number
  /** How long a gateway that is told to stop answers on, ms: load balancers must see first that it is not ready. */
  readonly drainMs: number
  /** How often windows are closed and sent, new endpoints looked for, and its presence told, ms. */
  readonly windowMs: number
}

export interface Gateway {
  readonly id: string
  readonly address: string
  /** Where it speaks gRPC, `host:port`. */
  readonly grpcAddress: string | undefined
  /** Requests without a socket, for tests. */
  readonly handler: RequestHandler
  endpoint(name: string): Endpoint | undefined
  /**
   * Says that it is not ready, answers what comes for `drainMs` with `connection: close`, closes the port, answers what
   * it has, and sends what came of it all.
   * @param now does without the drain, or ends one that has begun
   */
  stop(now?: boolean): Promise<void>
}

/** How often the routes of known endpoints are looked at, ms. */
const routeMs = 250
/** How often it is looked who watches a rollout, ms. */
const leaseLookMs = 1_000
/** How long a gateway that starts may load versions before it answers with what it has, ms. */
const startLimitMs = 30_000

const note = (what: string): void => console.error(`${new Date().toISOString()} gateway: ${what}`)

/**
 * Starts a gateway: it applies the routes it finds in the store, answers requests, and writes what came of them as
 * telemetry windows. It asks nobody else: with the store or Temporal away it goes on with what it has.
 * @throws SlipwayError DEFINITION_INVALID for protocols that exclude each other, and what Node throws for a taken port
 */
export async function startGateway(options: GatewayOptions): Promise<Gateway> {
  const gateway = new RunningGateway(options, await createTracer())
  await gateway.start()
  return gateway
}

class RunningGateway implements Gateway {
  readonly id = newGatewayId()
  readonly handler: RequestHandler
  address = ''
  grpcAddress: string | undefined
  private readonly options: GatewayOptions
  private readonly tracer: Tracer | undefined
  private readonly admission = createAdmission()
  private readonly largeBodies: LargeBodies
  private readonly link = createStoreLink(note)
  private readonly endpoints: Endpoints
  private readonly snapshots: Snapshots
  private readonly outbox: Outbox
  private readonly windows: WindowSender
  private readonly routes: RouteFollower
  private readonly leases: RolloutLeases
  private readonly tell: () => Promise<void>
  private readonly repeater = createRepeater(this.link.failed)
  private readonly startedAt = new Date().toISOString()
  /** Until when what was answered has been sent. */
  private sentUpTo = this.startedAt
  private server: HttpServer | undefined
  private grpc: GrpcServer | undefined
  private isDraining = false
  private readonly drain = new AbortController()
  private stopped: Promise<void> | undefined

  constructor(options: GatewayOptions, tracer: Tracer | undefined) {
    const { store, folder, windowMs, lookupBytes } = options
    const { id, link } = this
    this.options = options
    this.largeBodies = createLargeBodies(options.bodyLimit)
    this.tracer = tracer
    const inbox = openLabelInbox(join(folder, 'outbox', id), id)
    this.outbox = openOutbox(store, join(folder, 'outbox'), id, isAliveHere)
    this.windows = new WindowSender(id, inbox, this.outbox)
    this.snapshots = createSnapshots(store, lookupBytes)
    this.endpoints = createEndpoints({
      ...options,
      maxWaitMs,
      load: versionLoader(options),
      snapshots: this.snapshots,
    })
    this.tell = createPresenceTeller(store, link, () => this.presence())
    this.routes = new RouteFollower({
      store,
      endpoints: this.endpoints,
      link,
      folder: join(folder, 'routes'),
      brokenMs: windowMs,
      note,
      tell: this.tell,
    })
    this.leases = new RolloutLeases({
      store,
      endpoints: this.endpoints.serving,
      note,
      now: () => performance.now(),
    })
    this.handler = this.makeHandler(inbox)
  }

  endpoint(name: string): Endpoint | undefined {
    return this.endpoints.get(name)
  }

  async start(): Promise<void> {
    const { options, routes, link } = this
    await routes.findEndpoints().catch(link.failed)
    if (link.isReachable) await routes.look().catch(link.failed)
    // Nothing is waited for that the store alone can give: with it away, what was applied last is applied again.
    if (!link.isReachable) await routes.restore()
    await Promise.race([routes.applied(), sleep(startLimitMs)])
    this.server = await listen({ ...options, handler: this.handler })
    await this.listenGrpc()
    const scheme = options.tls === undefined ? 'http' : 'https'
    this.address = options.address ?? `${scheme}://${options.host}:${this.server.port}`
    await this.tell()
    this.repeater.every(routeMs, () => routes.look())
    this.repeater.every(leaseLookMs, () => this.leases.look())
    this.repeater.every(options.windowMs, () => routes.findEndpoints())
    this.repeater.every(options.windowMs, () => this.sendWindows())
  }

  private async listenGrpc(): Promise<void> {
    const { grpcPort: port, host } = this.options
    if (port === undefined) return
    // Who does not speak it does not load it.
    const { listenGrpc } = await import('./grpc/server.ts')
    this.grpc = await listenGrpc({ ...this.options, port, calls: this.handler.calls })
    this.grpcAddress = `${host}:${this.grpc.port}`
  }

  stop(now = false): Promise<void> {
    if (now) this.drain.abort()
    this.stopped ??= this.end()
    return this.stopped
  }

  private makeHandler(inbox: LabelInbox): RequestHandler {
    const { id, endpoints, outbox, link, admission, largeBodies, tracer, options, snapshots } = this
    const state: GatewayState = {
      id,
      endpoints,
      outbox,
      link,
      snapshots,
      inFlight: () => (this.server?.inFlight ?? 0) + (this.grpc?.inFlight ?? 0),
      isDraining: () => this.isDraining,
    }
    return createHandler(
      {
        endpoint: endpoints.get,
        endpoints: endpoints.serving,
        known: endpoints.all,
        admission,
        largeBodies,
        isReady: () => isReady(state),
        health: () => healthOf(state),
        metrics: createMetrics(readingsOf(state)),
        tracer,
        keepLabels: inbox.add,
        alert: options.alert,
        verdict: createVerdictReader(options.store),
      },
      options,
    )
  }

  private async sendWindows(): Promise<void> {
    const closedAt = new Date().toISOString()
    await this.windows.close(this.endpoints.all())
    if (await this.outbox.flush()) this.sentUpTo = closedAt
    await this.tell()
  }

  private presence(): GatewayPresence {
    const { id, address, startedAt, sentUpTo } = this
    return presenceOf({ id, address, startedAt, sentUpTo }, this.endpoints.all(), this.outbox)
  }

  private async end(): Promise<void> {
    this.isDraining = true
    this.server?.drain()
    this.grpc?.drain()
    // All goes on meanwhile: routes are applied, windows sent.
    await sleep(this.options.drainMs, undefined, { signal: this.drain.signal }).catch(() => {})
    this.repeater.stop()
    // What is being answered is answered; then what it came to is sent.
    await Promise.all([this.server?.close(), this.grpc?.close()])
    await this.windows.close(this.endpoints.all())
    await this.outbox.flush()
    await removePresence(this.options.store, this.id).catch(() => {})
    for (const endpoint of this.endpoints.all()) await endpoint.close()
    this.admission.stop()
    this.largeBodies.close()
    await this.tracer?.close()
  }
}

/** Loads versions, and says in the log what fails in their code. */
function versionLoader({ store, trusted }: GatewayOptions): (version: ModelVersion) => Promise<Scorer | TensorScorer> {
  const noteFault = createFaultLog((error) => withStoredPlace(store, error), note)
  return async (version) => {
    const local = await localPackage({ store, trusted }, version.digest)
    const noted = (failure: ScoringFailure): void => void noteFault(version, failure)
    return isTensorModel(local) ? loadTensorScorer(version, local, noted) : loadScorer(version, local, noted)
  }
}
