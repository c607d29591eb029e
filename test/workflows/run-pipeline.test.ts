import { Context } from '@temporalio/activity'
import { WorkflowFailedError } from '@temporalio/client'
import { ApplicationFailure, defaultPayloadConverter } from '@temporalio/common'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Activities } from '../../activities/index.ts'
import type { RunRecord } from '../../lib/formats/records.ts'
import type { Route, RouteChange } from '../../lib/formats/route.ts'
import { gateFacts } from '../../lib/stats/gate-facts.ts'
import {
  approveUpdate,
  championUpdate,
  progressQuery,
  registerUpdate,
  rejectUpdate,
  runWorkflowId,
} from '../../workflows/messages.ts'
import { samplePlan } from '../support/plans.ts'
import { sampleRoute } from '../support/rollout-mocks.ts'
import { digest, outcome, planned, runMocks } from '../support/run-mocks.ts'
import { openWorkflowEnvironment, type WorkflowEnvironment } from '../support/workflow-environment.ts'

let workflows: WorkflowEnvironment
let environment: WorkflowEnvironment['environment']
beforeAll(async () => {
  workflows = await openWorkflowEnvironment()
  environment = workflows.environment
})
afterAll(() => workflows?.close())

let count = 0
function withWorker<T>(activities: Activities, body: (queue: string) => Promise<T>): Promise<T> {
  count++
  return workflows.withWorker(activities, body)
}

const runId = (): string => `sample-${count}`
const start = (taskQueue: string, plan = samplePlan()) =>
  environment.client.workflow.start('runPipeline', {
    taskQueue,
    workflowId: runWorkflowId(runId()),
    args: [
      {
        runId: runId(),
        pipeline: plan.pipeline,
        planDigest: planned(plan),
        sources: { rows: digest('8') },
        snapshots: {},
        origin: { commit: 'abc' },
      },
    ],
  })

async function failureOf(promise: Promise<unknown>): Promise<ApplicationFailure & { record: RunRecord }> {
  const error = await promise.then(
    () => undefined,
    (reason) => reason,
  )
  expect(error).toBeInstanceOf(WorkflowFailedError)
  const cause = (error as WorkflowFailedError).cause as ApplicationFailure & { record: RunRecord }
  cause.record = cause.details?.[0] as RunRecord
  return cause
}

describe('a run that deploys what looks columns up', () => {
  const lookups = [{ view: 'history', on: { id: 'id' }, columns: { x: 'x' }, staleAfterMs: null }]
  const candidate = { model: 'sample', version: 1, digest: digest('a') }
  const noHistory = { errors: { n: 0, k: 0 }, latency: { n: 0, k: 0 } }
  /** What an endpoint that serves this is asked for by the run. */
  async function askedOf(champion: Route['champion'] | null, looksUp: boolean): Promise<RouteChange[]> {
    const route = champion === null ? null : { ...sampleRoute, champion }
    const asked: RouteChange[] = []
    const mocks = runMocks({
      lookAtEndpoint: async () => ({ route, cursors: {}, history: noHistory }),
      requestRouteChange: async ({ change }) => {
        asked.push(change)
        return { route: sampleRoute, gateways: 1, mismatch: null }
      },
    })
    await withWorker(mocks, async (queue) => {
      const plan = samplePlan({ approval: false, deploy: true, looksUp })
      expect(await (await start(queue, plan)).result()).toMatchObject({ status: 'succeeded' })
    })
    return asked
  }

  it('tells the owner of the endpoint what the version looks up, and of the same version what it looks up now', async () => {
    expect(await askedOf(null, true)).toMatchObject([{ kind: 'open', variant: { ...candidate, lookups } }])
    expect(await askedOf({ ...candidate, lookups }, true)).toEqual([])
    expect(await askedOf(candidate, true)).toEqual([{ kind: 'lookups', variant: { ...candidate, lookups } }])
    expect(await askedOf({ ...candidate, lookups }, false)).toEqual([{ kind: 'lookups', variant: candidate }])
    expect(await askedOf(candidate, false)).toEqual([])
  })
})

describe('a run', () => {
  it('carries the steps out in order and ends with its record', async () => {
    const calls: string[] = []
    await withWorker(runMocks({}, calls), async (queue) => {
      const record = (await (await start(queue, samplePlan({ approval: false }))).result()) as RunRecord
      expect(calls).toEqual([
        'snapshot',
        'validate',
        'split',
        'train',
        'package',
        'evaluate',
        'findInForce',
        'gate',
        'register',
        'record',
      ])
      expect(record).toMatchObject({
        status: 'succeeded',
        exitCode: 0,
        model: { name: 'sample', version: 1, champion: true },
        metrics: { auc: 0.7 },
        gates: [{ passed: true }],
      })
      expect(record.steps.map(({ name }) => name)).toEqual([
        'rows',
        'validate',
        'split',
        'model',
        'package',
        'evaluate',
        'gate',
        'register',
      ])
    })
  })

  it('asks activities for steps of the plan in the store, which it does not carry itself', async () => {
    const plan = samplePlan({ approval: false })
    const asked: unknown[] = []
    const activities = runMocks()
    const { trainModel, packageModel } = activities
    activities.trainModel = async (order) => {
      asked.push(order.step)
      return trainModel(order)
    }
    activities.packageModel = async (order) => {
      asked.push(order.step, order.train)
      return packageModel(order)
    }
    await withWorker(activities, async (queue) => void (await (await start(queue, plan)).result()))
    const of = { plan: planned(plan) }
    expect(asked).toEqual([
      { ...of, id: 'model', kind: 'train' },
      { ...of, id: 'package', kind: 'package' },
      { ...of, id: 'model', kind: 'train' },
    ])
  })

  it('that was started by 0.6 with its plan along goes on by it', async () => {
    const activities = runMocks()
    activities.readPlan = async () => {
      throw new Error('not to be called')
    }
    await withWorker(activities, async (taskQueue) => {
      const plan = samplePlan({ approval: false })
      const handle = await environment.client.workflow.start('runPipeline', {
        taskQueue,
        workflowId: runWorkflowId(runId()),
        args: [{ runId: runId(), plan, planDigest: digest('9'), sources: {}, snapshots: {}, origin: {} }],
      })
      expect(await handle.result()).toMatchObject({ status: 'succeeded', pipeline: 'sample', metrics: { auc: 0.7 } })
    })
  })

  it('whose plan cannot be read ends with a record that says so', async () => {
    const activities = runMocks()
    activities.readPlan = async () => {
      throw ApplicationFailure.create({ type: 'OBJECT_MISSING', message: 'no such plan', nonRetryable: true })
    }
    await withWorker(activities, async (queue) => {
      const { record } = await failureOf((await start(queue)).result())
      expect(record).toMatchObject({
        pipeline: 'sample',
        status: 'failed',
        error: { code: 'OBJECT_MISSING' },
        steps: [],
      })
    })
  })

  it('tells of the failed ones first, and how many there are, when thousands of gates are judged', async () => {
    const gates = Array.from({ length: 5_000 }, (_, i) => ({
      name: `auc of slice ${i} ≥ 0.6`,
      passed: i % 50 !== 7,
      metric: 'auc' as const,
      value: 0.5,
      limit: 0.6,
      evidence: 'x'.repeat(1_000),
    }))
    const activities = runMocks()
    activities.judgeCandidate = async () => outcome(['gates'], { ...gateFacts(gates) })
    await withWorker(activities, async (queue) => {
      const record = (await (await start(queue)).result()) as RunRecord
      expect(record.error?.message).toMatch(/^100 of 5000 gates failed: auc of slice 7 ≥ 0.6 .* and 92 more$/)
      expect(record.gates.map(({ name }) => name)).toEqual(
        gates.filter(({ passed }) => !passed).map(({ name }) => name),
      )
      expect(record.steps.find(({ name }) => name === 'gate')?.summary).toBe('4900 of 5000 passed')
    })
  })

  it('scores the champion on the same rows when a gate compares with it', async () => {
    const calls: string[] = []
    const packages: string[] = []
    const activities = runMocks({}, calls)
    const champion = { version: 1, digest: digest('7') }
    activities.findInForce = async () => ({ champion, opponent: champion })
    activities.evaluatePackage = async ({ inputs }) => {
      packages.push(inputs.package?.digest ?? '')
      return outcome(['evaluation', 'predictions', 'labels'], { rows: 2, metrics: {} })
    }
    const judged: string[][] = []
    activities.judgeCandidate = async ({ inputs }) => {
      judged.push(Object.keys(inputs))
      return outcome(['gates'], { passed: true, gates: [] })
    }
    await withWorker(
      activities,
      async (queue) => void (await (await start(queue, samplePlan({ approval: false }))).result()),
    )
    expect(packages).toEqual([digest('a'), digest('7')])
    expect(judged[0]).toEqual(expect.arrayContaining(['candidate:predictions', 'opponent:predictions']))
  })

  it('ends with exit 12 and registers nothing when a gate fails', async () => {
    const calls: string[] = []
    const activities = runMocks({}, calls)
    activities.judgeCandidate = async () =>
      outcome(['gates'], {
        passed: false,
        gates: [{ name: 'auc ≥ 0.6', passed: false, metric: 'auc', value: 0.5, limit: 0.6, evidence: '0.5 < 0.6' }],
      })
    await withWorker(activities, async (queue) => {
      const record = (await (await start(queue)).result()) as RunRecord
      expect(record).toMatchObject({
        status: 'gate failed',
        exitCode: 12,
        model: null,
        error: { code: 'GATE_FAILED', message: expect.stringContaining('0.5 < 0.6') },
      })
      expect(calls).not.toContain('register')
    })
  })

  it('ends inconclusive, exit 15, and registers nothing when a gate cannot be decided', async () => {
    const calls: string[] = []
    const activities = runMocks({}, calls)
    activities.judgeCandidate = async () => {
      calls.push('judged')
      throw ApplicationFailure.create({
        type: 'LATENCY_UNDECIDED',
        message: 'not decided',
        nonRetryable: true,
        details: [{ next: 'run it again' }],
      })
    }
    await withWorker(activities, async (queue) => {
      expect(await (await start(queue)).result()).toMatchObject({
        status: 'inconclusive',
        exitCode: 15,
        model: null,
        gates: [],
        error: { code: 'LATENCY_UNDECIDED', message: 'not decided', step: 'gate', next: 'run it again' },
      })
      expect([calls.filter((call) => call === 'judged').length, calls.includes('register')]).toEqual([1, false])
      expect(calls.at(-1)).toBe('record')
    })
  })

  it('fails at once, with the code and exit code of a user error', async () => {
    let attempts = 0
    const activities = runMocks()
    activities.validateTable = async () => {
      attempts++
      throw ApplicationFailure.create({
        type: 'DATA_CONTRACT',
        message: '3 rows',
        nonRetryable: true,
        details: [{ next: 'mend it' }],
      })
    }
    await withWorker(activities, async (queue) => {
      const failure = await failureOf((await start(queue)).result())
      expect(failure).toMatchObject({ type: 'DATA_CONTRACT', message: 'validate: 3 rows' })
      expect(failure.record).toMatchObject({
        status: 'failed',
        exitCode: 10,
        error: { step: 'validate', next: 'mend it' },
      })
      expect(attempts).toBe(1)
    })
  })

  it('goes on by itself when infrastructure comes back, however long it was away', async () => {
    let attempts = 0
    const activities = runMocks()
    activities.splitIntoParts = async () => {
      if (++attempts <= 12) throw ApplicationFailure.create({ type: 'STORE_UNREACHABLE', message: 'away' })
      return outcome(['train', 'validation', 'test'], { train: 6, validation: 2, test: 2 })
    }
    await withWorker(activities, async (queue) => {
      expect(await (await start(queue, samplePlan({ approval: false }))).result()).toMatchObject({
        status: 'succeeded',
      })
      expect(attempts).toBe(13)
    })
  })

  it('stops a running step and leaves a record when it is cancelled', async () => {
    const calls: string[] = []
    let stopped = false
    const activities = runMocks({}, calls)
    activities.trainModel = async () => {
      const context = Context.current()
      const pulse = setInterval(() => context.heartbeat(), 100)
      calls.push('training')
      return context.cancelled
        .catch((error) => {
          stopped = true
          throw error
        })
        .finally(() => clearInterval(pulse)) as never
    }
    await withWorker(activities, async (queue) => {
      const handle = await start(queue)
      while (!calls.includes('training')) await new Promise((resolve) => setTimeout(resolve, 50))
      await handle.cancel()
      const failure = await failureOf(handle.result())
      expect(failure.record).toMatchObject({ status: 'cancelled', exitCode: 130 })
      expect(stopped).toBe(true)
      expect(calls.at(-1)).toBe('record')
    })
  })

  it('is cancelled, and on record as that, also when the step that was to stop fails instead', async () => {
    const calls: string[] = []
    const activities = runMocks({}, calls)
    activities.trainModel = async () => {
      const context = Context.current()
      const pulse = setInterval(() => context.heartbeat(), 100)
      calls.push('training')
      // As a worker that is too busy for heartbeats and is given up: what the run hears is no cancellation.
      return context.cancelled
        .catch(() => {
          throw ApplicationFailure.nonRetryable('nothing was heard of it')
        })
        .finally(() => clearInterval(pulse)) as never
    }
    await withWorker(activities, async (queue) => {
      const handle = await start(queue)
      while (!calls.includes('training')) await new Promise((resolve) => setTimeout(resolve, 50))
      await handle.cancel()
      expect((await failureOf(handle.result())).record).toMatchObject({ status: 'cancelled', exitCode: 130 })
    })
  })
})

describe('an approval', () => {
  const waiting = async (handle: Awaited<ReturnType<typeof start>>) => {
    for (;;) {
      const progress = await handle.query(progressQuery)
      if (progress.waitingFor !== null) return progress
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
  }

  it('lets the run go on, on record with who gave it', async () => {
    await withWorker(runMocks(), async (queue) => {
      const handle = await start(queue)
      expect((await waiting(handle)).waitingFor).toMatchObject({ role: 'ml-lead' })
      await handle.executeUpdate(approveUpdate, { args: [{ by: 'ada', reason: 'looks right' }] })
      const record = (await handle.result()) as RunRecord
      expect(record).toMatchObject({ status: 'succeeded' })
      expect(record.steps.find(({ name }) => name === 'approve')?.summary).toBe(
        'approved by ada as ml-lead (role not checked): looks right',
      )
    })
  })

  it('ends the run with exit 13 when it is refused', async () => {
    const calls: string[] = []
    await withWorker(runMocks({}, calls), async (queue) => {
      const handle = await start(queue)
      await waiting(handle)
      await handle.executeUpdate(rejectUpdate, { args: [{ by: 'ada', reason: 'no' }] })
      expect(await handle.result()).toMatchObject({ status: 'rejected', exitCode: 13, error: { code: 'REJECTED' } })
      expect(calls).not.toContain('register')
    })
  })

  it('that nobody gives expires after its 24 hours', async () => {
    await withWorker(runMocks(), async (queue) => {
      const before = await environment.currentTimeMs()
      expect(await (await start(queue)).result()).toMatchObject({ exitCode: 13, error: { code: 'APPROVAL_EXPIRED' } })
      expect((await environment.currentTimeMs()) - before).toBeGreaterThanOrEqual(24 * 3_600_000)
    })
  })

  it('is refused while the run does not wait for one', async () => {
    const activities = runMocks()
    let release: () => void = () => {}
    // Made before the activity begins: the refusal may come sooner than that.
    const released = new Promise<void>((resolve) => {
      release = resolve
    })
    activities.snapshotSource = async () => {
      await released
      return outcome(['table', 'profile'], { rows: 10, files: 1 })
    }
    await withWorker(activities, async (queue) => {
      const handle = await start(queue, samplePlan({ approval: false }))
      await expect(handle.executeUpdate(approveUpdate, { args: [{ by: 'ada', reason: '' }] })).rejects.toMatchObject({
        cause: { message: expect.stringContaining('does not wait') },
      })
      release()
      await handle.result()
    })
  })
})

describe('the owner of a model', () => {
  it('carries requests out one after another', async () => {
    let active = 0
    let most = 0
    const versions: number[] = []
    const activities = runMocks()
    activities.writeRegistration = async () => {
      most = Math.max(most, ++active)
      await new Promise((resolve) => setTimeout(resolve, 20))
      active--
      versions.push(versions.length + 1)
      return { version: versions.length, champion: null, registered: true }
    }
    await withWorker(activities, async (taskQueue) => {
      const handle = await environment.client.workflow.start('ownModel', {
        taskQueue,
        workflowId: `model/m${count}`,
        args: ['m'],
      })
      const version = {
        digest: digest('a'),
        run: 'r',
        registeredAt: '',
        evaluation: null,
        gates: null,
        metrics: {},
        against: null,
      }
      const results = await Promise.all(
        Array.from({ length: 10 }, () => handle.executeUpdate(registerUpdate, { args: [{ version, promote: true }] })),
      )
      expect(results.map((result) => result.version).sort((a, b) => a - b)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10])
      expect(most).toBe(1)
      await expect(handle.executeUpdate(championUpdate, { args: [{ version: 0, reason: '' }] })).rejects.toMatchObject({
        cause: { message: 'there is no version 0' },
      })
      await handle.terminate()
    })
  })
})

describe('a payload that is too large', () => {
  const large = { plan: { notes: 'x'.repeat(200_000) }, small: 1 }

  it('is refused by the converter, naming the field', async () => {
    const { payloadConverter } = await import('../../workflows/payload-converter.ts')
    expect(() => payloadConverter.toPayload(large)).toThrow(/largest field is "plan.notes"/)
    expect(payloadConverter.toPayload({ small: 1 })).toEqual(defaultPayloadConverter.toPayload({ small: 1 }))
  })

  it('fails a run for good instead of being retried for ever', async () => {
    const activities = runMocks()
    let attempts = 0
    activities.snapshotSource = async () => {
      attempts++
      return outcome(['table', 'profile'], large)
    }
    await withWorker(activities, async (queue) => {
      const failure = await failureOf((await start(queue)).result())
      expect(failure.message).toContain('plan.notes')
      expect(attempts).toBe(1)
    })
  })
})
