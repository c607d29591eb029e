import { userInfo } from 'node:os'
import { WorkflowUpdateFailedError } from '@temporalio/client'
import { SlipwayError } from '../../pipelines/errors.ts'
import { approveUpdate, rejectUpdate, runWorkflowId } from '../../workflows/messages.ts'
import { openContext } from '../context.ts'
import { print, printJson } from '../output.ts'

interface DecisionOptions {
  readonly reason?: string
  readonly json?: boolean
}

/** Approves or rejects a run that waits for it. */
export async function decide(
  verb: 'approve' | 'reject',
  runId: string,
  { reason = '', json }: DecisionOptions,
): Promise<number> {
  const { client } = await openContext().temporal()
  const decision = { by: userInfo().username, reason: reason === '' ? 'no reason given' : reason }
  try {
    await client.workflow
      .getHandle(runWorkflowId(runId))
      .executeUpdate(verb === 'approve' ? approveUpdate : rejectUpdate, { args: [decision] })
  } catch (error) {
    if (error instanceof WorkflowUpdateFailedError)
      throw new SlipwayError('USAGE', error.cause?.message ?? error.message, { next: `slipway show ${runId}` })
    if ((error as Error).name === 'WorkflowNotFoundError')
      throw new SlipwayError('NOT_FOUND', `no run ${runId} is going on`, { next: 'see `slipway runs`' })
    throw error
  }
  if (json === true) printJson({ runId, decision: verb, ...decision })
  else print(`${verb === 'approve' ? 'approved' : 'rejected'} ${runId}`)
  return 0
}
