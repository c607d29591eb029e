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
import { championUpdate, registerUpdate } from './messages.ts'
import { briefly } from './options.ts'
import { type Answer, type ModelOrder, modelOrderSignal } from './owner-messages.ts'
import { takeOrders } from './take-orders.ts'

/**
 * Owns one model: the only writer of its versions and aliases. What workflows (by signal) and commands (by update) ask
 * for is carried out one after another; each ends in one compare-and-swap of the model's ref. Lives for ever, by
 * continue-as-new.
 * @param answers the last ones, carried through continue-as-new
 */
export async function ownModel(model: string, answers: readonly Answer[] = []): Promise<void> {
  const { writeRegistration, writeChampion } = proxyActivities<Activities>({
    ...briefly,
    summary: `registry of ${model}`,
  })
  const orders = takeOrders<ModelOrder>(answers)
  setHandler(modelOrderSignal, async (order) => {
    await orders.carryOut(order, (asked) =>
      asked.kind === 'register' ? writeRegistration({ model, ...asked }) : writeChampion({ model, ...asked }),
    )
  })
  setHandler(registerUpdate, (order) => orders.inTurn(() => writeRegistration({ model, ...order })))
  setHandler(championUpdate, (change) => orders.inTurn(() => writeChampion({ model, ...change })), {
    validator({ version }) {
      if (!Number.isInteger(version) || version < 1)
        throw ApplicationFailure.nonRetryable(`there is no version ${version}`, 'USAGE')
    },
  })
  setCurrentDetails(`The only writer of the versions and aliases of **${model}**.`)
  await condition(() => workflowInfo().continueAsNewSuggested || workflowInfo().historyLength > 5_000)
  await condition(allHandlersFinished)
  await continueAsNew<typeof ownModel>(model, orders.answers())
}
