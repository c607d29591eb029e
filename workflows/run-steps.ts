import { condition, proxyActivities, upsertSearchAttributes } from '@temporalio/workflow'
import type { Activities } from '../activities/index.ts'
import { shortDigest } from '../pipelines/artifact.ts'
import { exitCodes } from '../pipelines/errors.ts'
import type { Step, StepOf } from '../pipelines/plan.ts'
import type { GateResult } from '../pipelines/records.ts'
import {
  evaluationInputs,
  guardedInputs,
  inputsOf,
  outputOf,
  type StepInputs,
  type StepOutcome,
  stepOf,
} from '../pipelines/step-inputs.ts'
import { attributes } from './attributes.ts'
import { deploy } from './deploy.ts'
import { outcomeSummary, stepSummary } from './details.ts'
import { briefly, registration, stepOptions } from './options.ts'
import { type RunState, type Stop, show } from './run-state.ts'

/** Carries out one step. @returns why the run ends here, if it does */
export async function carryOut(state: RunState, step: Step): Promise<Stop | undefined> {
  const { input, outcomes } = state
  const startedAt = Date.now()
  const inputs = inputsOf(input.plan, step, outcomes)
  const report = (outcome: StepOutcome, summary = outcomeSummary(step.kind, outcome.facts)): void => {
    outcomes.set(step.id, outcome)
    const { stepKey, cached, outputs } = outcome
    state.finished.push({
      name: step.id,
      kind: step.kind,
      cached,
      stepKey,
      seconds: (Date.now() - startedAt) / 1000,
      summary,
      outputs: [...outputs],
    })
    show(state)
  }
  switch (step.kind) {
    case 'approve':
      return approval(state, step, report)
    case 'register':
      report(await register(state, step, inputs))
      return undefined
    case 'deploy':
      return deploy(state, step, report)
    case 'monitor': {
      const { endpoint } = step
      const { establishMonitor } = proxyActivities<Activities>({ ...briefly, summary: stepSummary(step).slice(0, 200) })
      await establishMonitor({
        pipeline: input.plan.pipeline,
        run: input.runId,
        step,
        plan: input.basePlan ?? input.planDigest,
        isRetraining: input.basePlan !== undefined,
      })
      const summary = `${endpoint} is checked every ${step.policy.everyMs / 1000} s`
      report({ stepKey: '', cached: false, outputs: [], facts: { summary } })
      return undefined
    }
    case 'batch': {
      const { name, policy } = step
      const { establishBatch } = proxyActivities<Activities>({ ...briefly, summary: stepSummary(step).slice(0, 200) })
      await establishBatch({ pipeline: input.plan.pipeline, run: input.runId, step })
      const summary = `${name}: ${policy.cron === null ? 'when asked' : `at ${policy.cron} UTC`}, ${policy.from}`
      report({ stepKey: '', cached: false, outputs: [], facts: { summary } }, summary)
      return undefined
    }
    case 'guard':
    case 'gate': {
      const outcome = await (step.kind === 'gate' ? judge(state, step, inputs) : guard(state, step, inputs))
      state.gates = [...state.gates, ...(outcome.facts.gates as GateResult[])]
      report(outcome)
      const failed = (outcome.facts.gates as GateResult[]).filter(({ passed }) => !passed)
      upsertSearchAttributes([{ key: attributes.verdict, value: failed.length === 0 ? 'passed' : 'failed' }])
      if (failed.length === 0) return undefined
      const message = `${failed.length} of ${state.gates.length} gates failed: ${failed.map(({ name, evidence }) => `${name} (${evidence})`).join('; ')}`
      return {
        status: 'gate failed',
        exitCode: exitCodes.gateFailed,
        error: {
          code: 'GATE_FAILED',
          message,
          step: step.id,
          next: 'the champion stays; improve the candidate, or change the gate in the definition',
        },
      }
    }
    default:
      report(await activityOf(state, step, inputs))
      return undefined
  }
}

/** The activity of a step. */
function activityOf(
  state: RunState,
  step: Exclude<Step, { kind: 'approve' | 'register' | 'deploy' | 'monitor' | 'guard' | 'batch' }>,
  inputs: StepInputs,
): Promise<StepOutcome> {
  const { plan, runId, sources, snapshots } = state.input
  const activities = proxyActivities<Activities>({
    ...stepOptions[step.kind],
    summary: stepSummary(step).slice(0, 200),
  })
  const run = runId
  switch (step.kind) {
    case 'snapshot':
      return activities.snapshotSource({ run, step, inputs, source: sources[step.id] ?? '', use: snapshots[step.id] })
    case 'validate':
      return activities.validateTable({ run, step, inputs })
    case 'split':
      return activities.splitIntoParts({ run, step, inputs })
    case 'train':
      return activities.trainModel({ run, step, inputs, model: plan.pipeline })
    case 'package': {
      const train = stepOf(plan, step.model, 'train')
      return activities.packageModel({
        run,
        step,
        inputs,
        train,
        trainKey: state.outcomes.get(train.id)?.stepKey ?? '',
        model: plan.pipeline,
      })
    }
    case 'evaluate':
      return activities.evaluatePackage({ run, step, inputs })
    case 'gate':
      return activities.judgeCandidate({ run, step, inputs })
  }
}

/** Judges a candidate; where a gate compares with the champion, that one is scored on the same rows first. */
async function judge(state: RunState, step: StepOf<'gate'>, inputs: StepInputs): Promise<StepOutcome> {
  if (!step.must.some(({ rule }) => rule === 'notWorseThan')) return activityOf(state, step, inputs)
  const { findOpponent } = proxyActivities<Activities>({ ...briefly, summary: `find the champion of ${step.model}` })
  const opponent = await findOpponent({
    model: step.model,
    candidate: outputOf(state.outcomes.get(step.package), 'package').digest,
  })
  if (opponent === null) return activityOf(state, step, inputs)
  const evaluation = stepOf(state.input.plan, step.evaluation, 'evaluate')
  const champion = {
    ...inputsOf(state.input.plan, evaluation, state.outcomes),
    package: { digest: opponent, mediaType: '', size: 0 },
  }
  const outcome = await activityOf(state, evaluation, champion)
  return activityOf(state, step, { ...inputs, ...evaluationInputs('opponent', outcome) })
}

/** Compares a candidate with what its endpoint serves. */
async function guard(state: RunState, step: StepOf<'guard'>, inputs: StepInputs): Promise<StepOutcome> {
  const { plan, runId, basePlan } = state.input
  const { endpoint, alpha } = step
  const { findGuarded } = proxyActivities<Activities>({ ...stepOptions.guard, summary: `what ${endpoint} serves` })
  const found = await findGuarded({
    endpoint,
    candidate: outputOf(state.outcomes.get(step.package), 'package').digest,
    plan,
    alpha,
    isRetraining: basePlan !== undefined,
  })
  if (found === null) return { stepKey: '', cached: true, outputs: [], facts: { gates: [] } }
  const { alpha: spent, ...artifacts } = found
  const { guardCandidate } = proxyActivities<Activities>({
    ...stepOptions.guard,
    summary: stepSummary(step).slice(0, 200),
  })
  return guardCandidate({ run: runId, step, inputs: { ...inputs, ...guardedInputs(artifacts) }, alpha: spent })
}

/** Waits for a person, for as long as the definition allows. */
async function approval(
  state: RunState,
  step: StepOf<'approve'>,
  report: (outcome: StepOutcome, summary: string) => void,
): Promise<Stop | undefined> {
  state.decision = undefined
  state.waitingFor = { role: step.role, until: new Date(Date.now() + step.withinMs).toISOString() }
  upsertSearchAttributes([{ key: attributes.stage, value: 'waiting for approval' }])
  show(state)
  await condition(() => state.decision !== undefined, step.withinMs)
  const decision = state.decision as RunState['decision']
  state.waitingFor = null
  const approved = decision?.approved ?? step.otherwise === 'approve'
  const by =
    decision === undefined
      ? `nobody decided in time, so it was ${approved ? 'approved' : 'rejected'}`
      : `${approved ? 'approved' : 'rejected'} by ${decision.by}: ${decision.reason}`
  report({ stepKey: '', cached: false, outputs: [], facts: {} }, by)
  if (approved) return undefined
  const code = decision === undefined ? 'APPROVAL_EXPIRED' : 'REJECTED'
  return {
    status: 'rejected',
    exitCode: exitCodes.rejected,
    error: { code, message: by, step: step.id, next: 'the champion stays' },
  }
}

/** Registers the package. Without a rollout in the plan, passing the gates is what makes a champion. */
async function register(state: RunState, step: StepOf<'register'>, inputs: StepInputs): Promise<StepOutcome> {
  const { plan, runId } = state.input
  const { digest } = inputs.package as StepInputs[string]
  const find = (kind: 'evaluate' | 'gate') =>
    plan.steps.filter((each) => each.kind === kind && each.package === step.package).at(-1)?.id ?? ''
  const [evaluation, gates] = [state.outcomes.get(find('evaluate')), state.outcomes.get(find('gate'))]
  const { requestRegistration } = proxyActivities<Activities>({ ...registration, summary: stepSummary(step) })
  const { version, champion, registered } = await requestRegistration({
    model: step.model,
    promote: !plan.steps.some((each) => each.kind === 'deploy' && each.package === step.package),
    version: {
      digest,
      run: runId,
      registeredAt: new Date().toISOString(),
      evaluation: evaluation === undefined ? null : outputOf(evaluation, 'evaluation'),
      gates: gates === undefined ? null : outputOf(gates, 'gates'),
      metrics: (evaluation?.facts.metrics ?? {}) as Record<string, number>,
    },
  })
  state.model = { name: step.model, version, digest, champion: champion === version }
  upsertSearchAttributes([{ key: attributes.model, value: `${step.model}@${version}` }])
  const standing =
    champion === version ? 'champion' : champion === null ? 'no champion yet' : `the champion is version ${champion}`
  return {
    stepKey: '',
    cached: !registered,
    outputs: [],
    facts: { summary: `${step.model} version ${version} (${shortDigest(digest)}), ${standing}` },
  }
}
