import { SlipwayError } from '../lib/formats/errors.ts'
import { progressQuery, type RunProgress, runWorkflowId } from '../workflows/messages.ts'
import type { ClientContext } from './context.ts'
import { inTime } from './in-time.ts'

/** A run that goes on, or whose record nobody wrote. */
export interface RunningDocument {
  readonly runId: string
  readonly workflowId: string
  /** In Temporal's word: `running`, `terminated`, … */
  readonly status: string
  readonly startedAt: string
  /** What it has done, does and waits for; null where no worker answers. */
  readonly progress: RunProgress | null
}

/** A run by what Temporal knows of it. @throws SlipwayError NOT_FOUND */
export async function readRunning(context: ClientContext, runId: string): Promise<RunningDocument> {
  const { client } = await context.temporal()
  const workflowId = runWorkflowId(runId)
  const handle = client.workflow.getHandle(workflowId)
  const described = await handle.describe().catch((error: unknown) => {
    if ((error as Error).name !== 'WorkflowNotFoundError') throw error
    throw new SlipwayError('NOT_FOUND', `there is no run ${runId}`, { next: 'see `slipway runs`' })
  })
  const progress =
    described.status.name === 'RUNNING' ? await inTime(handle.query(progressQuery), context.answersWithin) : null
  return {
    runId,
    workflowId,
    status: described.status.name.toLowerCase(),
    startedAt: described.startTime.toISOString(),
    progress,
  }
}
