import {
  ApplicationFailure,
  CancellationScope,
  isCancellation,
  proxyActivities,
  setHandler,
  upsertSearchAttributes,
  workflowInfo,
} from '@temporalio/workflow'
import type { Activities } from '../activities/index.ts'
import { shortDigest } from '../lib/formats/artifact.ts'
import { errorCodes, exitCodes } from '../lib/formats/errors.ts'
import { versionInWords } from '../lib/formats/in-force.ts'
import { outlineOf, type PlanOutline } from '../lib/formats/plan-outline.ts'
import type { RunRecord } from '../lib/formats/records.ts'
import { openOwners } from './ask-owner.ts'
import { attributes } from './attributes.ts'
import { endSummary } from './details.ts'
import { refusalOf } from './failures.ts'
import {
  type Asked,
  approveUpdate,
  type Decision,
  progressQuery,
  type RunInput,
  type RunInputWithPlan,
  rejectUpdate,
} from './messages.ts'
import { briefly } from './options.ts'
import { enter, gatesOf, progressOf, type RunState, type Stop, show } from './run-state.ts'
import { carryOut } from './run-steps.ts'

/**
 * Carries out a plan: its steps in order, each an idempotent activity (or, for an approval, a durable wait). It interprets
 * plans and knows no pipeline; what it decides is in the history, what it moves are references.
 *
 * Ends well when all steps are done, when a gate or a person says no, and when nothing could be decided: those are results. A broken contract, a failing
 * step or a cancellation fails the workflow, with the same record in the failure's details and in the store.
 */
export async function runPipeline(given: RunInput | RunInputWithPlan): Promise<RunRecord> {
  const input: RunInput = { pipeline: 'plan' in given ? given.plan.pipeline : given.pipeline, ...given }
  const state: RunState = {
    owners: openOwners(),
    input,
    plan: { pipeline: input.pipeline, steps: [] },
    startedAt: new Date().toISOString(),
    outcomes: new Map(),
    finished: [],
    stage: 'starting',
    waitingFor: null,
    waits: null,
    judgements: new Map(),
    gates: new Map(),
    model: null,
    rolloutId: null,
    rollout: null,
    decision: undefined,
  }
  setHandler(progressQuery, () => progressOf(state))
  const decide = (approved: boolean) => (decision: Decision) => {
    state.decision = { ...decision, approved }
  }
  setHandler(approveUpdate, decide(true), {
    validator: (decision: Decision) => requireCurrent(state, decision),
  })
  setHandler(rejectUpdate, decide(false), { validator: (_: Decision) => void requireWaiting(state) })
  upsertSearchAttributes([
    { key: attributes.pipeline, value: input.pipeline },
    ...(input.origin.commit === undefined ? [] : [{ key: attributes.commit, value: input.origin.commit }]),
  ])

  let stop: Stop | undefined
  try {
    state.plan = 'plan' in given ? outlineOf(given.plan) : await readOutline(input.planDigest)
    for (const step of state.plan.steps) {
      enter(state, step.id)
      stop = await carryOut(state, step)
      if (stop !== undefined) break
    }
  } catch (error) {
    stop = stopOf(error, state.stage)
  }
  return finish(state, stop ?? { status: 'succeeded', exitCode: exitCodes.done, error: null })
}

function readOutline(plan: string): Promise<PlanOutline> {
  const { readPlan } = proxyActivities<Activities>({ ...briefly, summary: `read plan ${shortDigest(plan)}` })
  return readPlan({ plan })
}

/** Writes the record of the run and ends the workflow with it. */
async function finish(state: RunState, stop: Stop): Promise<RunRecord> {
  const { input } = state
  state.stage = stop.status
  const evaluation = state.plan.steps.filter(({ kind }) => kind === 'evaluate').at(-1)
  const record: RunRecord = {
    runId: input.runId,
    workflowId: workflowInfo().workflowId,
    pipeline: input.pipeline,
    ...stop,
    plan: { digest: input.planDigest as RunRecord['plan']['digest'] },
    steps: state.finished,
    gates: gatesOf(state),
    model: state.model,
    rollout: state.rollout,
    metrics: (state.outcomes.get(evaluation?.id ?? '')?.facts.metrics ?? {}) as Record<string, number>,
    startedAt: state.startedAt,
    finishedAt: new Date().toISOString(),
    origin: { ...input.origin },
  }
  upsertSearchAttributes([{ key: attributes.stage, value: stop.status }])
  show(state)
  const { recordRun } = proxyActivities<Activities>({ ...briefly, summary: endSummary(record).slice(0, 200) })
  await CancellationScope.nonCancellable(() => recordRun(record))
  if (stop.status !== 'failed' && stop.status !== 'cancelled') return record
  throw ApplicationFailure.create({
    type: stop.error?.code ?? 'INTERNAL',
    message: `${stop.error?.step ?? 'run'}: ${stop.error?.message ?? stop.status}`,
    nonRetryable: true,
    details: [record],
  })
}

function stopOf(error: unknown, stage: string): Stop {
  // A step that was asked to stop may go silent instead: on a busy machine its heartbeats come too late.
  if (isCancellation(error) || CancellationScope.current().consideredCancelled) {
    return {
      status: 'cancelled',
      exitCode: exitCodes.interrupted,
      error: {
        code: 'CANCELLED',
        message: `cancelled during ${stage}`,
        step: stage,
        next: 'run it again: finished steps are reused',
      },
    }
  }
  const { code, message, next, at } = refusalOf(error)
  const exitCode = errorCodes[code]
  const status = exitCode === exitCodes.inconclusive ? 'inconclusive' : 'failed'
  return { status, exitCode, error: { code, message, step: stage, next, ...at } }
}

function requireWaiting({ waitingFor, stage }: RunState): Asked {
  if (waitingFor !== null) return waitingFor
  throw ApplicationFailure.nonRetryable(`the run does not wait for an approval: it is at ${stage}`, 'USAGE')
}

/** An approval is of the evidence that was shown, against the version it was about. */
function requireCurrent(state: RunState, { against: shown }: Decision): void {
  const { against } = requireWaiting(state)
  if (shown === undefined || shown === (against?.digest ?? null)) return
  const seen = shown === null ? 'nothing' : shortDigest(shown)
  const why = `this approval is about a comparison with ${seen}; meanwhile the candidate was judged anew, against ${versionInWords(against)}`
  throw ApplicationFailure.nonRetryable(`${why}: look at it again`, 'USAGE')
}
