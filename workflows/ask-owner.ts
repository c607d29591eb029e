import { condition, patched, proxyActivities, setHandler, uuid4, workflowInfo } from '@temporalio/workflow'
import type { Activities } from '../activities/index.ts'
import type { Variant } from '../pipelines/route.ts'
import { failureOf } from './failures.ts'
import type { Registration, RouteOrder, RouteOutcome } from './messages.ts'
import { briefly, readingBack, registration } from './options.ts'
import { type Answer, answerSignal, type Order, type RegistrationOrder } from './owner-messages.ts'

/** How a workflow asks owners. All throw an ApplicationFailure with the code of the owner's refusal. */
export interface Owners {
  /** Has the owner of a model register a version. */
  register(model: string, order: RegistrationOrder, summary: string): Promise<Registration>
  /** Has the owner of a model make champion what an endpoint serves. */
  makeChampion(variant: Variant, reason: string, summary: string): Promise<void>
  /** Has the owner of an endpoint change its route, and read back what gateways apply. */
  changeRoute(endpoint: string, order: RouteOrder, summary: string): Promise<RouteOutcome>
}

/** An owner that does not answer is asked again, after this long and ever longer: it may have been ended. Milliseconds. */
const patience = { first: 60_000, most: 15 * 60_000 } as const

/** Where the present version began to ask by signal; workflows of 0.7 and before replay the activities that waited. */
export const asksBySignal = (): boolean => patched('owners-answer-by-signal')

/**
 * Lets a workflow ask owners: a short activity signals the owner, starting it if need be, and the owner signals its answer. So
 * however many wait, none holds a slot of a worker. To be called once, when a workflow begins.
 */
export function openOwners(): Owners {
  const open = new Set<string>()
  const answers = new Map<string, Answer>()
  setHandler(answerSignal, (answer) => {
    if (open.has(answer.id)) answers.set(answer.id, answer)
  })

  async function ask<Asked>(tell: (order: Order<Asked>) => Promise<void>, asked: Asked): Promise<unknown> {
    const { workflowId: answerTo } = workflowInfo()
    const order: Order<Asked> = { id: uuid4(), answerTo, asked }
    open.add(order.id)
    try {
      for (let wait: number = patience.first; ; wait = Math.min(2 * wait, patience.most)) {
        await tell(order)
        if (!(await condition(() => answers.has(order.id), wait))) continue
        const answer = answers.get(order.id) as Answer
        if ('error' in answer) throw failureOf(answer.error)
        return answer.result
      }
    } finally {
      open.delete(order.id)
      answers.delete(order.id)
    }
  }

  return {
    async register(model, order, summary) {
      if (!asksBySignal()) {
        const { requestRegistration } = proxyActivities<Activities>({ ...registration, summary })
        return requestRegistration({ model, ...order })
      }
      const { tellModelOwner } = proxyActivities<Activities>({ ...briefly, summary })
      return ask((sent) => tellModelOwner({ model, order: sent }), {
        kind: 'register' as const,
        ...order,
      }) as Promise<Registration>
    },
    async makeChampion(variant, reason, summary) {
      if (!asksBySignal()) {
        const { requestChampion } = proxyActivities<Activities>({ ...registration, summary })
        return requestChampion({ variant, reason })
      }
      const { tellModelOwner } = proxyActivities<Activities>({ ...briefly, summary })
      const { model, version } = variant
      await ask((sent) => tellModelOwner({ model, order: sent }), { kind: 'champion' as const, version, reason })
    },
    async changeRoute(endpoint, order, summary) {
      if (!asksBySignal()) {
        const { requestRouteChange } = proxyActivities<Activities>({ ...readingBack, summary })
        return requestRouteChange({ endpoint, ...order })
      }
      const { tellEndpointOwner } = proxyActivities<Activities>({ ...briefly, summary })
      return ask((sent) => tellEndpointOwner({ endpoint, order: sent }), order) as Promise<RouteOutcome>
    },
  }
}
