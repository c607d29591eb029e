import { setTimeout as sleep } from 'node:timers/promises'
import { QueryNotRegisteredError, type WorkflowHandle, WorkflowUpdateFailedError } from '@temporalio/client'
import { SlipwayError } from '../lib/formats/errors.ts'
import {
  type Asked,
  approveUpdate,
  type Decision,
  progressQuery,
  type RunProgress,
  rejectUpdate,
  runWorkflowId,
} from '../workflows/messages.ts'
import type { ClientContext } from './context.ts'
import { type Said, saidBy } from './decision.ts'

/** A decision that a run took. */
export interface DecidedRun extends Decision {
  readonly runId: string
  readonly decision: 'approve' | 'reject'
  readonly roleChecked: false
}

/** What is said with it. */
export interface RunSaid extends Said {
  /** The role that is claimed; by default the one that is asked for. */
  readonly as?: string | undefined
  /** The question as it was shown, where that was a while ago: one that was asked anew since is not answered by it. */
  readonly about?: Pick<Decision, 'step' | 'against'>
}

/**
 * Approves or rejects a run that waits for it: what is decided on is the evidence that it shows now.
 * @returns the decision as `--json` prints it, and what was asked
 * @throws SlipwayError NOT_FOUND; USAGE where it waits for nobody
 */
export async function decideRun(
  { temporal }: ClientContext,
  verb: 'approve' | 'reject',
  runId: string,
  said: RunSaid = {},
): Promise<{ readonly document: DecidedRun; readonly asked: Asked | null }> {
  const { client } = await temporal()
  const handle = client.workflow.getHandle(runWorkflowId(runId))
  try {
    const asked = (await progressOf(handle)).waitingFor
    const role = said.as ?? asked?.role
    const decision: Decision = {
      ...saidBy(said),
      ...(role === undefined ? {} : { role }),
      ...(asked?.against === undefined ? {} : { against: asked.against?.digest ?? null }),
      ...(asked?.step === undefined ? {} : { step: asked.step }),
      ...said.about,
    }
    await handle.executeUpdate(verb === 'approve' ? approveUpdate : rejectUpdate, { args: [decision] })
    return { document: { runId, decision: verb, ...decision, roleChecked: false }, asked }
  } catch (error) {
    if (error instanceof WorkflowUpdateFailedError)
      throw new SlipwayError('USAGE', error.cause?.message ?? error.message, { next: `slipway show ${runId}` })
    if ((error as Error).name === 'WorkflowNotFoundError')
      throw new SlipwayError('NOT_FOUND', `no run ${runId} is going on`, { next: 'see `slipway runs`' })
    throw error
  }
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
