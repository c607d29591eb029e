import { condition, patched, proxyActivities, setHandler, uuid4, workflowInfo } from '@temporalio/workflow'
import type { Activities } from '../activities/index.ts'
import type { Expected } from '../lib/formats/in-force.ts'
import type { ModelVersion } from '../lib/formats/route.ts'
import { failureOf } from './failures.ts'
import type { Registration, RouteOrder, RouteOutcome } from './messages.ts'
import { briefly, readingBack, registration } from './options.ts'
import {
  type Answer,
  answerSignal,
  type Order,
  type RegistrationOrder,
  type ViewOrder,
  type ViewPublished,
} from './owner-messages.ts'

/** How a workflow asks owners. All throw an ApplicationFailure with the code of the owner's refusal. */
export interface Owners {
  /** Has the owner of a model register a version. */
  register(model: string, order: RegistrationOrder, summary: string): Promise<Registration>
  /** Has the owner of a model make champion what an endpoint serves. */
  makeChampion(variant: ModelVersion, reason: string, summary: string, expect?: Expected): Promise<void>
  /**
   * Has the owner of an endpoint change its route, and read back what gateways apply.
   * @param onWait hears which rollout this waits for, if it does
   */
  changeRoute(
    endpoint: string,
    order: RouteOrder,
    summary: string,
    onWait?: (rollout: string) => void,
  ): Promise<RouteOutcome>
  /** The same for who is in a hurry: the owner does it, but is not waited for much longer than it usually takes. */
  leaveToOwner(endpoint: string, order: RouteOrder, summary: string): Promise<void>
  /** Has the owner of a view publish a table of it. */
  publishView(view: string, order: ViewOrder, summary: string): Promise<ViewPublished>
}

/**
 * An owner that does not answer is asked again, after this long and ever longer: it may have been ended. Milliseconds.
 */
const patience = { first: 60_000, most: 15 * 60_000 } as const
/** How long who is in a hurry waits, ms. */
const hurry = 5_000

/** Where the present version began to ask by signal; workflows of 0.7 and before replay the activities that waited. */
export const asksBySignal = (): boolean => patched('owners-answer-by-signal')

/**
 * Lets a workflow ask owners: a short activity signals the owner, starting it if need be, and the owner signals its
 * answer. So however many wait, none holds a slot of a worker. To be called once, when a workflow begins.
 */
export function openOwners(): Owners {
  const open = new Set<string>()
  const answers = new Map<string, Answer>()
  setHandler(answerSignal, (answer) => {
    if (open.has(answer.id)) answers.set(answer.id, answer)
  })

  /** @param within gives up waiting, not what was asked for, after this many milliseconds */
  async function ask<Asked>(
    tell: (order: Order<Asked>) => Promise<void>,
    asked: Asked,
    { onWait, within }: { readonly onWait?: ((rollout: string) => void) | undefined; readonly within?: number } = {},
  ): Promise<unknown> {
    const order: Order<Asked> = { id: uuid4(), answerTo: workflowInfo().workflowId, asked }
    open.add(order.id)
    try {
      for (let wait = within ?? patience.first; ; wait = Math.min(2 * wait, patience.most)) {
        await tell(order)
        while (await condition(() => answers.has(order.id), wait)) {
          const answer = answers.get(order.id) as Answer
          answers.delete(order.id)
          if ('error' in answer) throw failureOf(answer.error)
          if ('result' in answer) return answer.result
          onWait?.(answer.waitsFor)
        }
        if (within !== undefined) return undefined
      }
    } finally {
      open.delete(order.id)
      answers.delete(order.id)
    }
  }
  const tellEndpoint = (endpoint: string, summary: string) => {
    const { tellEndpointOwner } = proxyActivities<Activities>({ ...briefly, summary })
    return (order: Order<RouteOrder>) => tellEndpointOwner({ endpoint, order })
  }

  return {
    async register(model, order, summary) {
      if (!asksBySignal()) {
        const { requestRegistration } = proxyActivities<Activities>({ ...registration, summary })
        return requestRegistration({ model, ...order })
      }
      const { tellModelOwner } = proxyActivities<Activities>({ ...briefly, summary })
      const asked = { kind: 'register' as const, ...order }
      return ask((sent) => tellModelOwner({ model, order: sent }), asked) as Promise<Registration>
    },
    async makeChampion(variant, reason, summary, expect) {
      if (!asksBySignal()) {
        const { requestChampion } = proxyActivities<Activities>({ ...registration, summary })
        return requestChampion({ variant, reason })
      }
      const { tellModelOwner } = proxyActivities<Activities>({ ...briefly, summary })
      const { model, version } = variant
      const asked = { kind: 'champion' as const, version, reason, expect }
      await ask((sent) => tellModelOwner({ model, order: sent }), asked)
    },
    async changeRoute(endpoint, order, summary, onWait) {
      if (!asksBySignal()) {
        const { requestRouteChange } = proxyActivities<Activities>({ ...readingBack, summary })
        return requestRouteChange({ endpoint, ...order })
      }
      return ask(tellEndpoint(endpoint, summary), order, { onWait }) as Promise<RouteOutcome>
    },
    publishView(view, order, summary) {
      const { tellViewOwner } = proxyActivities<Activities>({ ...briefly, summary })
      return ask((sent) => tellViewOwner({ view, order: sent }), order) as Promise<ViewPublished>
    },
    async leaveToOwner(endpoint, order, summary) {
      if (asksBySignal()) await ask(tellEndpoint(endpoint, summary), order, { within: hurry })
      else await proxyActivities<Activities>({ ...readingBack, summary }).requestRouteChange({ endpoint, ...order })
    },
  }
}
