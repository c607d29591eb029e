import { Context } from '@temporalio/activity'
import { ApplicationFailure } from '@temporalio/common'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { z } from 'zod'
import type { Activities } from '../../activities/index.ts'
import type { TrialEnd, TryOrder } from '../../activities/tuning.ts'
import { binary, pipeline, trees } from '../../lib/definition/index.ts'
import type { RunRecord } from '../../lib/formats/records.ts'
import type { TrialOrder } from '../../lib/formats/tuning.ts'
import { progressQuery, runWorkflowId } from '../../workflows/messages.ts'
import { tuneWorkflowId } from '../../workflows/tune-messages.ts'
import { digest, outcome, planned, runMocks } from '../support/run-mocks.ts'
import { openWorkflowEnvironment, type WorkflowEnvironment } from '../support/workflow-environment.ts'

/*
 * The workflow of trials, with workers whose trials end when and how the test says.
 */
let workflows: WorkflowEnvironment
beforeAll(async () => {
  workflows = await openWorkflowEnvironment()
})
afterAll(() => workflows?.close())

const Row = z.object({ id: z.int(), x: z.number(), y: z.int() })
const code = { name: 'f', file: 'f.ts', digest: digest('c'), host: {} }
const planOf = (parallel: number, options: object) =>
  pipeline('sample', { parallel }, (p) => {
    const rows = p.snapshot('rows', { from: 'rows.parquet', schema: Row })
    const parts = p.split(rows, { byHashOf: 'id', validation: 0.2, test: 0.2 })
    const features = ({ x }: { x: Float64Array }) => ({ x })
    const tune = { trees: [50, 400], leaves: [3, 31] } as const
    const training = { on: parts, features, target: binary('y'), learner: trees(), seed: 1, tune, ...options }
    p.package(p.train('model', training as never), { name: 'sold' })
  }).compile(() => code)

interface Tuned {
  readonly record: RunRecord
  /** Trials as they were asked for, by number. */
  readonly orders: readonly TrialOrder[]
  readonly most: number
  /** What was written down. */
  readonly kept: readonly string[]
}

const facts = (trials: number) => ({ trials, failed: 0, loss: 'logLoss', value: 0.3, parameters: { trees: 200 } })

interface Options {
  readonly parallel?: number
  readonly budget?: object
  readonly retune?: boolean
  readonly more?: Partial<Activities>
  /** Of the run, besides what all have. */
  readonly input?: object
}

let count = 0
/** A run that tunes, by a worker that carries trials out as `over` says. */
async function tuned(
  over: (order: TryOrder) => Promise<Partial<TrialEnd>>,
  { parallel = 8, budget = { trials: 12 }, retune = false, more = {}, input = {} }: Options = {},
): Promise<Tuned> {
  const orders: TrialOrder[] = []
  let [active, most] = [0, 0]
  let kept: readonly string[] = []
  const plan = planOf(parallel, { budget, ...(retune && { retune }) })
  const activities = runMocks({
    findTuning: async () => ({ outcome: null, rows: 600 }),
    trainTrial: async (order) => {
      orders.push(order.trial)
      most = Math.max(most, ++active)
      try {
        const result = { state: 'done', loss: lossOf(order.trial) } as const
        return { result, processorSeconds: 1, kept: `kept ${order.trial.number}`, ...(await over(order)) }
      } finally {
        active--
      }
    },
    recordTuning: async ({ trials }) => {
      kept = trials
      return outcome(['chosen', 'trials', 'times'], facts(trials.length))
    },
    ...more,
  })
  const runId = `sample-tune-${++count}`
  return workflows.withWorker(activities, async (taskQueue) => {
    const handle = await workflows.environment.client.workflow.start('runPipeline', {
      taskQueue,
      workflowId: runWorkflowId(runId),
      args: [
        { runId, pipeline: 'sample', planDigest: planned(plan), sources: {}, snapshots: {}, origin: {}, ...input },
      ],
    })
    const record = await handle.result().catch((error) => error.cause.details[0])
    orders.sort((a, b) => a.number - b.number)
    return { record: record as RunRecord, orders, most, kept }
  })
}
/** A loss with one lowest place. */
const lossOf = ({ parameters }: TrialOrder): number =>
  Math.abs((parameters.trees as number) - 200) / 200 + Math.abs((parameters.leaves as number) - 12) / 12
const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

describe('trials', () => {
  it('are the same whichever of them ends first', async () => {
    const forwards = await tuned(({ trial }) => sleep(trial.number * 7).then(() => ({})))
    const backwards = await tuned(({ trial }) => sleep(90 - trial.number * 7).then(() => ({})))
    const inLine = await tuned(async () => ({}), { parallel: 1 })
    expect(forwards.record).toMatchObject({ status: 'succeeded' })
    expect(inLine.orders).toHaveLength(12)
    expect(forwards.orders).toEqual(inLine.orders)
    expect(backwards.orders).toEqual(inLine.orders)
    expect(backwards.kept).toEqual(inLine.orders.map(({ number }) => `kept ${number}`))
    expect(inLine.most).toBe(1)
  })

  it('run so many at once as the run has slots, and no more than wait for no result', async () => {
    const slowly = () => sleep(60).then(() => ({}))
    expect((await tuned(slowly, { parallel: 3 })).most).toBe(3)
    expect((await tuned(slowly, { parallel: 100 })).most).toBe(5)
  })

  it('that fail are results; the others are chosen from', async () => {
    const { record, kept } = await tuned(async ({ trial }) =>
      trial.number % 2 === 0 ? { result: { state: 'failed', why: 'PROGRAM_FAILED' }, message: 'exit code 1' } : {},
    )
    expect(record.status).toBe('succeeded')
    expect(kept).toHaveLength(12)
  })

  it('that all fail end the run with the first cause, after ten of them', async () => {
    const { record, orders } = await tuned(
      async ({ trial }) => ({
        result: { state: 'failed', why: 'PROGRAM_FAILED' },
        message: `exit code ${trial.number}`,
      }),
      { budget: { trials: 500 }, parallel: 1 },
    )
    expect(orders).toHaveLength(10)
    expect(record).toMatchObject({
      status: 'failed',
      exitCode: 11,
      error: {
        code: 'PROGRAM_FAILED',
        message: 'all 10 trials failed, the first of them: exit code 1',
        step: 'tune-model',
      },
    })
  })

  it('end together where one cannot be carried out, by what kept it', async () => {
    let cancelled = 0
    const { record, orders } = await tuned(async ({ trial }) => {
      if (trial.number === 3) throw ApplicationFailure.nonRetryable('no such column', 'FEATURES_FAILED')
      // As real trials: they hear of it by their heartbeats. (The test server loses track of an activity that ends by
      // itself while it is being cancelled.)
      const context = Context.current()
      const pulse = setInterval(() => context.heartbeat(), 50)
      return context.cancelled.finally(() => {
        clearInterval(pulse)
        cancelled++
      })
    })
    expect(cancelled).toBe(4)
    expect(record).toMatchObject({ status: 'failed', error: { code: 'FEATURES_FAILED', step: 'tune-model' } })
    expect(orders).toHaveLength(5)
  })

  it('no longer begin once they have cost what they may', async () => {
    const budget = { trials: 100, cost: { most: 2, perHour: 0.4 } }
    // An hour each: after five they have cost 2.
    const { orders, kept } = await tuned(async () => ({ processorSeconds: 3600 }), { budget, parallel: 1 })
    expect(orders).toHaveLength(5)
    expect(kept).toHaveLength(5)
  })

  it('no longer begin once their time is over, and those under way count', async () => {
    const { orders, kept } = await tuned(() => sleep(400).then(() => ({})), {
      budget: { trials: 100, time: '1s' },
      parallel: 2,
    })
    expect(orders.length).toBeLessThan(100)
    expect(kept).toHaveLength(orders.length)
  })

  it('are told of while they go on', async () => {
    let release: () => void = () => {}
    const released = new Promise<void>((resolve) => {
      release = resolve
    })
    let seen: unknown
    const { client } = workflows.environment
    await tuned(async ({ trial, run }) => {
      if (trial.number < 3) return {}
      if (trial.number === 3) {
        const [own, all] = [tuneWorkflowId(run, 'tune-model'), runWorkflowId(run)]
        const progress = await client.workflow.getHandle(all).query(progressQuery)
        seen = [progress.elsewhere, await client.workflow.getHandle(own).query(progressQuery)]
        release()
      }
      return released.then(() => ({}))
    })
    expect(seen).toEqual([
      [expect.stringContaining('/tune/tune-model')],
      expect.objectContaining({
        stage: 'tune-model',
        running: { 'tune-model': expect.stringMatching(/^trial \d+ of 12, best log loss [\d.]+$/) },
      }),
    ])
  })

  it('are not made again where what came of them stands', async () => {
    const known = outcome(['chosen', 'trials', 'times'], facts(12))
    const { record, orders } = await tuned(async () => ({}), {
      more: { findTuning: async () => ({ outcome: { ...known, cached: true }, rows: 600 }) },
    })
    expect(orders).toEqual([])
    expect(record.steps.find(({ name }) => name === 'tune-model')).toMatchObject({ cached: true })
  })

  it.each([
    [false, 'sold'],
    [true, null],
  ])('of a retraining are those of the champion, unless it tunes anew (%s)', async (retune, expected) => {
    const asked: (string | null)[] = []
    const findTuning: Activities['findTuning'] = async ({ keep }) => {
      asked.push(keep)
      return { outcome: null, rows: 600 }
    }
    const budget = { trials: 1 }
    await tuned(async () => ({}), { budget, retune, more: { findTuning }, input: { basePlan: digest('b') } })
    await tuned(async () => ({}), { budget, retune, more: { findTuning } })
    expect(asked).toEqual([expected, null])
  })
})
