import type { RolloutRecord } from '../lib/formats/records.ts'
import type { Route } from '../lib/formats/route.ts'
import { passOver } from '../lib/store/broken.ts'
import { listKeys } from '../lib/store/documents.ts'
import { readRolloutEnd } from '../lib/store/rollouts.ts'
import { listEndpoints, readAlive, readRoute } from '../lib/store/routes.ts'
import type { RolloutStatus } from '../workflows/messages.ts'
import type { ClientContext, StoreContext } from './context.ts'
import { requireRoute } from './route.ts'

/** What an endpoint serves, and where its rollout stands. */
export interface EndpointDocument {
  readonly endpoint: string
  readonly route: Route
  /** The rollout that goes on; null for none, and where no worker answers. */
  readonly rollout: RolloutStatus | null
  /** The rollout that ended last; null for none, and while another one goes on. */
  readonly last: RolloutRecord | null
}

/** An endpoint as `slipway rollout status --json` prints it. @throws SlipwayError NOT_FOUND */
export async function readEndpoint(context: ClientContext, endpoint: string): Promise<EndpointDocument> {
  const route = await requireRoute(context.store, endpoint)
  const rollout = route.rollout === null ? null : await liveRollout(context, route.rollout.id)
  const last = rollout === null ? await lastRollout(context, endpoint) : null
  return { endpoint, route, rollout, last }
}

/** A rollout by its workflow. What serves without one loads nothing of Temporal's. */
async function liveRollout(context: ClientContext, id: string): Promise<RolloutStatus | null> {
  try {
    return await (await import('./rollouts.ts')).readRolloutStatus(context, id)
  } catch {
    return null
  }
}

/** The rollout of an endpoint that ended last. Ids sort by time. */
async function lastRollout({ store, say }: StoreContext, endpoint: string): Promise<RolloutRecord | null> {
  const keys = await listKeys(store, `rollouts/${endpoint}-`, Number.POSITIVE_INFINITY)
  const ended = keys.filter((key) => key.endsWith('/end.json')).sort()
  const id = ended.at(-1)?.split('/')[1]
  return (id === undefined ? undefined : await passOver(readRolloutEnd(store, id), say)) ?? null
}

/** An endpoint among others: what it serves, and who serves it. */
export interface ServedDocument {
  readonly endpoint: string
  readonly route: Route
  /** Gateways that run, each with the revision of the route that it applies; null where it knows none. */
  readonly gateways: readonly { readonly id: string; readonly address: string; readonly revision: number | null }[]
}

/** All endpoints, by the store alone, as `slipway rollout list --json` prints them. */
export async function readEndpoints({ store, say }: StoreContext): Promise<ServedDocument[]> {
  const [names, alive] = await Promise.all([listEndpoints(store), readAlive(store)])
  const found = await Promise.all(
    names.map(async (endpoint): Promise<ServedDocument[]> => {
      const route = await passOver(readRoute(store, endpoint), say)
      if (route === undefined) return []
      const gateways = alive.map(({ id, address, endpoints }) => ({
        id,
        address,
        revision: endpoints[endpoint]?.revision ?? null,
      }))
      return [{ endpoint, route, gateways }]
    }),
  )
  return found.flat()
}
