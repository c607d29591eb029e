import { proxyActivities, upsertSearchAttributes } from '@temporalio/workflow'
import type { Activities } from '../activities/index.ts'
import { firstOf } from '../lib/formats/brief.ts'
import { exitCodes } from '../lib/formats/errors.ts'
import type { StepOutline } from '../lib/formats/plan-outline.ts'
import type { GateResult } from '../lib/formats/records.ts'
import {
  allOf,
  comparedInputs,
  inputsOf,
  outputOf,
  type StepInputs,
  type StepOutcome,
  stepOf,
} from '../lib/formats/step-inputs.ts'
import { gateCounts } from '../lib/formats/step-kinds/words.ts'
import { refOf } from '../lib/formats/step-order.ts'
import { asksBySignal } from './ask-owner.ts'
import { attributes } from './attributes.ts'
import { isJudged, type Judgement, judgementOf } from './judging.ts'
import type { Stop } from './messages.ts'
import { briefly, stepOptions } from './options.ts'
import type { RunState } from './run-state.ts'
import { activityOf } from './step-activity.ts'

/**
 * Judges a candidate by a gate, or by the never-worse gate.
 * @returns why nothing that follows from it may happen, if so
 */
export async function judgeStep(
  state: RunState,
  step: StepOutline<'gate' | 'guard'>,
  inputs: StepInputs,
  report: (outcome: StepOutcome) => void,
): Promise<Stop | undefined> {
  const outcome = await (step.kind === 'gate' ? judge(state, step, inputs) : judgeNeverWorse(state, step, inputs))
  const results = outcome.facts.gates as GateResult[]
  state.gates.set(step.id, results)
  report(outcome)
  const { failed } = gateCounts(outcome.facts)
  upsertSearchAttributes([{ key: attributes.verdict, value: failed === 0 ? 'passed' : 'failed' }])
  if (failed === 0) return undefined
  const why = results.filter(({ passed }) => !passed).map(({ name, evidence }) => `${name} (${evidence})`)
  return {
    status: 'gate failed',
    exitCode: exitCodes.gateFailed,
    error: {
      code: 'GATE_FAILED',
      message: `${failed} of ${judgedOf(state, step.package)} gates failed: ${firstOf(why, { by: '; ' })}`,
      step: step.id,
      next: 'the champion stays; improve the candidate, or change the gate in the definition',
    },
  }
}

/** How many gates a package was judged by so far. */
function judgedOf({ plan, outcomes }: RunState, packageId: string): number {
  const steps = plan.steps.filter((step) => isJudged(step) && step.package === packageId)
  return steps.reduce((sum, { id }) => sum + gateCounts(outcomes.get(id)?.facts ?? {}).judged, 0)
}

/** Judges a candidate; where a gate compares with the champion, that one is scored on the same rows first. */
async function judge(state: RunState, step: StepOutline<'gate'>, inputs: StepInputs): Promise<StepOutcome> {
  const baseline = await baselineOf(state, step)
  if (!step.againstChampion || baseline === null) return activityOf(state, step, inputs)
  const evaluation = stepOf(state.plan, step.evaluation, 'evaluate')
  const champion = {
    ...inputsOf(state.plan, evaluation, state.outcomes),
    package: { digest: baseline, mediaType: '', size: 0 },
  }
  const outcome = await activityOf(state, evaluation, champion)
  return activityOf(state, step, { ...inputs, ...allOf('opponent', outcome) })
}

/** The digest of what a gate compares with; null for nothing. */
async function baselineOf(state: RunState, step: StepOutline<'gate'>): Promise<string | null> {
  if (asksBySignal()) return (await judgementOf(state, step.package)).inForce.opponent?.digest ?? null
  if (!step.againstChampion) return null
  const { findOpponent } = proxyActivities<Activities>({ ...briefly, summary: `find the champion of ${step.model}` })
  const candidate = outputOf(state.outcomes.get(step.package), 'package').digest
  return findOpponent({ model: step.model, candidate })
}

/** Compares a candidate with what its endpoint serves. */
async function judgeNeverWorse(state: RunState, step: StepOutline<'guard'>, inputs: StepInputs): Promise<StepOutcome> {
  const { planDigest, runId, basePlan } = state.input
  const { endpoint, alpha } = step
  const judgement = asksBySignal() ? await judgementOf(state, step.package) : undefined
  const { findGuarded } = proxyActivities<Activities>({ ...stepOptions('guard'), summary: `what ${endpoint} serves` })
  const found = await findGuarded({
    endpoint,
    candidate: outputOf(state.outcomes.get(step.package), 'package').digest,
    plan: planDigest,
    alpha,
    isRetraining: basePlan !== undefined,
    split: step.split,
  })
  // What it would compare with is not what the gates did: the candidate will be judged again, as a whole.
  if (judgement?.endpoint === endpoint && (found?.champion ?? null) !== comparedBy(judgement, state, step.package))
    judgement.isStale = true
  if (found === null || judgement?.isStale === true)
    return { stepKey: '', cached: true, outputs: [], facts: { gates: [] } }
  const { alpha: spent, ...artifacts } = found
  const { guardCandidate } = proxyActivities<Activities>({
    ...stepOptions('guard'),
    summary: step.summary,
  })
  return guardCandidate({
    run: runId,
    step: refOf(state.input, step),
    inputs: { ...inputs, ...comparedInputs(artifacts) },
    alpha: spent,
  })
}

/**
 * What a never-worse gate compares with that was judged together with the gates: what was in force, unless that is the
 * candidate.
 */
function comparedBy({ inForce }: Judgement, state: RunState, packageId: string): string | null {
  const { digest } = outputOf(state.outcomes.get(packageId), 'package')
  return inForce.champion === null || inForce.champion.digest === digest ? null : inForce.champion.digest
}
