import type { RetrainPolicy } from '../lib/formats/monitor-policy.ts'
import { prepareRetraining, type RetrainingOrder, supervised } from '../lib/jobs/prepare-retraining.ts'
import type { RunInput } from '../workflows/messages.ts'
import { type ActivityDeps, runActivity } from './step.ts'
import { sourcesOfWorker } from './worker-sources.ts'

/** What supervisors and the runs they start need done. */
export function createRetrainActivities(deps: ActivityDeps) {
  const { store } = deps
  return {
    /** The retraining policy of a pipeline; null where its definition has none. */
    async readSupervision({ pipeline }: { pipeline: string }): Promise<RetrainPolicy | null> {
      return runActivity('supervisor', async () => (await supervised(store, pipeline))?.step.policy.retrain ?? null)
    },

    /** Makes the input of a retraining: the plan as of the newest known outcome, and what its sources hold now. */
    async prepareRetraining(order: RetrainingOrder): Promise<RunInput> {
      return runActivity('retraining', async (_context, progress) => {
        const input = await prepareRetraining(store, sourcesOfWorker(deps), order, progress)
        const console = deps.console?.()
        return console === undefined ? input : { ...input, console }
      })
    },
  }
}
