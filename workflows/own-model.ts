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

/**
 * Owns one model: the only writer of its versions and aliases. Requests are updates, carried out one after another; each
 * ends in one compare-and-swap of the model's ref. Lives for ever, by continue-as-new.
 */
export async function ownModel(model: string): Promise<void> {
  const { writeRegistration, writeChampion } = proxyActivities<Activities>({
    ...briefly,
    summary: `registry of ${model}`,
  })
  let queue: Promise<unknown> = Promise.resolve()
  const inTurn = <T>(write: () => Promise<T>): Promise<T> => {
    const turn = queue.then(write)
    queue = turn.catch(() => {})
    return turn
  }
  setHandler(registerUpdate, ({ version, promote }) => inTurn(() => writeRegistration({ model, version, promote })))
  setHandler(championUpdate, (change) => inTurn(() => writeChampion({ model, ...change })), {
    validator({ version }) {
      if (!Number.isInteger(version) || version < 1)
        throw ApplicationFailure.nonRetryable(`there is no version ${version}`, 'USAGE')
    },
  })
  setCurrentDetails(`The only writer of the versions and aliases of **${model}**.`)
  await condition(() => workflowInfo().continueAsNewSuggested || workflowInfo().historyLength > 5_000)
  await condition(allHandlersFinished)
  await continueAsNew<typeof ownModel>(model)
}
