import { type Client, type WorkflowHandle, WorkflowNotFoundError } from '@temporalio/client'
import type { PlanOutline } from '../../lib/formats/plan-outline.ts'
import type { RunRecord } from '../../lib/formats/records.ts'
import { digestOfJson } from '../../lib/store/digest.ts'
import {
  approveUpdate,
  championUpdate,
  endpointWorkflowId,
  modelWorkflowId,
  progressQuery,
  type RunProgress,
  routeUpdate,
  runWorkflowId,
} from '../../workflows/messages.ts'
import type { World } from './world.ts'

/** A run in a world in memory. */
export interface CrossingRun {
  readonly runId: string
  readonly handle: WorkflowHandle
  /** Its record, however it ends. Time does not skip meanwhile, or approvals would expire. */
  ended(): Promise<RunRecord>
  progress(): Promise<RunProgress>
  /** Until it says something. */
  until(holds: (progress: RunProgress) => boolean): Promise<RunProgress>
  /** Approves what it shows now, as `slipway approve` does; undefined where it does not wait. */
  approve(): Promise<RunProgress | undefined>
}

export const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

interface RunOptions {
  /** Of the run, and of its candidate unless that is another run's. */
  readonly number: number
  readonly quality: number
  readonly candidate?: number
  readonly isRetraining?: boolean
}

/** Starts a run in a world. */
export async function startRun(
  client: Client,
  world: World,
  taskQueue: string,
  plan: PlanOutline,
  { number, quality, candidate = number, isRetraining = false }: RunOptions,
): Promise<CrossingRun> {
  const runId = `${plan.pipeline}-run${number}`
  const planDigest = digestOfJson(plan)
  world.plans.set(planDigest, plan)
  world.candidates.set(runId, await world.candidateOf(candidate, quality))
  const handle = await client.workflow.start('runPipeline', {
    taskQueue,
    workflowId: runWorkflowId(runId),
    args: [
      {
        runId,
        pipeline: plan.pipeline,
        planDigest,
        sources: {},
        snapshots: {},
        origin: {},
        ...(isRetraining ? { basePlan: planDigest } : {}),
      },
    ],
  })
  /** A server or worker that is busy answers a moment later. */
  const progress = async (): Promise<RunProgress> => {
    for (;;) {
      try {
        return await handle.query(progressQuery)
      } catch (error) {
        if (error instanceof WorkflowNotFoundError) throw error
        await pause(world.pulse)
      }
    }
  }
  return {
    runId,
    handle,
    async ended() {
      for (;;) {
        const record = world.records.get(runId)
        if (record !== undefined) return record
        await pause(world.pulse)
      }
    },
    progress,
    async until(holds) {
      for (;;) {
        const now = await progress()
        if (holds(now)) return now
        const record = world.records.get(runId)
        if (record !== undefined) throw new Error(`run ${runId} has ended: ${JSON.stringify(record.error)}`)
        await pause(world.pulse)
      }
    },
    async approve() {
      const now = await progress()
      if (now.waitingFor === null) return undefined
      const against = now.waitingFor.against?.digest ?? null
      await handle.executeUpdate(approveUpdate, { args: [{ by: 'ann', reason: 'looks right', against }] })
      return now
    },
  }
}

/** Rolls a model back by hand, or the endpoint that serves it, to the champion before. */
export async function rollBack(
  client: Client,
  world: World,
  model: string,
  endpoint: string | undefined,
): Promise<void> {
  const reason = 'rolled back by ann: a test'
  if (endpoint !== undefined) {
    const route = world.routes.get(endpoint)
    if (route === undefined || route.previous === null) return
    const change = { kind: 'rollback' as const, from: route.revision, to: null }
    await client.workflow
      .getHandle(endpointWorkflowId(endpoint))
      .executeUpdate(routeUpdate, { args: [{ change, reason }] })
    return
  }
  const champions = world.models.get(model)?.champions ?? []
  const version = champions.filter((each) => each !== champions.at(-1)).at(-1)
  if (version === undefined) return
  await client.workflow.getHandle(modelWorkflowId(model)).executeUpdate(championUpdate, { args: [{ version, reason }] })
}
