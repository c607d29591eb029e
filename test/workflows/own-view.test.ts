import { Context } from '@temporalio/activity'
import { WorkflowFailedError } from '@temporalio/client'
import { ApplicationFailure } from '@temporalio/common'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { z } from 'zod'
import { pipeline } from '../../lib/definition/index.ts'
import { type Digest, shortDigest } from '../../lib/formats/artifact.ts'
import { SlipwayError } from '../../lib/formats/errors.ts'
import type { CodeRef, Plan } from '../../lib/formats/plan.ts'
import type { RunRecord } from '../../lib/formats/records.ts'
import { stepOf } from '../../lib/formats/step-inputs.ts'
import type { PublishedView, SeenView } from '../../lib/formats/view.ts'
import { publishView } from '../../lib/stats/views.ts'
import { digestOfPlan } from '../../lib/store/plans.ts'
import { definitionOf } from '../../lib/store/views.ts'
import { runWorkflowId } from '../../workflows/messages.ts'
import { type Order, ownerOfView, type ViewOrder, viewOrderSignal } from '../../workflows/owner-messages.ts'
import { digest, outcome, planned, runMocks } from '../support/run-mocks.ts'
import { openWorkflowEnvironment, type WorkflowEnvironment } from '../support/workflow-environment.ts'

let workflows: WorkflowEnvironment
beforeAll(async () => {
  workflows = await openWorkflowEnvironment()
})
afterAll(() => workflows?.close())

const code: CodeRef = { name: 'f', file: 'f.ts', digest: digest('c'), host: {} }
const Trip = z.object({ passenger: z.string(), flown: z.date() })

/** A pipeline with one view, and a table of it. */
function planOf(name: string, view: string, sql: string): Plan {
  return pipeline(name, (p) => {
    const trips = p.snapshot('trips', { from: 'trips.parquet', schema: Trip })
    const history = p.feature(view, { from: [trips], sql, schema: Trip, key: 'passenger', known: 'flown' })
    p.table('late', { from: { history }, sql: 'SELECT …', schema: Trip })
  }).compile(() => code)
}
const definition = (plan: Plan): Digest => definitionOf(plan, stepOf(plan, 'publish', 'publish'))

/** Activities that keep views in memory; owners are real workflows of the same task queue. */
function viewMocks(plans: readonly Plan[]) {
  const views = new Map<string, PublishedView>()
  const writes: string[] = []
  const seen = new Set<string>()
  const at = (hour: number): string => new Date(hour * 3_600_000).toISOString()
  const activities = runMocks({
    deriveTable: async () => outcome(['table', 'profile'], { rows: 3 }),
    checkView: async () => outcome(['table'], { rows: 3, keys: 2 }),
    async tellViewOwner({ view, order }) {
      const { client, info } = Context.current()
      await client.workflow.signalWithStart('ownView', {
        ...ownerOfView(view),
        taskQueue: info.taskQueue,
        signal: viewOrderSignal,
        signalArgs: [order] as [Order<ViewOrder>],
      })
    },
    async writeView({ view, step, ...asked }) {
      const plan = plans.find((each) => digestOfPlan(each) === step.plan) as Plan
      const publishing = stepOf(plan, step.id, 'publish')
      const { key, known } = publishing
      const table = { digest: asked.table.digest as Digest, rows: asked.table.rows }
      // On a busy machine an attempt may be given up and made again: it is the same write, whichever attempt comes
      // first.
      const { activityId, workflowExecution } = Context.current().info
      const write = `${workflowExecution?.runId} ${activityId}`
      if (!seen.has(write)) writes.push(asked.run)
      seen.add(write)
      try {
        const order = { ...asked, table, name: view, definition: definitionOf(plan, publishing), key, known }
        const published = publishView(views.get(view), order, at(writes.length))
        views.set(view, published)
        return { revision: published.revision }
      } catch (error) {
        const { code: type, message, facts } = error as SlipwayError
        if (!(error instanceof SlipwayError)) throw error
        throw ApplicationFailure.create({ type, message, nonRetryable: true, details: [{ next: facts.next }] })
      }
    },
  })
  return { activities, views, writes }
}

let count = 0
const begin = (taskQueue: string, plan: Plan, views: Readonly<Record<string, SeenView>> | undefined) => {
  const runId = `${plan.pipeline}-${++count}`
  return workflows.environment.client.workflow.start('runPipeline', {
    taskQueue,
    workflowId: runWorkflowId(runId),
    args: [
      {
        runId,
        pipeline: plan.pipeline,
        planDigest: planned(plan),
        sources: { trips: digest('8') },
        snapshots: {},
        origin: {},
        ...(views !== undefined && { views }),
      },
    ],
  })
}
type Handle = Awaited<ReturnType<typeof begin>>
const recordOf = (handle: Handle): Promise<RunRecord> =>
  handle.result().catch((error) => {
    expect(error).toBeInstanceOf(WorkflowFailedError)
    const { details } = (error as WorkflowFailedError).cause as ApplicationFailure
    if (details?.[0] === undefined) throw error
    return details[0] as RunRecord
  }) as Promise<RunRecord>

describe('a run that publishes a view', () => {
  it('asks its owner, hands the table on to what reads it, and says which revision it made', async () => {
    const plan = planOf('a', 'history', 'SELECT 1')
    const { activities, views } = viewMocks([plan])
    await workflows.withWorker(activities, async (queue) => {
      const record = await recordOf(await begin(queue, plan, { history: { since: null } }))
      expect(record).toMatchObject({ status: 'succeeded', exitCode: 0 })
      expect(record.steps.map(({ name }) => name)).toEqual(['trips', 'history', 'publish', 'late'])
      expect(record.steps[2]).toMatchObject({ kind: 'publish', summary: '3 rows of 2 keys, revision 1' })
      expect(views.get('history')).toMatchObject({
        definition: definition(plan),
        table: { digest: record.steps[2]?.outputs[0]?.digest, rows: 3 },
        key: ['passenger'],
        known: 'flown',
        pipelines: { a: { run: record.runId } },
      })
    })
  })

  it('is one of two at once that do not agree: the other is refused with both digests, and makes nothing of it', async () => {
    const plans = [planOf('a', 'shared', 'SELECT 1'), planOf('b', 'shared', 'SELECT 2')]
    const { activities, views, writes } = viewMocks(plans)
    await workflows.withWorker(activities, async (queue) => {
      const both = await Promise.all(plans.map((plan) => begin(queue, plan, { shared: { since: null } })))
      const records = await Promise.all(both.map(recordOf))
      const lost = records.findIndex(({ status }) => status === 'failed')
      const [loser, winner] = [records[lost], records[1 - lost]] as [RunRecord, RunRecord]
      expect(winner).toMatchObject({ status: 'succeeded' })
      expect(writes).toHaveLength(2)
      expect(views.get('shared')).toMatchObject({ definition: definition(plans[1 - lost] as Plan), revision: 1 })
      expect(loser).toMatchObject({ exitCode: 2, error: { code: 'VIEW_DISAGREES', step: 'publish' } })
      for (const plan of plans) expect(loser.error?.message).toContain(shortDigest(definition(plan)))
      expect(loser.notBegun).toEqual([{ name: 'late', because: 'publish' }])
      expect(loser.steps.map(({ name }) => name)).not.toContain('late')
    })
  })

  it('that nobody planned, as a retraining, publishes rows of the definition there is, and changes none', async () => {
    const [old, next] = [planOf('a', 'kept', 'SELECT 1'), planOf('a', 'kept', 'SELECT 2')]
    const { activities, views } = viewMocks([old, next])
    await workflows.withWorker(activities, async (queue) => {
      for (const seen of [{ kept: { since: null } }, undefined])
        expect(await recordOf(await begin(queue, old, seen))).toMatchObject({ status: 'succeeded' })
      expect(views.get('kept')).toMatchObject({ revision: 2, since: 1 })
      expect(await recordOf(await begin(queue, next, undefined))).toMatchObject({ error: { code: 'VIEW_DISAGREES' } })
      expect(await recordOf(await begin(queue, next, { kept: { since: 1 } }))).toMatchObject({ status: 'succeeded' })
      expect(views.get('kept')).toMatchObject({ revision: 3, since: 3, definition: definition(next) })
      expect(await recordOf(await begin(queue, old, undefined))).toMatchObject({ error: { code: 'VIEW_DISAGREES' } })
    })
  })

  it('publishes those of many branches too, each by what was seen of it', async () => {
    const regions = Array.from({ length: 40 }, (_, i) => `r${i}`)
    const plan = pipeline('many', (p) => {
      const trips = p.snapshot('trips', { from: 'trips.parquet', schema: Trip })
      p.each(regions, (p, region) => {
        const view = p.feature(`of-${region}`, { from: [trips], sql: 'SELECT 1', schema: Trip, key: 'passenger' })
        p.table('late', { from: [view], sql: 'SELECT …', schema: Trip })
      })
    }).compile(() => code)
    const { activities, views } = viewMocks([plan])
    const step = stepOf(plan, 'r7/publish', 'publish')
    const elsewhere: PublishedView = {
      slipway: 'view/1',
      name: 'of-r7',
      revision: 6,
      definition: digest('f'),
      since: 5,
      table: { digest: digest('7'), rows: 1 },
      key: ['passenger'],
      known: null,
      publishedAt: new Date(0).toISOString(),
      run: 'x',
      pipelines: { other: { definition: digest('f'), run: 'x' } },
    }
    views.set('of-r7', elsewhere)
    const seen = (isChange?: true) =>
      Object.fromEntries(
        regions.map((region) => [`of-${region}`, { since: region === 'r7' ? 5 : null, ...(isChange && { isChange }) }]),
      )
    await workflows.withWorker(activities, async (queue) => {
      const record = await recordOf(await begin(queue, plan, seen()))
      expect(record).toMatchObject({ exitCode: 2, error: { code: 'VIEW_DISAGREES' } })
      expect(views.size).toBe(40)
      expect(views.get('of-r7')).toBe(elsewhere)
      expect(await recordOf(await begin(queue, plan, seen(true)))).toMatchObject({ status: 'succeeded' })
      expect(views.get('of-r7')).toMatchObject({ revision: 7, definition: definitionOf(plan, step) })
    })
  })

  it('is published once, however often its owner is told', async () => {
    const plan = planOf('a', 'twice', 'SELECT 1')
    const mocks = viewMocks([plan])
    const { tellViewOwner } = mocks.activities
    mocks.activities.tellViewOwner = async (asked) => {
      await tellViewOwner(asked)
      // The same word twice, as an activity that is carried out again says it.
      await tellViewOwner(asked)
    }
    await workflows.withWorker(mocks.activities, async (queue) => {
      expect(await recordOf(await begin(queue, plan, { twice: { since: null } }))).toMatchObject({ exitCode: 0 })
      expect(mocks.writes).toHaveLength(1)
    })
  })
})
