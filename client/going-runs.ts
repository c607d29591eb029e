import type { WorkflowExecutionInfo } from '@temporalio/client'
import { progressQuery, type RunProgress } from '../workflows/messages.ts'
import type { ClientContext } from './context.ts'
import { inTime } from './in-time.ts'

/** A run that goes on. */
export interface GoingRun {
  readonly runId: string
  readonly pipeline: string
  readonly workflowId: string
  /** ISO time. */
  readonly startedAt: string
  /** What it does, what it waits for, how far it is; null where no worker answers. */
  readonly progress:
    | (Pick<RunProgress, 'stage' | 'waitingFor' | 'waits' | 'rollout'> & { readonly done: number })
    | null
}

/** Runs that are asked how they stand: more at once nobody reads. */
const mostAsked = 50
/** How long a worker may take to say how a run stands, ms: one without a worker says nothing. */
const answersWithin = 2_000

/** All runs that go on, the newest first. @throws where Temporal is away */
export async function readGoingRuns({ temporal }: Pick<ClientContext, 'temporal'>): Promise<GoingRun[]> {
  const { client, connection } = await temporal()
  const query = "WorkflowType = 'runPipeline' AND ExecutionStatus = 'Running'"
  const found = await connection.withDeadline(Date.now() + 4_000, async () => {
    const all: WorkflowExecutionInfo[] = []
    for await (const each of client.workflow.list({ query })) if (all.push(each) === mostAsked) break
    return all
  })
  return Promise.all(
    found.map(async ({ workflowId, startTime }) => {
      const runId = workflowId.slice('run/'.length)
      return {
        runId,
        pipeline: pipelineOf(runId),
        workflowId,
        startedAt: startTime.toISOString(),
        progress: brief(await inTime(client.workflow.getHandle(workflowId).query(progressQuery), answersWithin)),
      }
    }),
  )
}

function brief(progress: RunProgress | null): GoingRun['progress'] {
  if (progress === null) return null
  const { stage, waitingFor, waits, rollout, finished, steps } = progress
  return { stage, waitingFor, waits: waits ?? null, rollout, done: finished.length + (steps?.doneElsewhere ?? 0) }
}

/** `flights-20261122-034512-k3x9` → `flights`; of a run with an id of another make all of it. */
export const pipelineOf = (runId: string): string => runId.replace(/-(?:\d{8}-\d{6}-\w+|sagemaker-[0-9a-f]{12})$/, '')
