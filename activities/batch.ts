import {
  type CalendarSpec,
  DAYS_OF_WEEK,
  type DayOfWeek,
  MONTHS,
  type Month,
  ScheduleOverlapPolicy,
} from '@temporalio/client'
import { type CronCalendar, cronCalendars } from '../lib/definition/cron.ts'
import { BatchPlan, type BatchRecord } from '../lib/formats/batch-records.ts'
import type { BatchPlanned, BatchRequest, ShardOutcome } from '../lib/formats/batch-request.ts'
import { inConsole } from '../lib/formats/console-link.ts'
import { planBatch } from '../lib/jobs/batch/plan-batch.ts'
import { type PublishOrder, publishBatch } from '../lib/jobs/batch/publish-batch.ts'
import { scoreOnce } from '../lib/jobs/batch/shard-step.ts'
import { clearStaged, type TransformDeps } from '../lib/jobs/batch/transform-step.ts'
import type { Once } from '../lib/jobs/step-work.ts'
import { sharedClients } from '../lib/sagemaker/clients.ts'
import { writeBatchDefinition } from '../lib/store/batches.ts'
import { getJson } from '../lib/store/objects.ts'
import { batchScheduleId, taskQueue } from '../workflows/messages.ts'
import { dropSchedule, setSchedule } from './schedules.ts'
import { type ActivityDeps, runActivity, runIdempotent, type StepGiven, wholeStep } from './step.ts'
import { createTransformActivities } from './transform.ts'
import { sourcesOfWorker } from './worker-sources.ts'

/** Plans a worker remembers: shard after shard asks for the same one. */
const plansKept = 4
const overlaps = {
  skip: ScheduleOverlapPolicy.SKIP,
  wait: ScheduleOverlapPolicy.BUFFER_ALL,
  allow: ScheduleOverlapPolicy.ALLOW_ALL,
} as const

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
        const scheduleId = batchScheduleId(pipeline, name)
        if (policy.cron === null) return dropSchedule(client, scheduleId)
        const request: BatchRequest = { owner: pipeline, name, slot: null, redo: false, by: 'schedule', adHoc: null }
        await setSchedule(client, {
          scheduleId,
          spec: { calendars: cronCalendars(policy.cron).map(calendarSpec), timezone: 'UTC' },
          action: {
            type: 'startWorkflow',
            workflowType: 'scoreBatch',
            workflowId: scheduleId,
            args: [request],
            taskQueue,
            staticSummary: `batch ${name} of ${pipeline}`,
            ...inConsole(deps.console?.(), '/batches'),
          },
          policies: { overlap: overlaps[policy.overlap], catchupWindow: Math.max(10_000, policy.catchupMs) },
          memo: { pipeline, endpoint, kind: 'batch' },
        })
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

/** Temporal's own reading of a line of cron differs where both day fields are restricted: it gets calendars instead. */
function calendarSpec({ month, dayOfWeek, minute, hour, dayOfMonth }: CronCalendar): CalendarSpec {
  return {
    minute: [...minute],
    hour: [...hour],
    dayOfMonth: [...dayOfMonth],
    month: month.map((number) => MONTHS[number - 1] as Month),
    dayOfWeek: dayOfWeek.map((number) => DAYS_OF_WEEK[number] as DayOfWeek),
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
