import {
  type CalendarSpec,
  DAYS_OF_WEEK,
  type DayOfWeek,
  MONTHS,
  type Month,
  ScheduleOverlapPolicy,
} from '@temporalio/client'
import { type CronCalendar, cronCalendars } from '../lib/definition/cron.ts'
import { type BatchFile, BatchPlan, type BatchRecord, ShardFacts } from '../lib/formats/batch-records.ts'
import { SlipwayError } from '../lib/formats/errors.ts'
import { shardOrder } from '../lib/jobs/shard-order.ts'
import { fetchInput } from '../lib/sources/inputs.ts'
import { writeBatchDefinition } from '../lib/store/batches.ts'
import { getJson } from '../lib/store/objects.ts'
import type { BatchPlanned, BatchRequest, ShardOutcome } from '../workflows/messages.ts'
import { batchScheduleId, taskQueue } from '../workflows/messages.ts'
import { planBatch } from './plan-batch.ts'
import { type PublishOrder, publishBatch } from './publish-batch.ts'
import { dropSchedule, setSchedule } from './schedules.ts'
import { materialOf, storeShard } from './shards.ts'
import { type ActivityDeps, runActivity, runIdempotent, type StepGiven, wholeStep } from './step.ts'

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
          },
          policies: { overlap: overlaps[policy.overlap], catchupWindow: Math.max(10_000, policy.catchupMs) },
          memo: { pipeline, endpoint, kind: 'batch' },
        })
      })
    },

    /** Fixes everything a batch depends on. @param time ISO time the batch is for, where the request names no partition */
    async planBatch({ request, time }: { request: BatchRequest; time: string }): Promise<BatchPlanned> {
      return runActivity('plan', (_context, progress) => planBatch(deps, request, new Date(time), progress))
    },

    /** Scores one shard, in a thread, once: what was made of the same rows by the same model is found by its key. */
    async scoreShard(order: { plan: string; shard: number; run: string }): Promise<ShardOutcome> {
      return runActivity(`shard ${order.shard}`, async (context, progress) => {
        const plan = await planOf(order.plan)
        const file = plan.inputs[plan.shards[order.shard]?.file ?? 0] as BatchFile
        progress('fetching', 0)
        const { path, digest } = await fetchInput(store, file)
        const material = materialOf(deps.host, plan, order.shard, digest)
        const outcome = await runIdempotent(
          deps,
          { run: order.run, material, traced: false },
          context,
          progress,
          async (work) => {
            const source = { store, trusted: deps.trusted }
            const shard = await shardOrder(source, plan, order.shard, path, work.folder)
            progress('waiting for a thread', 0)
            const scored = await takeTurn(() => work.job('scoreShard', shard)).catch(diskFull)
            return storeShard(store, scored, { shard: order.shard, policy: plan.policy, input: digest }, work.folder)
          },
        )
        const { read, scored, quarantine } = ShardFacts.parse(outcome.facts)
        return { read, scored, quarantined: quarantine?.rows ?? 0, cached: outcome.cached }
      })
    },

    /**
     * Publishes a batch whose shards are all scored, as a whole: counts once more, fills the output folder, and puts the manifest in
     * force create-only. The monitor of the endpoint hears what was scored.
     */
    async publishBatch(order: PublishOrder): Promise<BatchRecord> {
      return runActivity('publish', async (_context, progress) =>
        publishBatch(deps, await planOf(order.plan.digest), order, progress),
      )
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

function diskFull(error: Error): never {
  if (!/No space left|ENOSPC|disk is full/i.test(error.message)) throw error
  throw new SlipwayError('OUTPUT_UNWRITABLE', `the disk of this worker is full: ${error.message.split('\n')[0]}`, {
    next: 'make room, then run the batch again: what was scored is kept',
  })
}
