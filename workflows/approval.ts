import { condition, upsertSearchAttributes } from '@temporalio/workflow'
import { exitCodes } from '../lib/formats/errors.ts'
import type { StepOutline } from '../lib/formats/plan-outline.ts'
import type { StepOutcome } from '../lib/formats/step-inputs.ts'
import { asksBySignal } from './ask-owner.ts'
import { attributes } from './attributes.ts'
import { judgementOf } from './judging.ts'
import { claimant, type Stop } from './messages.ts'
import { type RunState, show } from './run-state.ts'

/**
 * Waits for a person, for as long as the definition allows. What is approved is the evidence there is, against what is
 * in force.
 */
export async function approval(
  state: RunState,
  step: StepOutline<'approve'>,
  report: (outcome: StepOutcome, summary: string) => void,
): Promise<Stop | undefined> {
  const { role, withinMs, otherwise } = step
  const judgement = asksBySignal() ? await judgementOf(state, step.package) : undefined
  // One question at a time: others of the run wait for their turn, and so does the time they give.
  while (state.waitingFor !== null) await condition(() => state.waitingFor === null)
  state.decision = undefined
  state.waitingFor = {
    role,
    step: step.id,
    until: new Date(Date.now() + withinMs).toISOString(),
    ...(judgement === undefined ? {} : { against: judgement.inForce.champion, anew: judgement.anew }),
  }
  upsertSearchAttributes([{ key: attributes.stage, value: 'waiting for approval' }])
  show(state)
  await condition(() => state.decision !== undefined, withinMs)
  const decision = state.decision as RunState['decision']
  state.waitingFor = null
  const approved = decision?.approved ?? otherwise === 'approve'
  const verdict = approved ? 'approved' : 'rejected'
  const words =
    decision === undefined
      ? `nobody decided in time, so it was ${verdict}`
      : `${verdict} by ${claimant(decision, role)}: ${decision.reason}`
  report({ stepKey: '', cached: false, outputs: [], facts: {} }, words)
  if (approved) return undefined
  const code = decision === undefined ? 'APPROVAL_EXPIRED' : 'REJECTED'
  return {
    status: 'rejected',
    exitCode: exitCodes.rejected,
    error: { code, message: words, step: step.id, next: 'the champion stays' },
  }
}
