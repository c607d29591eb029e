import {
  allHandlersFinished,
  condition,
  continueAsNew,
  proxyActivities,
  setCurrentDetails,
  setHandler,
  workflowInfo,
} from '@temporalio/workflow'
import type { Activities } from '../activities/index.ts'
import { briefly } from './options.ts'
import { type Answer, type ViewOrder, viewOrderSignal } from './owner-messages.ts'
import { takeOrders } from './take-orders.ts'

/**
 * Owns one view: the only writer of what is published of it. What runs ask for by signal is carried out one after
 * another; each ends in one compare-and-swap of the view's ref. Lives for ever, by continue-as-new.
 * @param answers the last ones, carried through continue-as-new
 */
export async function ownView(view: string, answers: readonly Answer[] = []): Promise<void> {
  const { writeView } = proxyActivities<Activities>({ ...briefly, summary: `publish view ${view}` })
  const orders = takeOrders<ViewOrder>(answers)
  setHandler(viewOrderSignal, async (order) => {
    await orders.carryOut(order, (asked) => writeView({ view, ...asked }))
  })
  setCurrentDetails(`The only writer of what is published of the view **${view}**.`)
  await condition(() => workflowInfo().continueAsNewSuggested || workflowInfo().historyLength > 5_000)
  await condition(allHandlersFinished)
  await continueAsNew<typeof ownView>(view, orders.answers())
}
