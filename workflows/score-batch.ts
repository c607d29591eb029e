import {
  continueAsNew,
  proxyActivities,
  setCurrentDetails,
  setHandler,
  upsertSearchAttributes,
  workflowInfo,
} from '@temporalio/workflow'
import type { Activities } from '../activities/index.ts'
import { shortDigest } from '../lib/formats/artifact.ts'
import type { BatchPlanned, BatchRequest } from '../lib/formats/batch-request.ts'
import { attributes } from './attributes.ts'
import { type BatchProgress, type BatchResult, batchProgressQuery } from './messages.ts'
import { planning, publishing, scoring, transforming } from './options.ts'

/** Shards that are asked for at once: more than all workers have threads, few beside the limits of a workflow. */
const atOnce = 128
/** Shards after which the workflow goes on as a new one: each leaves three events. */
const shardsAHistory = 3_000

/**
 * Scores a table: looks at the input and fixes model, files and shards; scores the shards on whatever workers there
 * are; publishes all of it, or nothing. What a shard made is kept under its key, so that a batch that failed or was
 * cancelled is carried on by the next one.
 */
export async function scoreBatch(request: BatchRequest, before?: BatchProgress): Promise<BatchResult> {
  let progress: BatchProgress = before ?? {
    planned: null,
    startedAt: new Date().toISOString(),
    done: 0,
    cached: 0,
    read: 0,
    scored: 0,
    quarantined: 0,
  }
  const { owner, name, redo, by } = request
  const show = (stage: string): void => setCurrentDetails(details(request, progress, stage))
  setHandler(batchProgressQuery, () => progress)
  if (before === undefined) {
    upsertSearchAttributes([
      { key: attributes.pipeline, value: owner },
      { key: attributes.stage, value: 'batch' },
    ])
    show('looks at the input')
  }

  const planned = progress.planned ?? (await plan(request))
  progress = { ...progress, planned }
  const result = (record: BatchResult['record'], cached: boolean): BatchResult => {
    upsertSearchAttributes([{ key: attributes.verdict, value: cached ? 'cached' : 'published' }])
    return { record, cached, shards: planned.shards, cachedShards: progress.cached }
  }
  if (planned.published !== null) {
    show('the very same was published before')
    return result(planned.published, true)
  }
  if (before === undefined)
    upsertSearchAttributes([{ key: attributes.model, value: `${planned.model.model}@${planned.model.version}` }])

  const shardActivities = (what: string, shard: number) =>
    proxyActivities<Activities>({
      ...scoring,
      summary: `${what} • shard ${shard + 1} of ${planned.shards}`,
      // One owner's backfill does not keep another's batch waiting.
      priority: { fairnessKey: owner },
    })
  if (planned.transform === true && progress.attempt === undefined) {
    show('lays rows out')
    const staged = await stage(planned, progress, (shard) =>
      shardActivities('lay out', shard).stageShard({ plan: planned.plan.digest, shard }),
    )
    progress = { ...progress, ...staged }
    if (staged.staged < planned.shards) return continueAsNew<typeof scoreBatch>(request, progress)
    show('is scored by SageMaker')
    progress = { ...progress, attempt: await transform(request, progress, planned) }
  }
  const upTo = Math.min(planned.shards, progress.done + shardsAHistory)
  const scoreOne = async (shard: number): Promise<void> => {
    const { scoreShard, collectShard } = shardActivities(planned.transform === true ? 'collect' : 'score', shard)
    const order = { plan: planned.plan.digest, shard, run: workflowInfo().firstExecutionRunId }
    const { read, scored, quarantined, cached } = await (planned.transform === true
      ? collectShard({ ...order, attempt: progress.attempt ?? 0 })
      : scoreShard(order))
    progress = {
      ...progress,
      done: progress.done + 1,
      cached: progress.cached + (cached ? 1 : 0),
      read: progress.read + read,
      scored: progress.scored + scored,
      quarantined: progress.quarantined + quarantined,
    }
    if (progress.done % 16 === 0 || planned.shards <= 64) show('scores')
  }
  await inLanes(progress.done, upTo, scoreOne)
  if (upTo < planned.shards) return continueAsNew<typeof scoreBatch>(request, progress)

  show('publishes')
  const { publishBatch } = proxyActivities<Activities>({
    ...publishing,
    summary: `publish ${owner} ${name} ${planned.slot}`,
  })
  const record = await publishBatch({ plan: planned.plan, key: planned.key, redo, by, startedAt: progress.startedAt })
  show(`published as generation ${record.generation}`)
  return result(record, false)
}

/**
 * Does something for each shard, so many at once. After a failure no more are begun; those under way end, and their
 * work is kept.
 */
async function inLanes(from: number, upTo: number, each: (shard: number) => Promise<void>): Promise<void> {
  let next = from
  let failure: { error: unknown } | undefined
  const lane = async (): Promise<void> => {
    while (next < upTo && failure === undefined) {
      try {
        await each(next++)
      } catch (error) {
        failure ??= { error }
      }
    }
  }
  await Promise.all(Array.from({ length: atOnce }, lane))
  if (failure !== undefined) throw failure.error
}

/** Lays out what is to be scored elsewhere, as many shards as one history takes. */
async function stage(
  planned: BatchPlanned,
  { staged = 0, awaited = 0 }: BatchProgress,
  stageOne: (shard: number) => Promise<{ readonly rows: number }>,
): Promise<{ readonly staged: number; readonly awaited: number }> {
  const upTo = Math.min(planned.shards, staged + shardsAHistory)
  let rows = awaited
  await inLanes(staged, upTo, async (shard) => {
    rows += (await stageOne(shard)).rows
  })
  return { staged: upTo, awaited: rows }
}

/** @returns the attempt that has the answers; 0 where there was nothing to ask for */
async function transform(
  { owner, name }: BatchRequest,
  { awaited = 0 }: BatchProgress,
  { plan: { digest }, slot }: BatchPlanned,
): Promise<number> {
  if (awaited === 0) return 0
  const { transformBatch } = proxyActivities<Activities>({
    ...transforming,
    summary: `SageMaker scores ${awaited} rows of ${owner} ${name} ${slot}`,
  })
  return (await transformBatch({ plan: digest, run: workflowInfo().firstExecutionRunId })).attempt
}

function plan(request: BatchRequest): Promise<BatchPlanned> {
  const { planBatch } = proxyActivities<Activities>({ ...planning, summary: `look at the input of ${request.name}` })
  const { startTime, searchAttributes } = workflowInfo()
  // Set by the server where a Schedule started us: the time that was meant, however late we are.
  const [scheduled] = (searchAttributes.TemporalScheduledStartTime ?? []) as Date[]
  return planBatch({ request, time: (scheduled ?? startTime).toISOString() })
}

/** A batch as Markdown, for the current details in Temporal's web UI. */
function details({ owner, name }: BatchRequest, progress: BatchProgress, stage: string): string {
  const { planned, done, cached, scored, quarantined } = progress
  const title = `**${owner} ${name}${planned === null ? '' : ` ${planned.slot}`}** ${stage}`
  if (planned === null) return title
  return [
    title,
    '',
    `- model: ${planned.model.model} version ${planned.model.version}, \`${shortDigest(planned.model.digest)}\``,
    `- shards: ${done} of ${planned.shards}${cached === 0 ? '' : `, ${cached} of them reused`}`,
    `- rows: ${scored} scored${planned.rows === 0 ? '' : ` of ${planned.rows}`}, ${quarantined} set aside`,
  ].join('\n')
}
