import type { BatchPlan } from '../lib/formats/batch-records.ts'
import type { ShardOutcome } from '../lib/formats/batch-request.ts'
import { collectOnce, stageOnce, type TransformDeps, transformOnce } from '../lib/jobs/batch/transform-step.ts'
import type { Once } from '../lib/jobs/step-work.ts'
import { type ActivityDeps, jobsOf, runActivity, runIdempotent } from './step.ts'

/**
 * What scoring a batch elsewhere needs done.
 * @param planOf finds a plan by its digest
 * @param takeTurn lets as many shards be worked on at once as there are threads for
 */
export function createTransformActivities(
  deps: ActivityDeps,
  transforms: TransformDeps,
  planOf: (digest: string) => Promise<BatchPlan>,
  takeTurn: <T>(work: () => Promise<T>) => Promise<T>,
) {
  return {
    /** Lays the rows of a shard out to be scored elsewhere, unless they were scored before. */
    async stageShard({ plan, shard }: { plan: string; shard: number }): Promise<{ cached: boolean; rows: number }> {
      return runActivity(`shard ${shard}`, async (context, progress) => {
        progress('fetching', 0)
        const staged = { planDigest: plan, plan: await planOf(plan), shard }
        return stageOnce(transforms, staged, { progress, job: jobsOf(deps, context, progress) }, takeTurn)
      })
    },

    /**
     * Has SageMaker score what was laid out: one job, which the next attempt goes on with if this worker is killed, and
     * which is stopped when the batch is not wanted any more.
     */
    async transformBatch({ plan, run }: { plan: string; run: string }): Promise<{ attempt: number; job: string }> {
      return runActivity('transform', async (context, progress, onCancel) => {
        const signal = context.cancellationSignal
        const order = { planDigest: plan, plan: await planOf(plan), run }
        const transformed = transformOnce(transforms, order, { progress, signal })
        // A cancelled batch waits until its job is stopped.
        onCancel(() => transformed.then(() => {}))
        return transformed
      })
    },

    /** Makes the parts of a shard that was scored elsewhere, once. */
    async collectShard(order: { plan: string; shard: number; attempt: number; run: string }): Promise<ShardOutcome> {
      const { plan, shard, attempt, run } = order
      return runActivity(`shard ${shard}`, async (context, progress) => {
        const once: Once = (material, work) =>
          runIdempotent(deps, { run, material, traced: false }, context, progress, work)
        const collected = { planDigest: plan, plan: await planOf(plan), shard, attempt }
        return collectOnce(transforms, collected, once, takeTurn)
      })
    },
  }
}
