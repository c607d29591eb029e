import { join } from 'node:path'
import { Client, Connection, type WorkflowHandle } from '@temporalio/client'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { batchPolicyOf } from '../../lib/definition/batch.ts'
import type { BatchRequest } from '../../lib/formats/batch-request.ts'
import type { ModelVersion } from '../../lib/formats/route.ts'
import { findInputs } from '../../lib/sources/inputs.ts'
import { openSources } from '../../lib/sources/open-sources.ts'
import { putJson } from '../../lib/store/objects.ts'
import { converterFile } from '../../workers/files.ts'
import { type BatchProgress, type BatchResult, batchProgressQuery, taskQueue } from '../../workflows/messages.ts'
import { eventually } from '../support/gateways.ts'
import { packageModel } from '../support/models.ts'
import { openPlace, type Place } from '../support/place.ts'
import { loansSql, writeLoans } from '../support/project.ts'

/*
 * One owner's backfill does not keep another's batch waiting: fairness keys, on the server that Slipway starts.
 */
let place: Place
let model: ModelVersion

beforeAll(async () => {
  place = await openPlace({ SLIPWAY_SCORING_THREADS: '1' })
  writeLoans(place.project)
  await place.project.data('data/loans.parquet', loansSql())
  model = await packageModel(place.project, place.store.store, 'loans', 1)
})
afterAll(() => place?.close())

/** A batch of `count` files, each a shard. */
async function requestOf(owner: string, count: number): Promise<BatchRequest> {
  const { project, store } = place
  for (let i = 0; i < count; i++)
    await project.data(
      `${owner}/${i}.csv`,
      `SELECT * EXCLUDE (defaulted) FROM (${loansSql(200)}) WHERE id % 97 <> ${i}`,
    )
  const from = join(project.root, owner, '*.csv')
  const files = await findInputs(store.store, openSources(store.store, { root: project.root, confined: false }), from)
  const policy = batchPolicyOf('ad-hoc', { from, to: null })
  const list = await putJson(store.store, files)
  return { owner, name: 'score', slot: 'all', redo: false, by: 'test', adHoc: { policy, model, files: list } }
}

/** When the shards of a batch were asked for and when a worker took each, ms, in order. */
async function shardTimes(handle: WorkflowHandle): Promise<{ asked: number[]; taken: number[] }> {
  const { events } = await handle.fetchHistory()
  const ms = ({ eventTime }: { eventTime?: unknown }): number => {
    const { seconds, nanos } = eventTime as { seconds: number; nanos: number }
    return Number(seconds) * 1_000 + Number(nanos) / 1e6
  }
  const scheduled = (events ?? []).filter(
    ({ activityTaskScheduledEventAttributes: of }) => of?.activityType?.name === 'scoreShard',
  )
  const ids = new Set(scheduled.map(({ eventId }) => String(eventId)))
  const started = (events ?? []).filter(({ activityTaskStartedEventAttributes: of }) =>
    ids.has(String(of?.scheduledEventId)),
  )
  return { asked: scheduled.map(ms), taken: started.map(ms).sort((a, b) => a - b) }
}

it('a second batch is served beside the first, though that has asked for all its shards before', async () => {
  const [backfill, nightly] = await Promise.all([requestOf('backfill', 90), requestOf('nightly', 5)])
  const connection = await Connection.connect({ address: place.temporal })
  const { workflow } = new Client({ connection, dataConverter: { payloadConverterPath: converterFile } })
  const start = (request: BatchRequest) =>
    workflow.start('scoreBatch', { workflowId: `batch/${request.owner}`, taskQueue, args: [request] })
  const first = await start(backfill)
  await eventually(async () => ((await first.query(batchProgressQuery)) as BatchProgress).done >= 3)
  const second = await start(nightly)
  const results = (await Promise.all([first.result(), second.result()])) as BatchResult[]
  expect(results.map(({ shards }) => shards)).toEqual([90, 5])
  const [theirs, ours] = await Promise.all([shardTimes(first), shardTimes(second)])
  const [from, to] = [ours.asked[0] as number, ours.taken.at(-1) as number]
  const waiting = theirs.taken.filter((time) => time > from).length
  const overtook = theirs.taken.filter((time) => time > from && time < to).length
  // In the order of asking, all that waited would have come first. Some were on their way to the worker already.
  expect(waiting).toBeGreaterThan(30)
  expect(overtook).toBeLessThan(15)
  await connection.close()
})
