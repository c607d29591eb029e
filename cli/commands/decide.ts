import { userInfo } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import { QueryNotRegisteredError, type WorkflowHandle, WorkflowUpdateFailedError } from '@temporalio/client'
import { SlipwayError } from '../../lib/formats/errors.ts'
import { versionInWords } from '../../lib/formats/in-force.ts'
import {
  type Asked,
  approveUpdate,
  claimant,
  type Decision,
  progressQuery,
  type RunProgress,
  rejectUpdate,
  runWorkflowId,
} from '../../workflows/messages.ts'
import { openContext } from '../context.ts'
import { print, printJson } from '../output.ts'

interface DecisionOptions {
  readonly reason?: string
  /** The role that is claimed: by default the one that is asked for. */
  readonly as?: string
  readonly json?: boolean
}

/** Approves or rejects a run that waits for it: what is decided on is the evidence that it shows now. */
export async function decide(
  verb: 'approve' | 'reject',
  runId: string,
  { reason = '', as, json }: DecisionOptions,
): Promise<number> {
  const { client } = await openContext().temporal()
  const handle = client.workflow.getHandle(runWorkflowId(runId))
  let asked: Asked | null
  let decision: Decision
  try {
    asked = (await progressOf(handle)).waitingFor
    const role = as ?? asked?.role
    decision = {
      by: userInfo().username,
      reason: reason === '' ? 'no reason given' : reason,
      ...(role === undefined ? {} : { role }),
      ...(asked?.against === undefined ? {} : { against: asked.against?.digest ?? null }),
      ...(asked?.step === undefined ? {} : { step: asked.step }),
    }
    await handle.executeUpdate(verb === 'approve' ? approveUpdate : rejectUpdate, { args: [decision] })
  } catch (error) {
    if (error instanceof WorkflowUpdateFailedError)
      throw new SlipwayError('USAGE', error.cause?.message ?? error.message, { next: `slipway show ${runId}` })
    if ((error as Error).name === 'WorkflowNotFoundError')
      throw new SlipwayError('NOT_FOUND', `no run ${runId} is going on`, { next: 'see `slipway runs`' })
    throw error
  }
  if (json === true) printJson({ runId, decision: verb, ...decision, roleChecked: false })
  else {
    const done = verb === 'approve' ? 'approved' : 'rejected'
    const against = asked?.against == null ? '' : `, judged against ${versionInWords(asked.against)}`
    print(`${done} ${runId} as ${claimant(decision, asked?.role ?? '').replace(`${decision.by} as `, '')}${against}`)
    if (asked?.anew != null) print(`  it was ${asked.anew}`)
  }
  return 0
}

/**
 * What a run shows. A worker that has just taken the run over may not have its handlers yet: it answers a moment later.
 */
async function progressOf(handle: WorkflowHandle): Promise<RunProgress> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await handle.query(progressQuery)
    } catch (error) {
      if (!(error instanceof QueryNotRegisteredError) || attempt === 10) throw error
      await sleep(300)
    }
  }
}
