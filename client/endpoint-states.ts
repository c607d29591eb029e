import type { MonitorReport } from '../lib/formats/monitor-report.ts'
import type { Route } from '../lib/formats/route.ts'
import type { GatewayPresence } from '../lib/formats/telemetry.ts'
import { passOver } from '../lib/store/broken.ts'
import { listKeys } from '../lib/store/documents.ts'
import { readLastJudgement, readMonitor } from '../lib/store/monitors.ts'
import { readVersion } from '../lib/store/registry.ts'
import { readRolloutEnd } from '../lib/store/rollouts.ts'
import { listEndpoints, readAlive, readRoute } from '../lib/store/routes.ts'
import type { Store } from '../lib/store/store.ts'
import { type RolloutStatus, rolloutStatusQuery, rolloutWorkflowId } from '../workflows/messages.ts'
import type { ClientContext } from './context.ts'
import { inTime } from './in-time.ts'

/** An endpoint in short. */
export interface EndpointState {
  readonly endpoint: string
  readonly model: string
  readonly version: number
  /** When that version took over, ISO; null where that is not on record. */
  readonly since: string | null
  /** Of its route. */
  readonly revision: number
  /** Gateways that run, each with the revision of the route that it applies; null where it knows none. */
  readonly gateways: readonly { readonly id: string; readonly address: string; readonly revision: number | null }[]
  readonly rollout: {
    readonly id: string
    readonly candidate: number
    readonly mode: 'shadow' | 'split' | 'bake'
    readonly share: number
    /** Why it stands where it stands; null where nobody answers. */
    readonly reason: string | null
    readonly paused: boolean
    /** Whether gateways give the candidate nothing, for nobody watches the rollout. */
    readonly suspended: boolean
    readonly waitingForApproval: string | null
  } | null
  /** The pipeline whose monitor watches it; null where it is not watched. */
  readonly watchedBy: string | null
  /** Its last check that judged; null where there was none. */
  readonly check:
    | (Pick<MonitorReport, 'seq' | 'at' | 'verdict' | 'incident' | 'rows'> & { readonly firing: number })
    | null
}

/** All endpoints in short: `endpoints`. */
export async function readEndpointStates(context: ClientContext): Promise<EndpointState[]> {
  const [names, alive] = await Promise.all([listEndpoints(context.store), readAlive(context.store)])
  const found = await Promise.all(names.map((endpoint) => readEndpointState(context, endpoint, alive)))
  return found.filter((each) => each !== undefined)
}

/**
 * An endpoint in short; undefined where it serves nothing, or its route is broken.
 * @param alive gateways that run
 */
export async function readEndpointState(
  context: ClientContext,
  endpoint: string,
  alive: readonly GatewayPresence[],
): Promise<EndpointState | undefined> {
  const { store, say } = context
  const route = await passOver(readRoute(store, endpoint), say)
  if (route === undefined) return undefined
  const [since, live, check, monitor] = await Promise.all([
    sinceWhen(store, route),
    route.rollout === null ? null : liveRollout(context, route.rollout.id),
    passOver(readLastJudgement(store, endpoint), say),
    passOver(readMonitor(store, endpoint), say),
  ])
  const { rollout, champion, revision } = route
  return {
    endpoint,
    model: champion.model,
    version: champion.version,
    since,
    revision,
    gateways: alive.map(({ id, address, endpoints }) => ({
      id,
      address,
      revision: endpoints[endpoint]?.revision ?? null,
    })),
    rollout: rollout && {
      id: rollout.id,
      candidate: rollout.candidate.version,
      mode: rollout.mode,
      share: rollout.share,
      reason: live?.reason ?? null,
      paused: live?.paused ?? false,
      suspended: alive.some(({ endpoints }) => endpoints[endpoint]?.suspended !== undefined),
      waitingForApproval: live?.waitingForApproval ?? null,
    },
    watchedBy: monitor?.pipeline ?? null,
    check: check === undefined ? null : checkOf(check),
  }
}

const checkOf = ({ seq, at, verdict, incident, rows, rules }: MonitorReport): EndpointState['check'] => ({
  seq,
  at,
  verdict,
  incident,
  rows,
  firing: rules.filter(({ firing }) => firing).length,
})

async function liveRollout({ temporal }: ClientContext, id: string): Promise<RolloutStatus | null> {
  const connected = await temporal().catch(() => undefined)
  return connected === undefined
    ? null
    : inTime(connected.client.workflow.getHandle(rolloutWorkflowId(id)).query(rolloutStatusQuery), 2_000)
}

/** When the champion of a route took over: the rollout that promoted it last, or its registration. */
async function sinceWhen(store: Store, { endpoint, champion }: Route): Promise<string | null> {
  const keys = await listKeys(store, `rollouts/${endpoint}-`, Number.POSITIVE_INFINITY)
  const ids = keys.filter((key) => key.endsWith('/end.json')).map((key) => key.split('/')[1] as string)
  for (const id of ids.sort().reverse().slice(0, 20)) {
    const end = await passOver(readRolloutEnd(store, id))
    if (end?.outcome === 'promoted' && end.candidate.digest === champion.digest) return end.finishedAt
  }
  return (await passOver(readVersion(store, champion.model, champion.digest)))?.registeredAt ?? null
}
