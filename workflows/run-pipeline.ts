import {
  ApplicationFailure,
  CancellationScope,
  patched,
  proxyActivities,
  setHandler,
  upsertSearchAttributes,
  workflowInfo,
} from '@temporalio/workflow'
import type { Activities } from '../activities/index.ts'
import { shortDigest } from '../lib/formats/artifact.ts'
import { firstOf } from '../lib/formats/brief.ts'
import { versionInWords } from '../lib/formats/in-force.ts'
import { outlineOf, type PlanOutline, usualParallel } from '../lib/formats/plan-outline.ts'
import type { BranchReport, RunRecord } from '../lib/formats/records.ts'
import { branchOf } from '../lib/formats/step-id.ts'
import { attributes } from './attributes.ts'
import { endSummary } from './details.ts'
import {
  type Asked,
  approveUpdate,
  type Decision,
  progressQuery,
  type RunInput,
  type RunInputWithPlan,
  rejectUpdate,
  type Stop,
} from './messages.ts'
import { briefly } from './options.ts'
import { branchReports, cancelled, done, failureOfStep, failureWith, mergeReports, stopOf } from './run-end.ts'
import { type GraphEnd, startGraph } from './run-graph.ts'
import { enter, gatesOf, modelOf, progressOf, type RunState, show, stageOf, startState } from './run-state.ts'
import { carryOut } from './run-steps.ts'

/**
 * Carries out a plan: a graph of steps, each an idempotent activity (or, for an approval, a durable wait). It
 * interprets plans and knows no pipeline; what it decides is in the history, what it moves are references. Ends well
 * when all steps are done, when a gate or a person says no, and when nothing could be decided: those are results. A
 * broken contract, a failing step or a cancellation fails the workflow, with the same record in the failure's details
 * and in the store.
 */
export async function runPipeline(given: RunInput | RunInputWithPlan): Promise<RunRecord> {
  const input: RunInput = { pipeline: 'plan' in given ? given.plan.pipeline : given.pipeline, ...given }
  const state = startState(input)
  setHandler(progressQuery, () => progressOf(state))
  const decide = (approved: boolean) => (decision: Decision) => {
    state.decision = { ...decision, approved }
  }
  setHandler(approveUpdate, decide(true), {
    validator: (decision: Decision) => requireCurrent(state, decision),
  })
  setHandler(rejectUpdate, decide(false), {
    validator: (decision: Decision) => void requireWaiting(state, decision),
  })
  upsertSearchAttributes([
    { key: attributes.pipeline, value: input.pipeline },
    ...(input.origin.commit === undefined ? [] : [{ key: attributes.commit, value: input.origin.commit }]),
  ])
  // Where the present version began to carry plans out as graphs; runs that 0.8 and before began go on in single file.
  const isGraph = patched('plans-are-graphs')
  try {
    state.plan = 'plan' in given ? outlineOf(given.plan) : await readOutline(input.planDigest)
    const end = isGraph ? await startGraph(state, state.plan.parallel ?? usualParallel).end : await singleFile(state)
    return await finish(state, end)
  } catch (error) {
    if (state.ended !== null) throw error
    return finish(state, { failures: new Map([['', stopOf(error, stageOf(state))]]), notBegun: [] })
  }
}

/** Carries out the steps in their order, up to the first that fails. */
async function singleFile(state: RunState): Promise<GraphEnd> {
  for (const { id } of state.plan.steps) {
    const stop = await stepInLine(state, id)
    if (stop !== undefined) return { failures: new Map([[id, stop]]), notBegun: [] }
  }
  return { failures: new Map(), notBegun: [] }
}

async function stepInLine(state: RunState, id: string): Promise<Stop | undefined> {
  enter(state, id)
  try {
    return await carryOut(state, state.plan.steps.find((step) => step.id === id) as PlanOutline['steps'][number])
  } catch (error) {
    return stopOf(error, state.doing.get(id) ?? id)
  } finally {
    state.doing.delete(id)
  }
}

function readOutline(plan: string): Promise<PlanOutline> {
  const { readPlan } = proxyActivities<Activities>({ ...briefly, summary: `read plan ${shortDigest(plan)}` })
  return readPlan({ plan })
}

/** Writes the record of the run and ends the workflow with it. */
async function finish(state: RunState, end: GraphEnd): Promise<RunRecord> {
  const { input } = state
  const stop = wholeStop(state, end)
  state.ended = stop.status
  const record: RunRecord = {
    runId: input.runId,
    workflowId: workflowInfo().workflowId,
    pipeline: input.pipeline,
    ...stop,
    plan: { digest: input.planDigest as RunRecord['plan']['digest'] },
    steps: state.finished,
    gates: gatesOf(state),
    model: modelOf(state),
    rollout: state.rollout,
    metrics: metricsOf(state),
    ...moreOf(state, end),
    startedAt: state.startedAt,
    finishedAt: new Date().toISOString(),
    origin: { ...input.origin },
  }
  upsertSearchAttributes([{ key: attributes.stage, value: stop.status }])
  show(state)
  const { recordRun } = proxyActivities<Activities>({ ...briefly, summary: endSummary(record).slice(0, 200) })
  await CancellationScope.nonCancellable(() => recordRun(record))
  if (stop.status !== 'failed' && stop.status !== 'cancelled') return record
  throw failureWith(stop, record)
}

/** How a run ends: by its first failure in the order of the plan, which names the branches that failed. */
function wholeStop(state: RunState, { failures, notBegun }: GraphEnd): Stop {
  const [first] = failures.values()
  const isCancelled = CancellationScope.current().consideredCancelled
  if (isCancelled && first?.status !== 'cancelled') return cancelled(notBegun[0]?.id ?? stageOf(state))
  if (first?.error == null) return first ?? done
  const failed = branchesOf(state, { failures, notBegun }).filter(({ status }) => status !== 'succeeded')
  if (failed.length < 2) return first
  const names = firstOf(failed.map(({ name }) => name))
  return { ...first, error: { ...first.error, message: `${first.error.message} (branches that failed: ${names})` } }
}

function branchesOf(state: RunState, { failures, notBegun }: GraphEnd): BranchReport[] {
  const own = branchReports(state, failures, new Set(notBegun.map(({ id }) => id)))
  return mergeReports(
    [...state.branches, ...own],
    (state.plan.groups ?? []).flatMap(({ branches }) => branches),
  )
}

/** What there is to say of plans with branches, and of runs in which steps failed or were not begun. */
function moreOf(state: RunState, end: GraphEnd): Pick<RunRecord, 'failures' | 'notBegun' | 'branches' | 'groups'> {
  const branches = branchesOf(state, end)
  const failures = [...end.failures].map(([step, stop]) => failureOfStep(step, stop))
  const notBegun = end.notBegun.map(({ id, because }) => ({ name: id, because }))
  return {
    ...(failures.length > 1 && { failures }),
    ...(notBegun.length > 0 && { notBegun }),
    ...(branches.length > 0 && { branches }),
    ...(state.plan.groups !== undefined && { groups: state.plan.groups.length }),
  }
}

/** The metrics of the last evaluation; models of branches have their own. */
function metricsOf({ plan, outcomes }: RunState): Record<string, number> {
  const evaluation = plan.steps.filter(({ id, kind }) => kind === 'evaluate' && branchOf(id) === '').at(-1)
  return (outcomes.get(evaluation?.id ?? '')?.facts.metrics ?? {}) as Record<string, number>
}

/** A decision is about the question that was shown. */
function requireWaiting(state: RunState, { step }: Decision): Asked {
  const { waitingFor } = state
  if (waitingFor === null)
    throw ApplicationFailure.nonRetryable(`the run does not wait for an approval: it is at ${stageOf(state)}`, 'USAGE')
  if (step === undefined || step === waitingFor.step) return waitingFor
  throw ApplicationFailure.nonRetryable(`the run asks about ${waitingFor.step} now, not about ${step}`, 'USAGE')
}

/** An approval is of the evidence that was shown, against the version it was about. */
function requireCurrent(state: RunState, decision: Decision): void {
  const { against } = requireWaiting(state, decision)
  const { against: shown } = decision
  if (shown === undefined || shown === (against?.digest ?? null)) return
  const seen = shown === null ? 'nothing' : shortDigest(shown)
  const why = `this approval is about a comparison with ${seen}; meanwhile the candidate was judged anew, against ${versionInWords(against)}`
  throw ApplicationFailure.nonRetryable(`${why}: look at it again`, 'USAGE')
}
