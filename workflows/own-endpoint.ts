import {
  ApplicationFailure,
  allHandlersFinished,
  condition,
  continueAsNew,
  proxyActivities,
  setCurrentDetails,
  setHandler,
  workflowInfo,
} from '@temporalio/workflow'
import type { Activities } from '../activities/index.ts'
import { type Route, routeInWords, type Variant } from '../pipelines/route.ts'
import { openOwners } from './ask-owner.ts'
import { type RouteOrder, type RouteOutcome, routeUpdate } from './messages.ts'
import { briefly, readingBack, reconcileEvery } from './options.ts'
import { type Answer, routeOrderSignal } from './owner-messages.ts'
import { takeOrders } from './take-orders.ts'

/** What an owner carries through continue-as-new. */
export interface EndpointState {
  readonly revision: number
  /** What others wrote past the owner, newest last. */
  readonly strangers: readonly string[]
  /** The last answers; owners of 0.7 and before had none. */
  readonly answers?: readonly Answer[]
}

/**
 * Owns one endpoint: the only writer of its route but for a rollback with Temporal down, which it finds and takes over. A change
 * is written by compare-and-swap and then read back from the gateways; only what they really apply is a success. The champion
 * of the endpoint is kept champion of its model. Lives for ever, by continue-as-new.
 */
export async function ownEndpoint(
  endpoint: string,
  state: EndpointState = { revision: 0, strangers: [] },
): Promise<void> {
  const summary = `route of ${endpoint}`
  const { writeRouteChange, reconcileRoute } = proxyActivities<Activities>({ ...briefly, summary })
  const { readBack } = proxyActivities<Activities>({ ...readingBack, summary: `what gateways apply of ${endpoint}` })
  let { revision } = state
  let strangers = [...state.strangers]
  const owners = openOwners()
  const orders = takeOrders(state.answers)
  const makeChampion = (variant: Variant, reason: string): Promise<void> =>
    owners.makeChampion(variant, reason, `champion after ${endpoint}`)
  const show = (route: Route, note: string): void =>
    setCurrentDetails(
      [
        `**${endpoint}**: ${routeInWords(route)} (revision ${route.revision})`,
        note,
        ...(strangers.length === 0 ? [] : ['## Written past the owner', '', ...strangers.map((line) => `- ${line}`)]),
      ].join('\n\n'),
    )
  const change = async ({ change: what, reason }: RouteOrder): Promise<RouteOutcome> => {
    const { route, champion } = await writeRouteChange({ endpoint, change: what, reason })
    revision = Math.max(revision, route.revision)
    const outcome = await readBack({ endpoint, revision: route.revision })
    if (champion !== null) await makeChampion(champion, reason)
    show(route, outcome.mismatch ?? `applied by ${outcome.gateways} gateways`)
    return { route, ...outcome }
  }
  const reconcile = async (): Promise<void> => {
    const found = await reconcileRoute({ endpoint, seen: revision })
    if (found === null) return
    revision = found.route.revision
    strangers = [...strangers, ...found.strangers].slice(-20)
    await makeChampion(found.route.champion, `reconciled with the route of ${endpoint}`)
    show(found.route, 'reconciled')
  }
  setHandler(routeOrderSignal, async (order) => {
    await orders.carryOut(order, change)
  })
  setHandler(routeUpdate, (order) => orders.inTurn(() => change(order)), {
    validator({ change: { kind }, reason }) {
      if (reason.trim() === '')
        throw ApplicationFailure.nonRetryable(`a ${kind} of ${endpoint} needs a reason`, 'USAGE')
    },
  })
  const isOld = (): boolean => workflowInfo().continueAsNewSuggested || workflowInfo().historyLength > 5_000
  while (!isOld()) {
    await condition(isOld, reconcileEvery)
    await orders.inTurn(reconcile)
  }
  await condition(allHandlersFinished)
  await continueAsNew<typeof ownEndpoint>(endpoint, { revision, strangers, answers: orders.answers() })
}
