import { userInfo } from 'node:os'
import { WorkflowNotFoundError } from '@temporalio/client'
import { type ClientContext, workflowLink } from '../../client/context.ts'
import { SlipwayError } from '../../lib/formats/errors.ts'
import { runWorkflowId } from '../../workflows/messages.ts'
import { openContext } from '../context.ts'
import type { JsonOption } from '../options.ts'
import { print, printJson } from '../output.ts'

/** Asks a run to stop: it stops whatever it does or waits for, gives back what it holds, and ends with a record. */
export async function cancel(runId: string, options: JsonOption): Promise<number> {
  const context = openContext()
  const workflowId = await askToStop(context, runId)
  if (options.json === true) printJson({ runId, workflowId, asked: 'cancel', by: userInfo().username })
  else
    print(
      `asked ${runId} to stop; finished steps are kept, and the champion stays\n  look  ${workflowLink(context.settings, workflowId)}`,
    )
  return 0
}

/** @returns its workflow @throws SlipwayError NOT_FOUND where it does not go on */
export async function askToStop(context: Pick<ClientContext, 'temporal'>, runId: string): Promise<string> {
  const { client } = await context.temporal()
  const workflowId = runWorkflowId(runId)
  try {
    if (!(await isGoingOn(context, runId))) throw new WorkflowNotFoundError('it has ended', workflowId, undefined)
    await client.workflow.getHandle(workflowId).cancel()
    return workflowId
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
