import { allHandlersFinished, condition, continueAsNew, proxyActivities, workflowInfo } from '@temporalio/workflow'
import type { Activities } from '../activities/index.ts'
import type { RetrainPolicy } from '../lib/formats/monitor-policy.ts'
import { earliestRetraining } from '../lib/stats/retraining.ts'
import type { SupervisorState } from './messages.ts'
import { briefly } from './options.ts'
import { retrain } from './retrain.ts'
import { become, concludeRetraining, listen, type Supervision, supervisionOf } from './supervision.ts'

const nothing: SupervisorState = { pending: [], seen: [], paused: null, retrainings: [] }

/**
 * The supervisor of a pipeline: monitors, Alertmanager, schedules and people tell it why it should retrain. However
 * many do at once, one run begins; what is said while it goes on is answered by it. Between runs it keeps the cooldown,
 * the budget and the quiet hours of the definition. Whether the new model takes over is for gates and rollout to say.
 * Lives for ever, by continue-as-new.
 */
export async function supervise(pipeline: string, carried: SupervisorState = nothing): Promise<void> {
  const supervision = supervisionOf(pipeline, carried)
  listen(supervision)
  const { readSupervision } = proxyActivities<Activities>({ ...briefly, summary: `policy of ${pipeline}` })
  while (!isOld()) {
    await condition(() => (supervision.pending.length > 0 && supervision.paused === null) || isOld())
    if (supervision.pending.length === 0 || supervision.paused !== null) continue
    const policy = await readSupervision({ pipeline })
    if (policy === null) {
      become(supervision, 'idle', 'its definition has no p.monitor with retrain: nothing is done')
      supervision.pending = []
    } else if (await mayBegin(supervision, policy)) concludeRetraining(supervision, await retrain(supervision))
  }
  await condition(allHandlersFinished)
  const { pending, seen, paused, retrainings } = supervision
  await continueAsNew<typeof supervise>(pipeline, { pending, seen, paused, retrainings })
}

const isOld = (): boolean => workflowInfo().continueAsNewSuggested || workflowInfo().historyLength > 2_000

/** Whether a retraining may begin now. If not, waits until it may, or until nothing asks for it any more. */
async function mayBegin(supervision: Supervision, policy: RetrainPolicy): Promise<boolean> {
  const past = supervision.retrainings.map(({ startedAt, finishedAt }) => ({
    startedAt: Date.parse(startedAt),
    finishedAt: Date.parse(finishedAt),
  }))
  const { at, why } = earliestRetraining(policy, past, Date.now())
  if (at <= Date.now()) return true
  become(supervision, 'waiting', `until ${new Date(at).toISOString()} for ${why}`)
  await condition(() => supervision.paused !== null || supervision.pending.length === 0, at - Date.now())
  if (supervision.pending.length === 0) become(supervision, 'idle', 'what asked for it has passed')
  return false
}
