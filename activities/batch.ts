import { mkdtemp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import {
  type CalendarSpec,
  DAYS_OF_WEEK,
  type DayOfWeek,
  MONTHS,
  type Month,
  ScheduleOverlapPolicy,
} from '@temporalio/client'
import { z } from 'zod'
import { type CronCalendar, cronCalendars } from '../lib/definition/cron.ts'
import { type BatchPolicy, batchId, fillIn, partitionAt } from '../lib/formats/batch-policy.ts'
import { BatchFile, BatchPlan, type BatchRecord, ShardFacts } from '../lib/formats/batch-records.ts'
import { SlipwayError } from '../lib/formats/errors.ts'
import type { ModelVersion } from '../lib/formats/route.ts'
import { shardOrder } from '../lib/jobs/shard-order.ts'
import { localModel } from '../lib/models/package.ts'
import { fetchInput, findInputs } from '../lib/sources/inputs.ts'
import { openSources } from '../lib/sources/open-sources.ts'
import { readBatch, readBatchDefinition, writeBatchDefinition } from '../lib/store/batches.ts'
import { digestOfJson } from '../lib/store/digest.ts'
import { getJson, putJson } from '../lib/store/objects.ts'
import { outputFolder, requireFree } from '../lib/store/outputs.ts'
import { readRoute } from '../lib/store/routes.ts'
import type { BatchPlanned, BatchRequest, ShardOutcome } from '../workflows/messages.ts'
import { batchScheduleId, taskQueue } from '../workflows/messages.ts'
import { cutInputs, findDuplicates } from './batch-inputs.ts'
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

    /**
     * Fixes everything a batch depends on: the model that is champion now, the files that are there now, the shards they are cut into.
     * Of parquet only footers are read. What was published already of the same is found.
     * @param time ISO time the batch is for, where the request names no slot
     */
    async planBatch({ request, time }: { request: BatchRequest; time: string }): Promise<BatchPlanned> {
      return runActivity('plan', async (_context, progress) => {
        const folder = await mkdtemp(join(deps.scratch, 'batch-'))
        try {
          progress('looking for files', 0)
          const { owner, name } = request
          const found = await definitionOf(request)
          const slot = request.slot ?? partitionAt(found.policy, new Date(time))
          const policy: BatchPolicy = {
            ...found.policy,
            from: fillIn(found.policy.from, slot),
            to: found.policy.to === null ? null : fillIn(found.policy.to, slot),
          }
          const given = request.adHoc?.files ?? null
          const inputs =
            given === null
              ? await findInputs(
                  store,
                  openSources(store, { root: deps.sources, confined: true }, deps.adapters.sources),
                  policy.from,
                )
              : await getJson(store, given.digest, z.array(BatchFile))
          if (inputs.every(({ size }) => size === 0))
            throw new SlipwayError('SOURCE_EMPTY', `"${policy.from}" holds no bytes`, {
              next: 'check where it comes from',
            })
          const key = digestOfJson({
            model: found.model.digest,
            inputs: inputs.map(({ uri, etag, size, digest }) => digest ?? { uri, etag, size }),
            policy: { ...policy, cron: null, catchupMs: 0, overlap: 'wait' },
          }).slice('sha256:'.length)
          const last = await readBatch(store, owner, name, slot, request.redo)
          if (last !== undefined && !request.redo) {
            if (last.key === key)
              return { plan: last.manifest, key, slot, model: found.model, shards: 0, rows: 0, published: last }
            throw new SlipwayError(
              'BATCH_EXISTS',
              `${batchId(owner, name, slot)} was published already, ${last.model.digest === found.model.digest ? 'of other files or by other rules' : `with version ${last.model.version}; the champion is version ${found.model.version}`}`,
              { next: 'take its place with --redo: the one before is kept' },
            )
          }
          if (policy.to !== null) await requireFree(outputFolder(store, policy.to, deps.outputs), { owner, name, slot })
          progress('reading footers', 0.3)
          const cut = await cutInputs(store, policy, inputs)
          const rows = cut.files.reduce((sum, file) => sum + (file.rows ?? 0), 0)
          if (cut.files.every((file) => file.rows === 0))
            throw new SlipwayError('SOURCE_EMPTY', `"${policy.from}" has no rows`, {
              next: 'check where it comes from',
            })
          progress('looking for keys that occur twice', 0.6)
          const { facts } = await localModel({ store, trusted: deps.trusted }, found.model.digest)
          const duplicates = await findDuplicates(store, policy, cut.files, facts.inputs, folder)
          const plan = await putJson(store, {
            slipway: 'batch-plan/1',
            owner,
            name,
            slot,
            model: found.model,
            endpoint: found.endpoint,
            policy,
            inputs: cut.files,
            shards: cut.shards,
            duplicates,
          } satisfies BatchPlan)
          return {
            plan,
            key,
            slot,
            model: found.model,
            shards: cut.shards.length,
            rows,
            published: null,
          }
        } finally {
          await rm(folder, { recursive: true, force: true })
        }
      })
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
            return storeShard(store, scored, order.shard, plan.policy, digest, work.folder)
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

  /** What a request asks for: of a definition, or all of it given along. The champion is looked up here, once. */
  async function definitionOf({
    owner,
    name,
    adHoc,
  }: BatchRequest): Promise<{ policy: BatchPolicy; model: ModelVersion; endpoint: string | null }> {
    if (adHoc !== null) return { policy: adHoc.policy, model: adHoc.model, endpoint: null }
    const definition = await readBatchDefinition(store, owner, name)
    if (definition === undefined)
      throw new SlipwayError('NOT_FOUND', `pipeline "${owner}" has no batch "${name}"`, {
        next: `add p.batch(live, '${name}', { … }) to it and run it`,
      })
    const route = await readRoute(store, definition.endpoint)
    if (route === undefined)
      throw new SlipwayError('NOT_FOUND', `endpoint "${definition.endpoint}" serves nothing yet`, {
        next: `npx slipway run ${owner} --wait`,
      })
    return { policy: definition.policy, model: route.champion, endpoint: definition.endpoint }
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
