import type { RolloutRecord } from '../lib/formats/records.ts'
import type { Route } from '../lib/formats/route.ts'
import { passOver } from '../lib/store/broken.ts'
import { listKeys } from '../lib/store/documents.ts'
import { readRolloutEnd } from '../lib/store/rollouts.ts'
import { readAlive } from '../lib/store/routes.ts'
import type { RolloutStatus } from '../workflows/messages.ts'
import type { ClientContext, StoreContext } from './context.ts'
import { requireRoute } from './route.ts'

/** What an endpoint serves, and where its rollout stands. */
export interface EndpointDocument {
  readonly endpoint: string
  readonly route: Route
  /** The rollout that goes on; null for none, and where no worker answers. */
  readonly rollout: RolloutStatus | null
  /** Gateways that give the candidate nothing, for nobody watches its rollout. */
  readonly suspended: readonly { readonly gateway: string; readonly since: string }[]
  /** The rollout that ended last; null for none, and while another one goes on. */
  readonly last: RolloutRecord | null
}

/** An endpoint as `slipway rollout status --json` prints it. @throws SlipwayError NOT_FOUND */
export async function readEndpoint(context: ClientContext, endpoint: string): Promise<EndpointDocument> {
  const route = await requireRoute(context.store, endpoint)
  const rollout = route.rollout === null ? null : await liveRollout(context, route.rollout.id)
  const last = rollout === null ? await lastRollout(context, endpoint) : null
  const suspended = route.rollout === null ? [] : await readSuspended(context, endpoint)
  return { endpoint, route, rollout, suspended, last }
}

async function readSuspended({ store }: StoreContext, endpoint: string): Promise<EndpointDocument['suspended']> {
  return (await readAlive(store)).flatMap(({ id: gateway, endpoints }) => {
    const since = endpoints[endpoint]?.suspended
    return since === undefined ? [] : [{ gateway, since }]
  })
}

/** A rollout by its workflow. What serves without one loads nothing of Temporal's. */
async function liveRollout(context: ClientContext, id: string): Promise<RolloutStatus | null> {
  const [{ readRolloutStatus }, { inTime }] = await Promise.all([import('./rollouts.ts'), import('./in-time.ts')])
  return inTime(readRolloutStatus(context, id), context.answersWithin)
}

/** The rollout of an endpoint that ended last. Ids sort by time. */
async function lastRollout({ store, say }: StoreContext, endpoint: string): Promise<RolloutRecord | null> {
  const keys = await listKeys(store, `rollouts/${endpoint}-`, Number.POSITIVE_INFINITY)
  const ended = keys.filter((key) => key.endsWith('/end.json')).sort()
  const id = ended.at(-1)?.split('/')[1]
  return (id === undefined ? undefined : await passOver(readRolloutEnd(store, id), say)) ?? null
}
