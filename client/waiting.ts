import { passOver } from '../lib/store/broken.ts'
import { listEndpoints, readRoute } from '../lib/store/routes.ts'
import { type Asked, rolloutStatusQuery, rolloutWorkflowId } from '../workflows/messages.ts'
import type { ClientContext } from './context.ts'
import { readGoingRuns } from './going-runs.ts'
import { inTime } from './in-time.ts'

/** A question that somebody is to answer. */
export type Waiting =
  | {
      readonly kind: 'run'
      readonly runId: string
      readonly pipeline: string
      readonly for: string
      /** ISO time until which it waits; what then follows is in the pipeline. */
      readonly until: string
      readonly asked: Asked
    }
  | {
      readonly kind: 'rollout'
      readonly endpoint: string
      readonly rollout: string
      /** A role, or anybody: of one that is paused. */
      readonly for: string
      readonly candidate: number
      readonly why: 'approval' | 'paused'
      readonly reason: string
    }

/** What waits for whom: `waiting`. @throws where Temporal is away: only it knows */
export async function readWaiting(context: ClientContext): Promise<Waiting[]> {
  const [runs, rollouts] = await Promise.all([readGoingRuns(context), pausedRollouts(context)])
  const asked = runs.flatMap(({ runId, pipeline, progress }): Waiting[] => {
    const question = progress?.waitingFor ?? null
    if (question === null) return []
    return [{ kind: 'run', runId, pipeline, for: question.role, until: question.until, asked: question }]
  })
  return [...asked, ...rollouts]
}

async function pausedRollouts({ store, temporal }: ClientContext): Promise<Waiting[]> {
  const { client } = await temporal()
  const found = await Promise.all(
    (await listEndpoints(store)).map(async (endpoint): Promise<Waiting[]> => {
      const rollout = (await passOver(readRoute(store, endpoint)))?.rollout ?? null
      if (rollout === null) return []
      const { id } = rollout
      const status = await inTime(client.workflow.getHandle(rolloutWorkflowId(id)).query(rolloutStatusQuery), 2_000)
      if (status === null) return []
      const { waitingForApproval, paused, reason, candidate } = status
      const one = { kind: 'rollout' as const, endpoint, rollout: id, candidate: candidate.version, reason }
      if (waitingForApproval !== null) return [{ ...one, for: waitingForApproval, why: 'approval' }]
      return paused ? [{ ...one, for: 'anybody', why: 'paused' }] : []
    }),
  )
  return found.flat()
}
