import { Context } from '@temporalio/activity'
import { WorkflowFailedError } from '@temporalio/client'
import { ApplicationFailure } from '@temporalio/common'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Activities } from '../../activities/index.ts'
import type { Plan } from '../../lib/formats/plan.ts'
import type { BranchesRecord, RunRecord } from '../../lib/formats/records.ts'
import { topBranchOf } from '../../lib/formats/step-id.ts'
import { branchesWorkflowId } from '../../workflows/branch-messages.ts'
import { approveUpdate, progressQuery, runWorkflowId } from '../../workflows/messages.ts'
import { branchedPlan, branchNames } from '../support/branched-plans.ts'
import { digest, outcome, planned, runMocks } from '../support/run-mocks.ts'
import { openWorkflowEnvironment, type WorkflowEnvironment } from '../support/workflow-environment.ts'

let workflows: WorkflowEnvironment
beforeAll(async () => {
  workflows = await openWorkflowEnvironment()
})
afterAll(() => workflows?.close())

let count = 0
/** A run of a plan. */
async function running<T>(
  plan: Plan,
  activities: Activities,
  body: (handle: Awaited<ReturnType<typeof start>>, runId: string) => Promise<T>,
): Promise<T> {
  const runId = `sample-graph-${++count}`
  return workflows.withWorker(activities, async (taskQueue) => body(await start(plan, runId, taskQueue), runId))
}
const start = (plan: Plan, runId: string, taskQueue: string) =>
  workflows.environment.client.workflow.start('runPipeline', {
    taskQueue,
    workflowId: runWorkflowId(runId),
    args: [
      {
        runId,
        pipeline: plan.pipeline,
        planDigest: planned(plan),
        sources: { rows: digest('8') },
        snapshots: {},
        origin: {},
      },
    ],
  })

/** The record of a run that ends, well or not. */
async function recordOf(result: Promise<unknown>): Promise<RunRecord> {
  const ended = await result.catch((error) => {
    if (!(error instanceof WorkflowFailedError)) throw error
    return (error.cause as ApplicationFailure).details?.[0]
  })
  return ended as RunRecord
}

const idOf = (order: { readonly step: object }): string => (order.step as { id: string }).id
const trained = outcome(['model', 'training', 'baseline', 'parity'], { trees: 3, rows: 6, metrics: { auc: 0.7 } })

/** Waits until so many have come; the last one lets all go. */
function meeting(of: number): () => Promise<void> {
  let come = 0
  let open: () => void = () => {}
  const opened = new Promise<void>((resolve) => {
    open = resolve
  })
  return async () => {
    if (++come === of) open()
    await opened
  }
}

/** Activities that note when training begins and ends, and how many train at once. */
function training(over: (branch: string) => Promise<void>) {
  const trains: string[] = []
  let active = 0
  let most = 0
  const activities = runMocks({
    trainModel: async (order) => {
      const branch = topBranchOf(idOf(order))
      trains.push(branch)
      most = Math.max(most, ++active)
      // What is begun at once has a chance to be seen together.
      await new Promise((resolve) => setImmediate(resolve))
      try {
        await over(branch)
      } finally {
        active--
      }
      return trained
    },
  })
  return { activities, trains, most: () => most }
}
const broken = ApplicationFailure.create({
  type: 'SINGLE_CLASS',
  message: 'all labels are 0',
  nonRetryable: true,
  details: [{ next: 'mend it' }],
})

describe('steps that need nothing of each other', () => {
  it('run side by side: three trainings that wait for each other all end', async () => {
    const met = meeting(3)
    const { activities } = training(met)
    const record = await running(branchedPlan(3), activities, (handle) => recordOf(handle.result()))
    expect(record).toMatchObject({ status: 'succeeded', exitCode: 0, model: null })
    expect(record.branches).toEqual(
      branchNames(3).map((name) => ({
        name,
        status: 'succeeded',
        model: `sample-${name} version 1`,
        failure: null,
      })),
    )
    expect(record.gates.map(({ name }) => name)).toEqual(branchNames(3).map((name) => `${name}: auc ≥ 0.6`))
  })

  it('run so many at once as the plan says, and as few as one', async () => {
    const met = meeting(2)
    const two = training(met)
    await running(branchedPlan(6, { parallel: 2 }), two.activities, (handle) => handle.result())
    expect([two.trains.length, two.most()]).toEqual([6, 2])
    const one = training(async () => {})
    await running(branchedPlan(3, { parallel: 1 }), one.activities, (handle) => handle.result())
    expect([one.trains, one.most()]).toEqual([branchNames(3), 1])
  })

  it('are all shown while they run', async () => {
    let release: () => void = () => {}
    const released = new Promise<void>((resolve) => {
      release = resolve
    })
    const met = meeting(2)
    const { activities, trains } = training(() => met().then(() => released))
    await running(branchedPlan(2), activities, async (handle) => {
      while (trains.length < 2) await new Promise((resolve) => setTimeout(resolve, 20))
      const progress = await handle.query(progressQuery).finally(release)
      await handle.result()
      expect(progress).toMatchObject({
        stage: 'b001/model, b002/model',
        running: { 'b001/model': 'b001/model', 'b002/model': 'b002/model' },
        steps: { all: 14, doneElsewhere: 0 },
      })
    })
  })
})

describe('a step that fails', () => {
  it('stops what needs it and nothing else; the record says what never began, and why', async () => {
    const { activities } = training(async (branch) => {
      if (branch === 'b002') throw broken
    })
    const record = await running(branchedPlan(3), activities, (handle) => recordOf(handle.result()))
    expect(record).toMatchObject({
      status: 'failed',
      exitCode: 11,
      error: { code: 'SINGLE_CLASS', step: 'b002/model', message: 'all labels are 0', next: 'mend it' },
    })
    expect(record.notBegun).toEqual(
      ['package', 'evaluate', 'gate', 'register'].map((step) => ({ name: `b002/${step}`, because: 'b002/model' })),
    )
    expect(record.branches?.map(({ name, status, model }) => [name, status, model])).toEqual([
      ['b001', 'succeeded', 'sample-b001 version 1'],
      ['b002', 'failed', null],
      ['b003', 'succeeded', 'sample-b003 version 1'],
    ])
    expect(record.branches?.[1]?.failure).toMatchObject({ step: 'b002/model', code: 'SINGLE_CLASS' })
  })

  it('keeps the log of its own program, each of several', async () => {
    const logs: Readonly<Record<string, string>> = { b001: 'a'.repeat(64), b003: 'c'.repeat(64) }
    const { activities } = training(async (branch) => {
      if (branch in logs)
        throw ApplicationFailure.create({
          type: 'PROGRAM_FAILED',
          message: 'it said no',
          nonRetryable: true,
          details: [{ next: 'look at its log', log: logs[branch] }],
        })
    })
    const record = await running(branchedPlan(3), activities, (handle) => recordOf(handle.result()))
    expect(record.error?.log).toBe(logs.b001)
    expect(record.failures?.map(({ step, log }) => [step, log])).toEqual([
      ['b001/model', logs.b001],
      ['b003/model', logs.b003],
    ])
  })

  it('lets those go on that already run, also where it is what several need', async () => {
    const calls: string[] = []
    const met = meeting(2)
    const activities = runMocks(
      {
        splitIntoParts: async (order) => {
          const branch = topBranchOf(idOf(order))
          calls.push(branch)
          await met()
          if (branch === 'b001') throw broken
          return outcome(['train', 'validation', 'test'], { train: 6, validation: 2, test: 2 })
        },
      },
      calls,
    )
    const record = await running(branchedPlan(2), activities, (handle) => recordOf(handle.result()))
    expect(record.branches?.map(({ status }) => status)).toEqual(['failed', 'succeeded'])
    const source = runMocks({
      validateTable: async () => {
        throw broken
      },
    })
    const all = await running(branchedPlan(2), source, (handle) => recordOf(handle.result()))
    expect(all.notBegun?.every(({ because }) => because === 'validate')).toBe(true)
    expect(all.notBegun).toHaveLength(12)
    expect(all.branches?.map(({ status }) => status)).toEqual(['not done', 'not done'])
  })

  it('counts by its place in the plan, not by who was quicker; the others are named', async () => {
    let later: () => void = () => {}
    const first = new Promise<void>((resolve) => {
      later = resolve
    })
    const activities = runMocks()
    activities.trainModel = async (order) => {
      if (idOf(order) === 'b003/model') {
        later()
        throw broken
      }
      if (idOf(order) !== 'b001/model') return trained
      await first
      throw ApplicationFailure.create({ type: 'DATA_CONTRACT', message: 'too late', nonRetryable: true })
    }
    const record = await running(branchedPlan(3), activities, (handle) => recordOf(handle.result()))
    expect(record).toMatchObject({ exitCode: 10, error: { code: 'DATA_CONTRACT', step: 'b001/model' } })
    expect(record.error?.message).toBe('too late (branches that failed: b001, b003)')
    expect(record.failures?.map(({ step }) => step)).toEqual(['b001/model', 'b003/model'])
  })

  it('of a gate ends its branch with exit 12: the others register', async () => {
    const activities = runMocks()
    const { judgeCandidate } = activities
    activities.judgeCandidate = async (order) =>
      idOf(order) === 'b001/gate'
        ? outcome(['gates'], {
            gates: [{ name: 'auc ≥ 0.6', passed: false, metric: 'auc', value: 0.5, limit: 0.6, evidence: '0.5 < 0.6' }],
          })
        : judgeCandidate(order)
    const record = await running(branchedPlan(3), activities, (handle) => recordOf(handle.result()))
    expect(record).toMatchObject({
      status: 'gate failed',
      exitCode: 12,
      error: { code: 'GATE_FAILED', message: '1 of 1 gates failed: auc ≥ 0.6 (0.5 < 0.6)', step: 'b001/gate' },
      notBegun: [{ name: 'b001/register', because: 'b001/gate' }],
    })
    expect(record.branches?.map(({ model }) => model)).toEqual([null, 'sample-b002 version 1', 'sample-b003 version 1'])
  })
})

describe('a person', () => {
  it('is asked about one branch after another, and answers for each', async () => {
    await running(branchedPlan(3, { approval: true }), runMocks(), async (handle) => {
      const asked = new Set<string>()
      while (asked.size < 3) {
        const { waitingFor } = await handle.query(progressQuery)
        const step = waitingFor?.step
        if (step !== undefined && !asked.has(step)) {
          asked.add(step)
          const approved = step !== 'b002/approve'
          await handle.executeUpdate(approved ? approveUpdate : 'reject', { args: [{ by: 'ada', reason: 'ok' }] })
        }
        await new Promise((resolve) => setTimeout(resolve, 20))
      }
      expect([...asked].sort()).toEqual(['b001/approve', 'b002/approve', 'b003/approve'])
      const record = (await handle.result()) as RunRecord
      expect(record).toMatchObject({ status: 'rejected', exitCode: 13 })
      expect(record.branches?.map(({ model }) => model)).toEqual([
        'sample-b001 version 1',
        null,
        'sample-b003 version 1',
      ])
    })
  })
})

describe('a run that is cancelled', () => {
  it('stops all that runs, begins nothing more, and says what it had not begun', async () => {
    const stopped: string[] = []
    const met = meeting(4)
    let hasMet = false
    const { activities } = training(async (branch) => {
      const context = Context.current()
      const pulse = setInterval(() => context.heartbeat(), 100)
      await met()
      hasMet = true
      await context.cancelled
        .catch((error) => {
          stopped.push(branch)
          throw error
        })
        .finally(() => clearInterval(pulse))
    })
    await running(branchedPlan(6), activities, async (handle) => {
      while (!hasMet) await new Promise((resolve) => setTimeout(resolve, 20))
      await handle.cancel()
      const record = await recordOf(handle.result())
      expect(record).toMatchObject({ status: 'cancelled', exitCode: 130, error: { code: 'CANCELLED' } })
      expect(stopped.sort()).toEqual(branchNames(4))
      expect(record.notBegun?.find(({ name }) => name === 'b005/model')).toEqual({ name: 'b005/model', because: null })
      expect(record.branches?.map(({ status }) => status)).toEqual([
        ...Array(4).fill('cancelled'),
        ...Array(2).fill('not done'),
      ])
    })
  })

  it('stops its branches in workflows of their own, and waits for them', async () => {
    const stopped: string[] = []
    let trains = 0
    const { activities } = training(async (branch) => {
      const context = Context.current()
      const pulse = setInterval(() => context.heartbeat(), 100)
      trains++
      await context.cancelled
        .catch((error) => {
          stopped.push(branch)
          throw error
        })
        .finally(() => clearInterval(pulse))
    })
    const records: BranchesRecord[] = []
    activities.recordBranches = async (record) => void records.push(record)
    await running(branchedPlan(30, { parallel: 3 }), activities, async (handle) => {
      while (trains < 3) await new Promise((resolve) => setTimeout(resolve, 20))
      await handle.cancel()
      expect(await recordOf(handle.result())).toMatchObject({ status: 'cancelled', exitCode: 130, groups: 3 })
      expect(stopped).toHaveLength(3)
      const statuses = records.flatMap(({ branches }) => branches.map(({ status }) => status))
      expect(statuses.sort()).toEqual([...Array(3).fill('cancelled'), ...Array(27).fill('not done')])
    })
  })
})

describe('hundreds of branches', () => {
  it('run in workflows of their own, each step once, with short histories', async () => {
    const trains = training(async (branch) => {
      if (branch === 'b123') throw broken
    })
    const records: BranchesRecord[] = []
    trains.activities.recordBranches = async (record) => void records.push(record)
    const { record, lengths, size } = await running(
      branchedPlan(250, { parallel: 8 }),
      trains.activities,
      async (handle, runId) => {
        const ended = await recordOf(handle.result())
        const { workflow } = workflows.environment.client
        const ids = [
          handle.workflowId,
          ...Array.from({ length: ended.groups ?? 0 }, (_, i) => branchesWorkflowId(runId, i)),
        ]
        const histories = await Promise.all(ids.map((id) => workflow.getHandle(id).fetchHistory()))
        return {
          record: ended,
          lengths: histories.map(({ events }) => events?.length ?? 0),
          size: JSON.stringify(ended).length,
        }
      },
    )
    expect(trains.trains.sort()).toEqual(branchNames(250))
    expect(trains.most()).toBeLessThanOrEqual(8)
    expect(record).toMatchObject({
      status: 'failed',
      exitCode: 11,
      error: { step: 'b123/model' },
      groups: lengths.length - 1,
    })
    expect(record.branches?.filter(({ status }) => status !== 'succeeded').map(({ name }) => name)).toEqual(['b123'])
    expect(record.branches?.map(({ name }) => name)).toEqual(branchNames(250))
    expect(record.steps.map(({ name }) => name)).toEqual(['rows', 'validate'])
    expect(records.flatMap(({ steps }) => steps)).toHaveLength(250 * 6 - 5)
    for (const length of lengths) expect(length).toBeLessThan(2_000)
    expect(size).toBeLessThan(64 * 1024)
  })

  it('hand on what the run reads of them, and the failure of one is no failure of the others', async () => {
    const { activities } = training(async (branch) => {
      if (branch === 'b002') throw broken
    })
    await running(branchedPlan(40, { approval: true }), activities, async (handle) => {
      // Nobody decides: every question expires in its turn.
      const record = await recordOf(handle.result())
      expect(record).toMatchObject({
        status: 'rejected',
        exitCode: 13,
        error: { code: 'APPROVAL_EXPIRED', step: 'b001/approve' },
      })
      expect(record.notBegun?.filter(({ name }) => topBranchOf(name) === 'b002')).toEqual(
        ['gate', 'approve', 'register'].map((step) => ({ name: `b002/${step}`, because: 'b002/package' })),
      )
      expect(record.failures?.map(({ step }) => step)).toContain('b002/model')
    })
  })
})
