import { userInfo } from 'node:os'
import { WorkflowNotFoundError } from '@temporalio/client'
import { SlipwayError } from '../lib/formats/errors.ts'
import { runWorkflowId } from '../workflows/messages.ts'
import type { ClientContext } from './context.ts'

/** A run that was asked to stop. */
export interface CancelledRun {
  readonly runId: string
  readonly workflowId: string
  readonly asked: 'cancel'
  readonly by: string
}

/**
 * Asks a run to stop: it stops whatever it does or waits for, gives back what it holds, and ends with a record.
 * @throws SlipwayError NOT_FOUND where it does not go on
 */
export async function cancelRun(context: Pick<ClientContext, 'temporal'>, runId: string): Promise<CancelledRun> {
  const { client } = await context.temporal()
  const workflowId = runWorkflowId(runId)
  try {
    if (!(await isGoingOn(context, runId))) throw new WorkflowNotFoundError('it has ended', workflowId, undefined)
    await client.workflow.getHandle(workflowId).cancel()
    return { runId, workflowId, asked: 'cancel', by: userInfo().username }
  } catch (error) {
    if (!(error instanceof WorkflowNotFoundError)) throw error
    throw new SlipwayError('NOT_FOUND', `no run ${runId} is going on`, { next: 'see `slipway runs`' })
  }
}

/** Whether a run was begun and has not ended. */
export async function isGoingOn(context: Pick<ClientContext, 'temporal'>, runId: string): Promise<boolean> {
  const { client } = await context.temporal()
  try {
    return (await client.workflow.getHandle(runWorkflowId(runId)).describe()).status.name === 'RUNNING'
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return false
    throw error
  }
}
