import { proxyActivities, upsertSearchAttributes } from '@temporalio/workflow'
import type { Activities } from '../activities/index.ts'
import { shortDigest } from '../lib/formats/artifact.ts'
import { firstOf } from '../lib/formats/brief.ts'
import { exitCodes } from '../lib/formats/errors.ts'
import { endpointOf, type StepOutline } from '../lib/formats/plan-outline.ts'
import type { GateResult } from '../lib/formats/records.ts'
import {
  allOf,
  guardedInputs,
  inputsOf,
  outputOf,
  type StepInputs,
  type StepOutcome,
  stepOf,
} from '../lib/formats/step-inputs.ts'
import { kindOf } from '../lib/formats/step-kinds/index.ts'
import { gateCounts } from '../lib/formats/step-kinds/words.ts'
import { type OrderedStep, orderOf, refOf } from '../lib/formats/step-order.ts'
import { approval } from './approval.ts'
import { asksBySignal } from './ask-owner.ts'
import { attributes } from './attributes.ts'
import { deploy } from './deploy.ts'
import { outcomeSummary } from './details.ts'
import { type Judgement, judgementOf, takeOver } from './judging.ts'
import { briefly, stepOptions } from './options.ts'
import { type RunState, type Stop, show } from './run-state.ts'

/** Carries out one step. @returns why the run ends here, if it does */
export async function carryOut(state: RunState, step: StepOutline): Promise<Stop | undefined> {
  const { input, outcomes, plan } = state
  const startedAt = Date.now()
  const inputs = inputsOf(plan, step, outcomes)
  const report = (outcome: StepOutcome, words = outcomeSummary(step.kind, outcome.facts)): void => {
    outcomes.set(step.id, outcome)
    const summary = isJudged(step) ? `${words}${whyAnew(state, step.package)}` : words
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
      return takeOver(state, step, null, carryOut, async (judgement) => {
        report(await register(state, step, inputs, judgement))
        return undefined
      })
    case 'deploy':
      return takeOver(state, step, step.endpoint, carryOut, (judgement) => deploy(state, step, judgement, report))
    case 'monitor': {
      const { endpoint } = step
      const { establishMonitor } = proxyActivities<Activities>({ ...briefly, summary: step.summary })
      await establishMonitor({
        pipeline: input.pipeline,
        run: input.runId,
        step: refOf(input, step),
        plan: input.basePlan ?? input.planDigest,
        isRetraining: input.basePlan !== undefined,
      })
      const summary = `${endpoint} is checked every ${step.everyMs / 1000} s`
      report({ stepKey: '', cached: false, outputs: [], facts: { summary } })
      return undefined
    }
    case 'batch': {
      const { name, cron, from } = step
      const { establishBatch } = proxyActivities<Activities>({ ...briefly, summary: step.summary })
      await establishBatch({ pipeline: input.pipeline, run: input.runId, step: refOf(input, step) })
      const summary = `${name}: ${cron === null ? 'when asked' : `at ${cron} UTC`}, ${from}`
      report({ stepKey: '', cached: false, outputs: [], facts: { summary } }, summary)
      return undefined
    }
    case 'guard':
    case 'gate': {
      const outcome = await (step.kind === 'gate' ? judge(state, step, inputs) : guard(state, step, inputs))
      state.gates.set(step.id, outcome.facts.gates as GateResult[])
      report(outcome)
      const { failed } = gateCounts(outcome.facts)
      upsertSearchAttributes([{ key: attributes.verdict, value: failed === 0 ? 'passed' : 'failed' }])
      if (failed === 0) return undefined
      const why = (outcome.facts.gates as GateResult[])
        .filter(({ passed }) => !passed)
        .map(({ name, evidence }) => `${name} (${evidence})`)
      const judged = [...outcomes.values()].reduce((sum, { facts }) => sum + gateCounts(facts).judged, 0)
      const message = `${failed} of ${judged} gates failed: ${firstOf(why, { by: '; ' })}`
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

const isJudged = (step: StepOutline): step is StepOutline<'gate' | 'guard' | 'approve'> =>
  step.kind === 'gate' || step.kind === 'guard' || step.kind === 'approve'

/** ` (judged anew: …)` where a package was. */
function whyAnew({ judgements }: RunState, packageId: string): string {
  const anew = judgements.get(packageId)?.anew ?? null
  return anew === null ? '' : ` (${anew})`
}

/** Has the activity of a step carry it out. */
function activityOf({ input, outcomes }: RunState, step: StepOutline, inputs: StepInputs): Promise<StepOutcome> {
  const activities = proxyActivities<Record<string, (order: OrderedStep) => Promise<StepOutcome>>>({
    ...stepOptions(step.kind),
    summary: step.summary,
  })
  const name = kindOf(step).activity?.name ?? ''
  return (activities[name] as (typeof activities)[string])(orderOf(input, step, inputs, outcomes))
}

/** Judges a candidate; where a gate compares with the champion, that one is scored on the same rows first. */
async function judge(state: RunState, step: StepOutline<'gate'>, inputs: StepInputs): Promise<StepOutcome> {
  const opponent = await opponentOf(state, step)
  if (!step.againstChampion || opponent === null) return activityOf(state, step, inputs)
  const evaluation = stepOf(state.plan, step.evaluation, 'evaluate')
  const champion = {
    ...inputsOf(state.plan, evaluation, state.outcomes),
    package: { digest: opponent, mediaType: '', size: 0 },
  }
  const outcome = await activityOf(state, evaluation, champion)
  return activityOf(state, step, { ...inputs, ...allOf('opponent', outcome) })
}

/** The digest of what a gate compares with; null for nothing. */
async function opponentOf(state: RunState, step: StepOutline<'gate'>): Promise<string | null> {
  if (asksBySignal()) return (await judgementOf(state, step.package)).inForce.opponent?.digest ?? null
  if (!step.againstChampion) return null
  const { findOpponent } = proxyActivities<Activities>({ ...briefly, summary: `find the champion of ${step.model}` })
  const candidate = outputOf(state.outcomes.get(step.package), 'package').digest
  return findOpponent({ model: step.model, candidate })
}

/** Compares a candidate with what its endpoint serves. */
async function guard(state: RunState, step: StepOutline<'guard'>, inputs: StepInputs): Promise<StepOutcome> {
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
    inputs: { ...inputs, ...guardedInputs(artifacts) },
    alpha: spent,
  })
}

/** What a guard compares with that was judged together with the gates: what was in force, unless that is the candidate. */
function comparedBy({ inForce }: Judgement, state: RunState, packageId: string): string | null {
  const { digest } = outputOf(state.outcomes.get(packageId), 'package')
  return inForce.champion === null || inForce.champion.digest === digest ? null : inForce.champion.digest
}

/** Registers the package. Without a rollout in the plan, passing the gates is what makes a champion. */
async function register(
  state: RunState,
  step: StepOutline<'register'>,
  inputs: StepInputs,
  { inForce }: Judgement,
): Promise<StepOutcome> {
  const { plan, input } = state
  const { digest } = inputs.package as StepInputs[string]
  const find = (kind: 'evaluate' | 'gate') =>
    plan.steps.filter((each) => each.kind === kind && each.package === step.package).at(-1)?.id ?? ''
  const [evaluation, gates] = [state.outcomes.get(find('evaluate')), state.outcomes.get(find('gate'))]
  const order = {
    promote: endpointOf(plan, step.package) === null,
    expect: inForce.champion,
    version: {
      digest,
      run: input.runId,
      registeredAt: new Date().toISOString(),
      evaluation: evaluation === undefined ? null : outputOf(evaluation, 'evaluation'),
      gates: gates === undefined ? null : outputOf(gates, 'gates'),
      metrics: (evaluation?.facts.metrics ?? {}) as Record<string, number>,
      against: inForce.opponent?.digest ?? null,
    },
  }
  const { version, champion, registered } = await state.owners.register(step.model, order, step.summary)
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
