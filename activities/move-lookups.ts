import { endpointsBehind } from '../lib/store/routes.ts'
import { ownerOfEndpoint, type RouteOrder } from '../workflows/messages.ts'
import { type Order, routeOrderSignal } from '../workflows/owner-messages.ts'
import type { ActivityDeps } from './step.ts'
import { told } from './told.ts'

/** A publication of a view. */
interface Moved {
  readonly view: string
  readonly revision: number
  readonly publishedAt: string
  /** Workflow that hears what became of it. */
  readonly answerTo: string
}

/**
 * Asks the owner of every endpoint that looks up in a view to move to what was published of it. An owner that is not
 * told finds out by itself, when it looks at its route the next time.
 * @returns the endpoints
 */
export async function moveLookups(
  { store, client }: Pick<ActivityDeps, 'store' | 'client'>,
  { view, revision, publishedAt, answerTo }: Moved,
): Promise<string[]> {
  const endpoints = await endpointsBehind(store, view, revision)
  for (const endpoint of endpoints) {
    const asked: RouteOrder = {
      change: { kind: 'lookups', variant: null },
      reason: `view ${view} was published at ${publishedAt}, revision ${revision}`,
    }
    const order: Order<RouteOrder> = { id: `lookups:${view}:${revision}`, answerTo, asked }
    const message = {
      ...ownerOfEndpoint(endpoint),
      signal: routeOrderSignal,
      signalArgs: [order] as [Order<RouteOrder>],
    }
    await told(`the owner of endpoint ${endpoint}`, client.workflow.signalWithStart('ownEndpoint', message))
  }
  return endpoints
}
