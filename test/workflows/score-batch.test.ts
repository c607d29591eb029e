import { ApplicationFailure } from '@temporalio/common'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Activities } from '../../activities/index.ts'
import type { BatchRecord } from '../../lib/formats/batch-records.ts'
import type { BatchPlanned, BatchRequest } from '../../lib/formats/batch-request.ts'
import type { BatchResult } from '../../workflows/messages.ts'
import { digest, runMocks } from '../support/run-mocks.ts'
import { openWorkflowEnvironment, type WorkflowEnvironment } from '../support/workflow-environment.ts'

let workflows: WorkflowEnvironment
beforeAll(async () => {
  workflows = await openWorkflowEnvironment()
})
afterAll(() => workflows?.close())

const model = { model: 'flights', version: 3, digest: digest('a') }
const artifact = { digest: digest('b'), mediaType: 'application/json', size: 1 }
const record: BatchRecord = {
  slipway: 'batch-record/1',
  owner: 'flights',
  name: 'nightly',
  slot: '2001-06-01',
  generation: 1,
  key: 'k',
  manifest: artifact,
  model,
  rows: { read: 10, scored: 10, quarantined: 0 },
  to: null,
  supersedes: null,
  startedAt: '2001-06-01T02:00:00.000Z',
  publishedAt: '2001-06-01T02:00:01.000Z',
  by: 'me',
}
const request: BatchRequest = {
  owner: 'flights',
  name: 'nightly',
  slot: '2001-06-01',
  redo: false,
  by: 'me',
  adHoc: null,
}
const planned = (shards: number, published: BatchRecord | null = null): BatchPlanned => ({
  plan: artifact,
  key: 'k',
  slot: '2001-06-01',
  model,
  shards,
  rows: shards * 10,
  published,
})
let count = 0

/** Runs a batch with mocked activities; `scored` are the shards in the order they were asked for. */
async function run(plan: BatchPlanned, over: Partial<Activities> = {}) {
  const scored: number[] = []
  const published: unknown[] = []
  const activities: Activities = {
    ...runMocks(),
    planBatch: async () => plan,
    scoreShard: async ({ shard }) => {
      scored.push(shard)
      return { read: 10, scored: 10, quarantined: 0, cached: shard % 2 === 1 }
    },
    publishBatch: async (order) => {
      published.push(order)
      return record
    },
    ...over,
  }
  const { client } = workflows.environment
  const workflowId = `batch-${++count}`
  const result = await workflows.withWorker(
    activities,
    async (taskQueue) =>
      client.workflow.execute('scoreBatch', { workflowId, taskQueue, args: [request] }).then(
        (value) => ({ value: value as BatchResult }),
        (error: Error) => ({ error: error.cause as Error }),
      ),
    { scores: true },
  )
  return { result, scored, published, workflowId }
}

describe('a batch', () => {
  it('scores every shard once and publishes last', async () => {
    const { result, scored, published } = await run(planned(300))
    expect(scored.sort((a, b) => a - b)).toEqual(Array.from({ length: 300 }, (_, i) => i))
    expect(published).toMatchObject([{ key: 'k', redo: false, by: 'me' }])
    expect(result).toMatchObject({
      value: { cached: false, shards: 300, cachedShards: 150, record: { generation: 1 } },
    })
  })

  it('that was published already scores and publishes nothing', async () => {
    const { result, scored, published } = await run(planned(5, record))
    expect([scored, published]).toEqual([[], []])
    expect(result).toMatchObject({ value: { cached: true } })
  })

  it('goes on as a new workflow before its history is long, and loses no shard', async () => {
    const { result, scored, workflowId } = await run(planned(3_500))
    expect(new Set(scored).size).toBe(3_500)
    expect(scored.length).toBe(3_500)
    expect(result).toMatchObject({ value: { shards: 3_500, cachedShards: 1_750 } })
    const { historyLength } = await workflows.environment.client.workflow.getHandle(workflowId).describe()
    expect(historyLength).toBeLessThan(10_000)
  })

  it('begins no more shards after one has failed for good, lets the others end, and publishes nothing', async () => {
    let underWay = 0
    const scored: number[] = []
    const { result, published } = await run(planned(1_000), {
      scoreShard: async ({ shard }) => {
        underWay++
        if (shard === 3) throw ApplicationFailure.nonRetryable('row 8 breaks it', 'DATA_CONTRACT')
        await new Promise((resolve) => setTimeout(resolve, 50))
        scored.push(shard)
        underWay--
        return { read: 10, scored: 10, quarantined: 0, cached: false }
      },
    })
    expect(published).toEqual([])
    expect(scored.length).toBeLessThan(400)
    expect(underWay).toBe(1)
    expect('error' in result ? result.error.cause : undefined).toMatchObject({
      type: 'DATA_CONTRACT',
      message: 'row 8 breaks it',
    })
  })
})
