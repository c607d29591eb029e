import { defaultPayloadConverter, type Payload, WorkflowNotFoundError } from '@temporalio/common'
import { SlipwayError } from '../lib/formats/errors.ts'
import { graphOf } from '../lib/formats/plan-graph.ts'
import { outlineOf } from '../lib/formats/plan-outline.ts'
import type { RunRecord, StepFailure, StepReport } from '../lib/formats/records.ts'
import { getPlan } from '../lib/store/plans.ts'
import { listRuns, readWholeRun, withBranches } from '../lib/store/runs.ts'
import { readStepRecord } from '../lib/store/steps.ts'
import { progressQuery, type RunInput, type RunProgress, runWorkflowId } from '../workflows/messages.ts'
import type { ClientContext } from './context.ts'
import { reasonItRan } from './forecast.ts'
import { pipelineOf } from './going-runs.ts'
import { inTime } from './in-time.ts'

/** A step of a run, as it stands. */
export interface GraphStep {
  readonly id: string
  readonly kind: string
  /** Steps that must be done before it begins. */
  readonly needs: readonly string[]
  /** `unknown` while no worker answers. */
  readonly state: 'reused' | 'done' | 'failed' | 'running' | 'waiting' | 'not begun' | 'unknown'
  /** What it is about to do or made, in a line. */
  readonly summary: string
  readonly seconds: number | null
  /** Why it was reused or ran, what it does now, why it failed or never began; empty for what is yet to come. */
  readonly reason: string
  /** The text that its program printed, by its digest or the first digits of it; null where none was kept. */
  readonly log: string | null
}

/** A run as a graph, whether it has ended or goes on. */
export interface RunGraph {
  readonly runId: string
  readonly pipeline: string
  /** `running` while it goes on. */
  readonly status: RunRecord['status'] | 'running'
  readonly steps: readonly GraphStep[]
  /** What it waits for, in words; null for nothing. */
  readonly waits: string | null
  readonly rollout: string | null
}

/**
 * A run as a graph: `show <run> --graph`.
 * @throws SlipwayError NOT_FOUND; where it goes on and Temporal is away, TEMPORAL_UNREACHABLE
 */
export async function readRunGraph(context: ClientContext, runId: string): Promise<RunGraph> {
  const record = await readWholeRun(context.store, runId)
  return record === undefined ? graphOfGoing(context, runId) : graphOfEnded(context, record)
}

/** Graphs of runs that ended, which change no more: pages ask again and again. */
const kept = 32
const ended = new Map<string, Promise<RunGraph>>()

function graphOfEnded(context: ClientContext, record: RunRecord): Promise<RunGraph> {
  const known = ended.get(record.runId)
  if (known !== undefined) return known
  const graph = readEnded(context, record)
  graph.catch(() => ended.delete(record.runId))
  ended.set(record.runId, graph)
  for (const oldest of ended.keys()) if (ended.size > kept) ended.delete(oldest)
  return graph
}

async function readEnded(context: ClientContext, record: RunRecord): Promise<RunGraph> {
  const reports = new Map(record.steps.map((step) => [step.name, step]))
  const { error } = record
  const failures = new Map<string, Pick<StepFailure, 'message' | 'log'>>()
  if (error?.step != null) failures.set(error.step, error)
  for (const failure of record.failures ?? []) failures.set(failure.step, failure)
  const lost = new Map((record.notBegun ?? []).map(({ name, because }) => [name, because]))
  const shape = await shapeOf(context, record.plan.digest)
  const reasons = await reasonsOf(context, record.pipeline, record)
  return {
    runId: record.runId,
    pipeline: record.pipeline,
    status: record.status,
    steps: shape.map((step): GraphStep => {
      const report = reports.get(step.id)
      const failure = failures.get(step.id)
      if (failure !== undefined)
        return { ...step, ...known(report), state: 'failed', reason: failure.message, log: failure.log ?? null }
      if (report !== undefined)
        return { ...step, ...known(report), state: doneAs(report), reason: reasons.get(step.id) ?? '' }
      const because = lost.get(step.id)
      return {
        ...step,
        ...known(),
        state: 'not begun',
        reason: because == null ? 'the run was over before' : `needs ${because}`,
      }
    }),
    waits: null,
    rollout: record.rollout?.id ?? null,
  }
}

async function graphOfGoing(context: ClientContext, runId: string): Promise<RunGraph> {
  const { client } = await context.temporal()
  const handle = client.workflow.getHandle(runWorkflowId(runId))
  const input = await inputOf(context, runId)
  const [shape, progress, status] = await Promise.all([
    shapeOf(context, input.planDigest),
    inTime(handle.query(progressQuery), context.answersWithin),
    handle.describe().then((description) => description.status.name),
  ])
  const finished = new Map((progress?.finished ?? []).map((step) => [step.name, step]))
  const reasons = await reasonsOf(context, input.pipeline, { runId, steps: progress?.finished ?? [] })
  const { running = {}, waitingFor = null } = progress ?? {}
  return {
    runId,
    pipeline: input.pipeline,
    status: status === 'RUNNING' ? 'running' : 'failed',
    steps: shape.map((step): GraphStep => {
      const report = finished.get(step.id)
      if (report !== undefined)
        return { ...step, ...known(report), state: doneAs(report), reason: reasons.get(step.id) ?? '' }
      if (progress === null) return { ...step, ...known(), state: 'unknown', reason: '' }
      const doing = running[step.id]
      if (doing === undefined) return { ...step, ...known(), state: 'waiting', reason: '' }
      return { ...step, ...known(), state: 'running', reason: doing === step.id ? '' : doing }
    }),
    waits:
      progress === null ? 'no worker answers: it goes on when one does' : inWords(waitingFor, progress.waits ?? null),
    rollout: progress?.rollout ?? null,
  }
}

const inWords = (asked: RunProgress['waitingFor'], waits: string | null): string | null =>
  asked === null ? waits : `waits for ${asked.role} until ${asked.until}`

const doneAs = ({ cached }: StepReport): 'reused' | 'done' => (cached ? 'reused' : 'done')

const known = (report?: StepReport): Pick<GraphStep, 'seconds' | 'log'> & { summary?: string } => ({
  seconds: report === undefined || report.cached ? null : report.seconds,
  log: report?.outputs.find(({ name }) => name === 'log')?.digest ?? null,
  ...(report !== undefined && { summary: report.summary }),
})

/** The steps of a plan, with what they need. */
async function shapeOf(
  { store }: ClientContext,
  plan: string,
): Promise<Pick<GraphStep, 'id' | 'kind' | 'needs' | 'summary'>[]> {
  const outline = outlineOf(await getPlan(store, plan))
  const needs = new Map(graphOf(outline).map((node) => [node.id, node.needs]))
  return outline.steps.map(({ id, kind, summary }) => ({ id, kind, summary, needs: needs.get(id) ?? [] }))
}

/** Why each step ran or was reused, beside the run before. */
async function reasonsOf(
  { store }: ClientContext,
  pipeline: string,
  run: { readonly runId: string; readonly steps: readonly StepReport[]; readonly startedAt?: string },
): Promise<ReadonlyMap<string, string>> {
  const { startedAt } = run
  const earlier = await listRuns(store, pipeline, startedAt === undefined ? 1 : 50)
  const found = earlier.find(
    (each) => each.runId !== run.runId && (startedAt === undefined || each.startedAt < startedAt),
  )
  const before = found && (await withBranches(store, found))
  const reasons = await Promise.all(
    run.steps.map(async ({ name, cached, stepKey }) => {
      if (stepKey === '') return ''
      if (cached) return `nothing it depends on differs from run ${(await readStepRecord(store, stepKey))?.run}`
      return reasonItRan(store, before?.steps.find((step) => step.name === name)?.stepKey, stepKey)
    }),
  )
  return new Map(run.steps.map(({ name }, i) => [name, reasons[i] ?? '']))
}

const inputs = new Map<string, RunInput>()

/** What a run was started with: the first event of its history. */
async function inputOf({ temporal }: ClientContext, runId: string): Promise<RunInput> {
  const known = inputs.get(runId)
  if (known !== undefined) return known
  const { client } = await temporal()
  try {
    const { history } = await client.workflowService.getWorkflowExecutionHistory({
      namespace: client.options.namespace,
      execution: { workflowId: runWorkflowId(runId) },
      maximumPageSize: 1,
    })
    const payload = history?.events?.[0]?.workflowExecutionStartedEventAttributes?.input?.payloads?.[0]
    const input = defaultPayloadConverter.fromPayload<RunInput>(payload as Payload)
    inputs.set(runId, { ...input, pipeline: input.pipeline ?? pipelineOf(runId) })
    return inputs.get(runId) as RunInput
  } catch (error) {
    const isMissing = error instanceof WorkflowNotFoundError || (error as { code?: number }).code === 5
    if (!isMissing) throw error
    throw new SlipwayError('NOT_FOUND', `there is no run ${runId}`, { next: 'see `slipway runs`' })
  }
}
