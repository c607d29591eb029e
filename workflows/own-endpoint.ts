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
import { type Route, type RouteRollout, routeInWords, versionsOf } from '../lib/formats/route.ts'
import { type Owners, openOwners } from './ask-owner.ts'
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

/** An endpoint and what its owner knows of it. */
interface Owned {
  readonly endpoint: string
  revision: number
  target: string | undefined
  strangers: readonly string[]
  /** Whether a rollout has the route. */
  held: boolean
  ended: readonly string[]
}

/**
 * Owns one endpoint: the only writer of its route but for rollbacks by command, which it finds and takes over. A change
 * is written by compare-and-swap and then read back from the gateways; only what they really apply is a success. The
 * champion of the endpoint is kept champion of its model. Lives for ever, by continue-as-new.
 */
export async function ownEndpoint(
  endpoint: string,
  state: EndpointState = { revision: 0, strangers: [] },
): Promise<void> {
  const { revision, target, strangers } = state
  const owned: Owned = { endpoint, revision, target, strangers, held: false, ended: state.ended ?? [] }
  const owners = openOwners()
  const orders = takeOrders<RouteOrder>(state.answers, state.waiting)
  const change = (order: RouteOrder): Promise<RouteOutcome | Waits> => changeRoute(owned, owners, order)

  /** Rollouts of an endpoint go one after another: when it is free, the one that has waited longest begins. */
  const next = (): void => {
    if (!owned.held) orders.carryOutNext(carryOut)
  }
  const carryOut = async (order: Order<RouteOrder>): Promise<void> => {
    const { change: what } = order.asked
    // Whoever gives up waiting says so by giving back what it has not got: from then on it does not begin any more.
    if (what.kind === 'finish') {
      owned.ended = [...owned.ended, what.rollout].slice(-remembered)
      orders.forget(({ change: each }) => each.kind === 'begin' && each.rollout.id === what.rollout)
    }
    const isHeard = await orders.carryOut(order, change)
    if (!isHeard && what.kind === 'begin' && owned.held)
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
  while (!isOld()) {
    await condition(isOld, reconcileEvery)
    await orders.inTurn(() => reconcile(owned, owners))
    next()
  }
  await condition(() => allHandlersFinished() && orders.isIdle())
  await continueAsNew<typeof ownEndpoint>(endpoint, {
    revision: owned.revision,
    target: owned.target,
    strangers: owned.strangers,
    answers: orders.answers(),
    waiting: orders.waiting(),
    ended: owned.ended,
  })
}

const isOld = (): boolean => workflowInfo().continueAsNewSuggested || workflowInfo().historyLength > 5_000

const routeActivities = (endpoint: string) =>
  proxyActivities<Activities>({ ...briefly, summary: `route of ${endpoint}` })

/** Writes a change, has it applied, and reads back whether it is. */
async function changeRoute(owned: Owned, owners: Owners, order: RouteOrder): Promise<RouteOutcome | Waits> {
  const { endpoint } = owned
  const { change, reason } = order
  if (change.kind === 'begin' && owned.ended.includes(change.rollout.id))
    throw ApplicationFailure.nonRetryable(`rollout ${change.rollout.id} has ended already`, 'ROUTE_CONFLICT')
  owned.target = order.target ?? owned.target
  const { target } = owned
  await claim(owned, owners, order)
  const { writeRouteChange } = routeActivities(endpoint)
  const { route, champion, waitsFor } = await writeRouteChange({ endpoint, target, change, reason })
  note(owned, route)
  // Owners of 0.7 and before replay what their activity returned, which knew of no waiting.
  if ((waitsFor ?? null) !== null) return { waitsFor: waitsFor as string }
  const outcome = await readBackOf(owned, route)
  if (champion !== null) await owners.makeChampion(champion, reason, `champion after ${endpoint}`)
  show(owned, route, outcome.mismatch ?? `applied by ${outcome.gateways} gateways`)
  return { route, ...outcome }
}

function readBackOf({ endpoint, target }: Owned, { revision }: Route): Promise<Omit<RouteOutcome, 'route'>> {
  const { readBack } = proxyActivities<Activities>({ ...readingBack, summary: `what gateways apply of ${endpoint}` })
  return readBack({ endpoint, target, revision })
}

/** The first version of an endpoint takes over from the champion of its model, whose owner compares. */
async function claim({ endpoint, target }: Owned, owners: Owners, { change, reason }: RouteOrder): Promise<void> {
  if (change.kind !== 'open' || change.expect === undefined) return
  if ((await routeActivities(endpoint).reconcileRoute({ endpoint, target, seen: 0 })) === null)
    await owners.makeChampion(change.variant, reason, `champion after ${endpoint}`, change.expect)
}

/** Takes over what others wrote. */
async function reconcile(owned: Owned, owners: Owners): Promise<void> {
  const { endpoint, target } = owned
  const found = await routeActivities(endpoint).reconcileRoute({ endpoint, target, seen: owned.revision })
  if (found === null) return
  owned.strangers = [...owned.strangers, ...found.strangers].slice(-20)
  note(owned, found.route)
  const reason = `reconciled with the route of ${endpoint}`
  await owners.makeChampion(found.route.champion, reason, `champion after ${endpoint}`)
  show(owned, found.route, 'reconciled')
  // A hosted endpoint follows in steps, which reading back takes; gateways follow by themselves.
  if (!versionsOf(found.route).some((version) => version?.hosting !== undefined)) return
  const { mismatch } = await readBackOf(owned, found.route)
  show(owned, found.route, mismatch ?? 'reconciled, and applied')
}

function note(owned: Owned, { revision, rollout }: Route): void {
  owned.revision = Math.max(owned.revision, revision)
  owned.held = rollout !== null
}

function show({ endpoint, strangers }: Owned, route: Route, what: string): void {
  const past = strangers.length === 0 ? [] : ['## Written past the owner', '', ...strangers.map((line) => `- ${line}`)]
  const title = `**${endpoint}**: ${routeInWords(route)} (revision ${route.revision})`
  setCurrentDetails([title, what, ...past].join('\n\n'))
}

/** What is done of a rollout whose run is gone before it heard that the endpoint is its own. */
function givenBack({ id, candidate }: RouteRollout): RouteOrder {
  return {
    change: { kind: 'finish', rollout: id, candidate, promote: false },
    reason: `rollout ${id}: its run is gone`,
  }
}
