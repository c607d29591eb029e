import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Activities } from '../../activities/index.ts'
import { psi } from '../../lib/definition/index.ts'
import { type MonitorOptions, monitorPolicyOf } from '../../lib/definition/monitor.ts'
import type { RetrainCause } from '../../lib/formats/alerts.ts'
import type { RunRecord } from '../../lib/formats/records.ts'
import {
  calmSignal,
  causeSignal,
  pauseSupervisorUpdate,
  type RunInput,
  resumeSupervisorUpdate,
  type SupervisorStatus,
  supervisorStatusQuery,
} from '../../workflows/messages.ts'
import { samplePlan } from '../support/plans.ts'
import { planned, runMocks } from '../support/run-mocks.ts'
import { openWorkflowEnvironment, type WorkflowEnvironment } from '../support/workflow-environment.ts'

let workflows: WorkflowEnvironment
beforeAll(async () => {
  workflows = await openWorkflowEnvironment()
})
afterAll(() => workflows?.close())

const hour = 3_600_000
let count = 0
const cause = (key: string, kind: RetrainCause['kind'] = 'drift'): RetrainCause => ({
  kind,
  key,
  reason: `${kind} ${key}`,
  asOf: null,
  at: new Date().toISOString(),
})

/** A supervisor whose retrainings are runs of a plan with mocked steps; `began` notes each one's cause. */
async function supervised(
  retrain: MonitorOptions['retrain'],
  body: (tools: {
    signal(...causes: RetrainCause[]): Promise<void>
    calm(): Promise<void>
    pause(): Promise<void>
    resume(): Promise<void>
    status(): Promise<SupervisorStatus>
    /** Until something holds, time passing quickly. */
    until(holds: (status: SupervisorStatus) => boolean): Promise<SupervisorStatus>
    sleep(ms: number): Promise<void>
    began: string[]
    runId(): Promise<string>
  }) => Promise<void>,
  over: Partial<Activities> = {},
): Promise<void> {
  const began: string[] = []
  const policy = monitorPolicyOf({ every: '1h', drift: psi.over(0.2), retrain: retrain ?? {} }).retrain
  const activities: Activities = {
    ...runMocks(),
    readSupervision: async () => policy,
    prepareRetraining: async ({ run, cause: why }): Promise<RunInput> => {
      began.push(why)
      return {
        runId: run,
        pipeline: 'sample',
        planDigest: planned(samplePlan({ approval: false })),
        sources: {},
        snapshots: {},
        origin: { cause: why, retraining: '1' },
        basePlan: `sha256:${'2'.repeat(64)}`,
      }
    },
    ...over,
  }
  const { client } = workflows.environment
  const pipeline = `sample-${++count}`
  await workflows.withWorker(activities, async (taskQueue) => {
    const workflowId = `supervisor/${pipeline}`
    const handle = client.workflow.getHandle(workflowId)
    const signal = async (...causes: RetrainCause[]): Promise<void> => {
      const tell = (each: RetrainCause) =>
        client.workflow.signalWithStart('supervise', {
          workflowId,
          taskQueue,
          args: [pipeline],
          signal: causeSignal,
          signalArgs: [each],
        })
      // The time-skipping server sometimes refuses one of several that would start it at once; the real one does not.
      const [first, ...others] = causes
      if (first !== undefined) await tell(first)
      await Promise.all(others.map(tell))
    }
    const status = () => handle.query(supervisorStatusQuery)
    const decision = { by: 'somebody', reason: 'a test' }
    await body({
      signal,
      calm: () => handle.signal(calmSignal, { endpoint: 'sample' }),
      pause: () => handle.executeUpdate(pauseSupervisorUpdate, { args: [decision] }),
      resume: () => handle.executeUpdate(resumeSupervisorUpdate, { args: [decision] }),
      status,
      async until(holds) {
        // The test's own limit ends what never comes: on a busy machine an answer takes seconds.
        for (;;) {
          const now = await status()
          if (holds(now)) return now
          await new Promise((resolve) => setTimeout(resolve, 50))
        }
      },
      sleep: (ms) => workflows.environment.sleep(ms),
      began,
      runId: async () => (await handle.describe()).runId,
    })
    await handle.terminate('the test is over')
  })
}
const ended = (n: number) => (status: SupervisorStatus) => status.retrainings.length === n && status.state !== 'running'

describe('a supervisor', () => {
  it('begins one run for fifty alerts at once, with the cause on record', async () => {
    await supervised({ cooldown: '1h', maxPerDay: 10 }, async ({ signal, until, began, sleep, status }) => {
      await signal(...Array.from({ length: 50 }, (_, i) => cause(`alert-${i}`)))
      const { retrainings } = await until(ended(1))
      expect(retrainings[0]).toMatchObject({ status: 'succeeded' })
      await sleep(3 * hour)
      expect(began).toHaveLength(1)
      expect(await status()).toMatchObject({ state: 'idle', pending: [] })
    })
  })
  it('takes the same alert said again for the same', async () => {
    await supervised({ cooldown: '0s', maxPerDay: 10 }, async ({ signal, until, began }) => {
      await signal(cause('one'))
      await until(ended(1))
      await signal(cause('one'), cause('one'))
      await signal(cause('two'))
      await until(ended(2))
      expect(began).toEqual(['drift: drift one', 'drift: drift two'])
    })
  })
  it.each(['drift', 'quality', 'labels', 'schedule', 'alertmanager'] as const)('acts on %s alone', async (kind) => {
    await supervised({ cooldown: '1h' }, async ({ signal, until, began }) => {
      await signal(cause('one', kind))
      await until(ended(1))
      expect(began).toEqual([`${kind}: ${kind} one`])
    })
  })
  it('rests after a run, says until when and why, and then goes on', async () => {
    await supervised({ cooldown: '6h', maxPerDay: 10 }, async ({ signal, until, began, sleep }) => {
      await signal(cause('one'))
      await until(ended(1))
      await signal(cause('two'))
      const { reason } = await until(({ state }) => state === 'waiting')
      expect(reason).toMatch(/^until 20.* for the cooldown after the last one, 6 h$/)
      await sleep(5 * hour)
      expect(began).toHaveLength(1)
      await sleep(2 * hour)
      await until(ended(2))
    })
  })
  it('keeps to its budget of runs a day', async () => {
    await supervised({ cooldown: '0s', maxPerDay: 2 }, async ({ signal, until, began, sleep }) => {
      for (const n of [1, 2]) {
        await signal(cause(`${n}`))
        await until(ended(n))
      }
      await signal(cause('3'))
      expect((await until(({ state }) => state === 'waiting')).reason).toContain('budget of 2 a day')
      await sleep(23 * hour)
      expect(began).toHaveLength(2)
      await sleep(2 * hour)
      await until(ended(3))
    })
  })
  it('does nothing while it is paused, and forgets nothing', async () => {
    await supervised(
      { cooldown: '0s', maxPerDay: 10 },
      async ({ signal, pause, resume, until, began, sleep, status }) => {
        await signal(cause('one'))
        await until(ended(1))
        await pause()
        await signal(cause('two'))
        await sleep(48 * hour)
        expect(began).toHaveLength(1)
        expect(await status()).toMatchObject({ state: 'paused', reason: 'by somebody: a test' })
        await resume()
        await until(ended(2))
      },
    )
  })
  it('drops what an incident asked for that has passed while it waited', async () => {
    await supervised({ cooldown: '6h', maxPerDay: 10 }, async ({ signal, calm, until, began, sleep, status }) => {
      await signal(cause('sample:1:1'))
      await until(ended(1))
      await signal(cause('sample:2:1'))
      await until(({ state }) => state === 'waiting')
      await calm()
      await until(({ state }) => state === 'idle')
      await sleep(10 * hour)
      expect(began).toHaveLength(1)
      expect((await status()).pending).toEqual([])
    })
  })
  it('says why when a candidate was rejected, and waits for the next cause', async () => {
    const failed = {
      judgeCandidate: async () => ({
        stepKey: 'k',
        cached: false,
        outputs: [{ name: 'gates', digest: `sha256:${'a'.repeat(64)}` as const, mediaType: 'x', size: 1 }],
        facts: {
          gates: [{ name: 'auc ≥ 0.6', passed: false, metric: 'auc', value: 0.5, limit: 0.6, evidence: '0.5 < 0.6' }],
        },
      }),
    }
    await supervised(
      { cooldown: '1h' },
      async ({ signal, until }) => {
        await signal(cause('one'))
        const { retrainings, state } = await until(ended(1))
        expect(retrainings[0]).toMatchObject({ status: 'gate failed' satisfies RunRecord['status'] })
        expect(retrainings[0]?.reason).toContain('auc ≥ 0.6 (0.5 < 0.6)')
        expect(state).toBe('idle')
      },
      failed,
    )
  })
  it('goes on after a retraining that could not begin', async () => {
    const { ApplicationFailure } = await import('@temporalio/common')
    const broken = {
      prepareRetraining: async () => {
        throw ApplicationFailure.nonRetryable('the source "rows.parquet" does not exist', 'SOURCE_MISSING')
      },
    }
    await supervised(
      { cooldown: '1h' },
      async ({ signal, until }) => {
        await signal(cause('one'))
        const { retrainings } = await until(ended(1))
        expect(retrainings[0]).toMatchObject({ status: 'failed', reason: 'the source "rows.parquet" does not exist' })
      },
      broken,
    )
  })
  it('retrains nothing where the definition does not say so', async () => {
    await supervised(
      {},
      async ({ signal, until, began }) => {
        await signal(cause('one'))
        await until(({ reason }) => reason.includes('no p.monitor'))
        expect(began).toEqual([])
      },
      { readSupervision: async () => null },
    )
  })
  it('continues as new without losing a cause', async () => {
    await supervised({ cooldown: '6h', maxPerDay: 10 }, async ({ signal, until, began, runId, sleep }) => {
      await signal(cause('first'))
      await until(ended(1))
      const before = await runId()
      // It waits for its cooldown with a cause, while so much is said that its history is full.
      await signal(cause('kept'))
      for (let i = 0; i < 2_100; i += 100) await signal(...Array.from({ length: 100 }, () => cause('kept')))
      await sleep(7 * hour)
      await until(ended(2))
      expect(began[1]).toContain('kept')
      expect(await runId()).not.toBe(before)
    })
  })
})

describe('a check of a monitor', () => {
  it('tells the supervisor while an incident goes on, and people when it begins and ends', async () => {
    const calls: string[] = []
    const result = (over: object) => ({
      seq: 1,
      verdict: 'alarm: psi > 0.2',
      firing: ['psi > 0.2'],
      change: 'goes on' as const,
      pipeline: 'sample',
      cause: cause('sample:1:1'),
      more: false,
      ...over,
    })
    const check = async (found: Awaited<ReturnType<Activities['checkEndpoint']>>): Promise<string> => {
      const activities: Activities = {
        ...runMocks(),
        checkEndpoint: async () => found,
        signalSupervisor: async ({ cause: { key } }) => void calls.push(`signal ${key}`),
        calmSupervisor: async () => void calls.push('calm'),
        sendAlert: async () => void calls.push('alert'),
      }
      return workflows.withWorker(activities, (taskQueue) =>
        workflows.environment.client.workflow.execute('monitorEndpoint', {
          taskQueue,
          workflowId: `check-${++count}`,
          args: ['sample'],
        }),
      )
    }
    await check(result({ change: 'opened' }))
    await check(result({}))
    await check(result({ change: 'resolved', firing: [], cause: null, verdict: 'within all limits' }))
    expect(calls).toEqual(['signal sample:1:1', 'alert', 'signal sample:1:1', 'alert', 'calm', 'alert'])
    expect(await check(null)).toContain('not watched any more')
  })

  it('takes very many windows in step by step, and may only gather', async () => {
    const asked: { check: string; judge: boolean }[] = []
    const calls: string[] = []
    const activities: Activities = {
      ...runMocks(),
      checkEndpoint: async ({ check, judge }) => {
        asked.push({ check, judge })
        const more = asked.length < 3
        return {
          seq: asked.length,
          verdict: 'gathered',
          firing: [],
          change: 'goes on',
          pipeline: 'sample',
          cause: null,
          more,
        }
      },
      sendAlert: async () => void calls.push('alert'),
    }
    await workflows.withWorker(activities, (taskQueue) =>
      workflows.environment.client.workflow.execute('monitorEndpoint', {
        taskQueue,
        workflowId: `gather-${++count}`,
        args: ['sample', 'gather'],
      }),
    )
    expect(asked.map(({ judge }) => judge)).toEqual([false, false, false])
    expect(new Set(asked.map(({ check }) => check)).size).toBe(3)
    expect(calls).toEqual([])
  })
})
