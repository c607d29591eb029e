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
import type { Expected } from '../lib/formats/in-force.ts'
import { type ModelVersion, type Route, type RouteRollout, routeInWords } from '../lib/formats/route.ts'
import { openOwners } from './ask-owner.ts'
import { type RouteOrder, type RouteOutcome, routeUpdate } from './messages.ts'
import { briefly, readingBack, reconcileEvery } from './options.ts'
import { type Answer, type Order, routeOrderSignal } from './owner-messages.ts'
import { takeOrders, type Waits } from './take-orders.ts'

/** What an owner carries through continue-as-new. */
export interface EndpointState {
  readonly revision: number
  /** Where the endpoint is deployed, as the last order said; missing: on Slipway's own gateways. */
  readonly target?: string | undefined
  /** What others wrote past the owner, newest last. */
  readonly strangers: readonly string[]
  /** The last answers; owners of 0.7 and before had none. */
  readonly answers?: readonly Answer[]
  /** Rollouts that wait for the end of another. */
  readonly waiting?: readonly Order<RouteOrder>[]
  /** Rollouts that were given up or have ended, newest last. */
  readonly ended?: readonly string[]
}

/** Rollouts whose end is remembered. */
const remembered = 50

/**
 * Owns one endpoint: the only writer of its route but for rollbacks by command, which it finds and takes over. A change
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
  let { revision, target } = state
  let strangers = [...state.strangers]
  const owners = openOwners()
  const orders = takeOrders<RouteOrder>(state.answers, state.waiting)
  let held = false
  let ended = [...(state.ended ?? [])]
  const makeChampion = (variant: ModelVersion, reason: string, expect?: Expected): Promise<void> =>
    owners.makeChampion(variant, reason, `champion after ${endpoint}`, expect)
  const show = (route: Route, note: string): void =>
    setCurrentDetails(
      [
        `**${endpoint}**: ${routeInWords(route)} (revision ${route.revision})`,
        note,
        ...(strangers.length === 0 ? [] : ['## Written past the owner', '', ...strangers.map((line) => `- ${line}`)]),
      ].join('\n\n'),
    )
  /** The first version of an endpoint takes over from the champion of its model, whose owner compares. */
  const claim = async ({ change: what, reason }: RouteOrder): Promise<void> => {
    if (what.kind !== 'open' || what.expect === undefined) return
    if ((await reconcileRoute({ endpoint, target, seen: 0 })) === null)
      await makeChampion(what.variant, reason, what.expect)
  }
  const change = async (order: RouteOrder): Promise<RouteOutcome | Waits> => {
    const { change: what, reason } = order
    if (what.kind === 'begin' && ended.includes(what.rollout.id))
      throw ApplicationFailure.nonRetryable(`rollout ${what.rollout.id} has ended already`, 'ROUTE_CONFLICT')
    target = order.target ?? target
    await claim(order)
    const { route, champion, waitsFor } = await writeRouteChange({ endpoint, target, change: what, reason })
    revision = Math.max(revision, route.revision)
    held = route.rollout !== null
    // Owners of 0.7 and before replay what their activity returned, which knew of no waiting.
    if ((waitsFor ?? null) !== null) return { waitsFor: waitsFor as string }
    const outcome = await readBack({ endpoint, target, revision: route.revision })
    if (champion !== null) await makeChampion(champion, reason)
    show(route, outcome.mismatch ?? `applied by ${outcome.gateways} gateways`)
    return { route, ...outcome }
  }
  const reconcile = async (): Promise<void> => {
    const found = await reconcileRoute({ endpoint, target, seen: revision })
    if (found === null) return
    revision = found.route.revision
    held = found.route.rollout !== null
    strangers = [...strangers, ...found.strangers].slice(-20)
    await makeChampion(found.route.champion, `reconciled with the route of ${endpoint}`)
    show(found.route, 'reconciled')
  }
  /** Rollouts of an endpoint go one after another: when it is free, the one that has waited longest begins. */
  const next = (): void => {
    if (!held) orders.carryOutNext(carryOut)
  }
  const carryOut = async (order: Order<RouteOrder>): Promise<void> => {
    const { change: what } = order.asked
    // Whoever gives up waiting says so by giving back what it has not got: from then on it does not begin any more.
    if (what.kind === 'finish') {
      ended = [...ended, what.rollout].slice(-remembered)
      orders.forget(({ change: each }) => each.kind === 'begin' && each.rollout.id === what.rollout)
    }
    const isHeard = await orders.carryOut(order, change)
    if (!isHeard && what.kind === 'begin' && held)
      await orders.inTurn(() => change(givenBack(what.rollout))).catch(() => {})
    next()
  }
  setHandler(routeOrderSignal, carryOut)
  const obey = async (order: RouteOrder): Promise<RouteOutcome> => {
    const outcome = await orders.inTurn(() => change(order))
    next()
    if ('waitsFor' in outcome)
      throw ApplicationFailure.nonRetryable(`rollout ${outcome.waitsFor} goes on`, 'ROUTE_CONFLICT')
    return outcome
  }
  setHandler(routeUpdate, obey, {
    validator({ change: { kind }, reason }) {
      if (reason.trim() === '')
        throw ApplicationFailure.nonRetryable(`a ${kind} of ${endpoint} needs a reason`, 'USAGE')
    },
  })
  const isOld = (): boolean => workflowInfo().continueAsNewSuggested || workflowInfo().historyLength > 5_000
  while (!isOld()) {
    await condition(isOld, reconcileEvery)
    await orders.inTurn(reconcile)
    next()
  }
  await condition(() => allHandlersFinished() && orders.isIdle())
  await continueAsNew<typeof ownEndpoint>(endpoint, {
    revision,
    target,
    strangers,
    answers: orders.answers(),
    waiting: orders.waiting(),
    ended,
  })
}

/** What is done of a rollout whose run is gone before it heard that the endpoint is its own. */
function givenBack({ id, candidate }: RouteRollout): RouteOrder {
  return {
    change: { kind: 'finish', rollout: id, candidate, promote: false },
    reason: `rollout ${id}: its run is gone`,
  }
}
