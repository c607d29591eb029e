import { BatchPlan, type BatchRecord } from '../lib/formats/batch-records.ts'
import type { BatchPlanned, BatchRequest, ShardOutcome } from '../lib/formats/batch-request.ts'
import { planBatch } from '../lib/jobs/batch/plan-batch.ts'
import { type PublishOrder, publishBatch } from '../lib/jobs/batch/publish-batch.ts'
import { scoreOnce } from '../lib/jobs/batch/shard-step.ts'
import { clearStaged, type TransformDeps } from '../lib/jobs/batch/transform-step.ts'
import type { Once } from '../lib/jobs/step-work.ts'
import { sharedClients } from '../lib/sagemaker/clients.ts'
import { writeBatchDefinition } from '../lib/store/batches.ts'
import { getJson } from '../lib/store/objects.ts'
import { setBatchSchedule } from './batch-schedule.ts'
import { type ActivityDeps, runActivity, runIdempotent, type StepGiven, wholeStep } from './step.ts'
import { createTransformActivities } from './transform.ts'
import { sourcesOfWorker } from './worker-sources.ts'

/** Plans a worker remembers: shard after shard asks for the same one. */
const plansKept = 4

/** What batch scoring needs done. */
export function createBatchActivities(deps: ActivityDeps) {
  const { store, client } = deps
  const plans = new Map<string, Promise<BatchPlan>>()
  const takeTurn = turns(deps.scoringThreads)
  const transforms: TransformDeps = { ...deps, sageMaker: sharedClients }

  return {
    /** Sets what is scored under a name, and its schedule. */
    async establishBatch(order: { pipeline: string; run: string; step: StepGiven<'batch'> }): Promise<void> {
      const { pipeline, run } = order
      await runActivity(order.step.id, async () => {
        const { name, endpoint, policy } = await wholeStep(deps, order.step)
        await writeBatchDefinition(store, name, { pipeline, endpoint, policy }, run)
        await setBatchSchedule(client, name, { pipeline, endpoint, policy }, deps.console?.())
      })
    },

    /**
     * Fixes everything a batch depends on.
     * @param time ISO time the batch is for, where the request names no partition
     */
    async planBatch({ request, time }: { request: BatchRequest; time: string }): Promise<BatchPlanned> {
      return runActivity('plan', (_context, progress) =>
        planBatch({ ...deps, from: sourcesOfWorker(deps) }, request, new Date(time), progress),
      )
    },

    /** Scores one shard, in a thread, once. */
    async scoreShard({ plan, shard, run }: { plan: string; shard: number; run: string }): Promise<ShardOutcome> {
      return runActivity(`shard ${shard}`, async (context, progress) => {
        const once: Once = (material, work) =>
          runIdempotent(deps, { run, material, traced: false }, context, progress, work)
        const toScore = { plan: await planOf(plan), shard }
        progress('fetching', 0)
        return scoreOnce(deps, toScore, once, takeTurn)
      })
    },

    ...createTransformActivities(deps, transforms, planOf, takeTurn),

    /**
     * Publishes a batch whose shards are all scored, as a whole: counts once more, fills the output folder, and puts
     * the manifest in force create-only. The monitor of the endpoint hears what was scored.
     */
    async publishBatch(order: PublishOrder): Promise<BatchRecord> {
      return runActivity('publish', async (_context, progress) => {
        const plan = await planOf(order.plan.digest)
        const record = await publishBatch(deps, plan, order, progress)
        if (plan.policy.on !== undefined) await clearStaged(store, order.plan.digest)
        return record
      })
    },
  }

  function planOf(digest: string): Promise<BatchPlan> {
    let plan = plans.get(digest)
    if (plan === undefined) {
      plan = getJson(store, digest, BatchPlan)
      plan.catch(() => plans.delete(digest))
      plans.set(digest, plan)
      for (const [oldest] of plans) if (plans.size > plansKept) plans.delete(oldest)
    }
    return plan
  }
}

/** Lets so many pieces of work go on at once; others wait, the oldest first. */
function turns(most: number): <T>(work: () => Promise<T>) => Promise<T> {
  const waiting: (() => void)[] = []
  let free = most
  return async (work) => {
    if (free > 0) free--
    else await new Promise<void>((resolve) => waiting.push(resolve))
    try {
      return await work()
    } finally {
      const next = waiting.shift()
      if (next === undefined) free++
      else next()
    }
  }
}
