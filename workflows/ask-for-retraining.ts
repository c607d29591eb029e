import { proxyActivities, workflowInfo } from '@temporalio/workflow'
import type { Activities } from '../activities/index.ts'
import { briefly } from './options.ts'

/** Asks the supervisor of a pipeline for a retraining, for no reason but that it is time: what a schedule starts. */
export async function askForRetraining(pipeline: string): Promise<void> {
  const { signalSupervisor } = proxyActivities<Activities>({ ...briefly, summary: `it is time to retrain ${pipeline}` })
  const { workflowId, startTime } = workflowInfo()
  const cause = {
    kind: 'schedule' as const,
    key: workflowId,
    reason: 'it is time',
    asOf: null,
    at: startTime.toISOString(),
  }
  await signalSupervisor({ pipeline, cause })
}
