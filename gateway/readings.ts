import type { Endpoint } from './endpoint.ts'
import type { Endpoints } from './endpoints.ts'
import type { Snapshots } from './lookups/snapshots.ts'
import type { GatewayReadings } from './metrics.ts'
import type { Outbox } from './outbox.ts'
import type { StoreLink } from './store-link.ts'

/** What the state of a gateway is read from. */
export interface GatewayState {
  readonly id: string
  readonly endpoints: Endpoints
  readonly outbox: Outbox
  readonly link: StoreLink
  readonly snapshots: Snapshots
  inFlight(): number
  isDraining(): boolean
}

/** Whether requests should come here: something is served, and the gateway is not about to stop. */
export const isReady = ({ endpoints, isDraining }: GatewayState): boolean =>
  !isDraining() && endpoints.serving().length > 0

/** For `/metrics`. */
export function readingsOf({ endpoints, outbox, link, snapshots, inFlight }: GatewayState): GatewayReadings {
  return {
    ...readingsOfEndpoints(() => endpoints.all(), inFlight),
    stored: {
      lookupBytes: snapshots.bytes,
      snapshots: () =>
        endpoints.all().flatMap(({ name, route }) =>
          (route?.snapshots ?? []).map(({ view, publishedAt }) => ({
            endpoint: name,
            view,
            published: Date.parse(publishedAt) / 1000,
          })),
        ),
      windowsWaiting: () => outbox.waiting,
      windowsLost: () => outbox.lost,
      storeReachable: () => link.isReachable,
      revisions: () =>
        endpoints
          .all()
          .flatMap(({ name, route }) => (route === undefined ? [] : [{ endpoint: name, revision: route.revision }])),
      suspended: () =>
        endpoints
          .all()
          .flatMap(({ name, route, suspendedAt }) =>
            route?.rollout == null ? [] : [{ endpoint: name, suspended: suspendedAt !== undefined }],
          ),
    },
  }
}

/** The same of endpoints alone. */
export const readingsOfEndpoints = (all: () => readonly Endpoint[], inFlight: () => number): GatewayReadings => ({
  inFlight,
  queuedRows: () => all().reduce((sum, { versions }) => sum + versions.queued(), 0),
  engines: () =>
    all().flatMap(({ name, champion }) =>
      champion === undefined ? [] : [{ endpoint: name, engine: champion.scorer.engine.name }],
    ),
})

/** For `/health`. */
export function healthOf(state: GatewayState): object {
  const { id, endpoints, outbox, link } = state
  return {
    status: statusOf(state),
    gateway: id,
    store: link.isReachable
      ? { reachable: true }
      : { reachable: false, since: link.answeredAt.toISOString(), windowsWaiting: outbox.waiting },
    endpoints: Object.fromEntries(endpoints.all().map((endpoint) => [endpoint.name, endpointHealth(endpoint)])),
  }
}

function statusOf(state: GatewayState): 'stopping' | 'starting' | 'ok' | 'degraded' {
  if (!isReady(state)) return state.isDraining() ? 'stopping' : 'starting'
  const isWhole = state.endpoints
    .all()
    .every(({ refusal, suspendedAt }) => refusal === null && suspendedAt === undefined)
  return state.link.isReachable && isWhole ? 'ok' : 'degraded'
}

const endpointHealth = ({ route, refusal, champion, suspendedAt }: Endpoint): object => ({
  revision: route?.revision ?? null,
  champion: route?.champion.version ?? null,
  candidate: route?.rollout?.candidate.version ?? null,
  share: route?.rollout?.share ?? 0,
  ...(suspendedAt !== undefined && { suspended: suspendedAt }),
  ...(route?.snapshots !== undefined && {
    snapshots: route.snapshots.map(({ view, digest, publishedAt }) => ({ view, digest, publishedAt })),
  }),
  engine: champion?.scorer.engine ?? null,
  refused: refusal,
})
