import { setTimeout as sleep } from 'node:timers/promises'
import { WorkflowNotFoundError, WorkflowUpdateFailedError } from '@temporalio/client'
import { SlipwayError } from '../lib/formats/errors.ts'
import {
  abortUpdate,
  approveRolloutUpdate,
  type Decision,
  pauseUpdate,
  promoteUpdate,
  type RolloutStatus,
  resumeUpdate,
  rolloutStatusQuery,
  rolloutWorkflowId,
} from '../workflows/messages.ts'
import type { ClientContext } from './context.ts'
import { type Said, saidBy } from './decision.ts'
import { requireRoute } from './route.ts'

/** Where a rollout stands, by its workflow. @throws what Temporal's client throws where it is gone or nobody answers */
export async function readRolloutStatus({ temporal }: ClientContext, id: string): Promise<RolloutStatus> {
  const { client } = await temporal()
  return client.workflow.getHandle(rolloutWorkflowId(id)).query(rolloutStatusQuery)
}

export type RolloutVerb = 'approve' | 'pause' | 'resume' | 'promote' | 'rollback'

const updates = {
  approve: approveRolloutUpdate,
  pause: pauseUpdate,
  resume: resumeUpdate,
  promote: promoteUpdate,
  rollback: abortUpdate,
} satisfies Record<RolloutVerb, unknown>

/** What is said with it. */
export interface RolloutSaid extends Said {
  /** The role in which it is approved; nobody checks it. */
  readonly as?: string | undefined
}

/** A rollout that was asked for something. */
export interface AskedRollout extends Decision {
  readonly endpoint: string
  readonly rollout: string
  readonly asked: RolloutVerb
}

/**
 * How long a route may name a rollout whose workflow is not there yet, ms: its run holds the route before it starts it.
 */
const beginsWithin = 60_000

/**
 * Asks the rollout of an endpoint for something, as `slipway rollout <verb>` does.
 * @throws SlipwayError NOT_FOUND; USAGE where no rollout goes on, or it does not take that now
 */
export async function askRollout(
  { store, temporal }: ClientContext,
  endpoint: string,
  verb: RolloutVerb,
  said: RolloutSaid = {},
): Promise<AskedRollout> {
  const decision: Decision = { ...saidBy(said), ...(said.as === undefined ? {} : { role: said.as }) }
  const { client } = await temporal()
  for (const until = Date.now() + beginsWithin; ; await sleep(250)) {
    const { rollout } = await requireRoute(store, endpoint)
    if (rollout === null)
      throw new SlipwayError('USAGE', `no rollout of ${endpoint} is going on`, {
        next: verb === 'rollback' ? `slipway rollback ${endpoint}` : `slipway rollout status ${endpoint}`,
      })
    try {
      await client.workflow.getHandle(rolloutWorkflowId(rollout.id)).executeUpdate(updates[verb], { args: [decision] })
      return { endpoint, rollout: rollout.id, asked: verb, ...decision }
    } catch (error) {
      if (error instanceof WorkflowUpdateFailedError)
        throw new SlipwayError('USAGE', error.cause?.message ?? error.message, {
          next: `slipway rollout status ${endpoint}`,
        })
      if (!(error instanceof WorkflowNotFoundError)) throw error
      if (Date.now() > until)
        throw new SlipwayError('USAGE', `rollout ${rollout.id} holds ${endpoint}, but its workflow is gone`, {
          next: `slipway rollback ${endpoint}`,
        })
    }
  }
}
