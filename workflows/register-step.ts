import { upsertSearchAttributes } from '@temporalio/workflow'
import { shortDigest } from '../lib/formats/artifact.ts'
import { endpointOf, type StepOutline } from '../lib/formats/plan-outline.ts'
import { outputOf, type StepInputs, type StepOutcome } from '../lib/formats/step-inputs.ts'
import { attributes } from './attributes.ts'
import type { Judgement } from './judging.ts'
import { mirrored, tellRegistered } from './mirror-step.ts'
import { judgedBy, type RunState } from './run-state.ts'

/** Registers the package. Without a rollout in the plan, passing the gates is what makes a champion. */
export async function register(
  state: RunState,
  step: StepOutline<'register'>,
  inputs: StepInputs,
  { inForce }: Judgement,
): Promise<StepOutcome> {
  const { plan, input } = state
  const { digest } = inputs.package as StepInputs[string]
  const { evaluation, gates } = judgedBy(state, step.package)
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
  state.models.set(step.package, { name: step.model, version, digest, champion: champion === version })
  if (mirrored(state, step.package) !== undefined) await tellRegistered(state, step, version)
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
