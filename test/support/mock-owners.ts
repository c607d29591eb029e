import { Context } from '@temporalio/activity'
import { ApplicationFailure } from '@temporalio/common'
import type { Activities } from '../../activities/index.ts'
import { type Answer, answerSignal, type Order } from '../../workflows/owner-messages.ts'

/** Answers an order as an owner does: by a signal to who asked. */
async function answer(order: Order<unknown>, work: () => Promise<unknown>): Promise<void> {
  const { id, answerTo } = order
  const sent = await work().then(
    (result): Answer => ({ id, result: result ?? null }),
    (error): Answer => {
      const { type, message } = error as ApplicationFailure
      if (!(error instanceof ApplicationFailure)) throw error
      return { id, error: { code: type as never, message, next: null } }
    },
  )
  await Context.current().client.workflow.getHandle(answerTo).signal(answerSignal, sent)
}

/** Owners without workflows: what mocks say to the requests of 0.7 is the answer. */
export function mockOwners(mocks: Activities): Pick<Activities, 'tellModelOwner' | 'tellEndpointOwner'> {
  return {
    tellModelOwner: ({ model, order }) =>
      answer(order, async () => {
        const { asked } = order
        if (asked.kind === 'register') return mocks.requestRegistration({ model, ...asked })
        return mocks.writeChampion({ model, ...asked })
      }),
    tellEndpointOwner: ({ endpoint, order }) =>
      answer(order, () => mocks.requestRouteChange({ endpoint, ...order.asked })),
  }
}
