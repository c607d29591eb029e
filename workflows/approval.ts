import { condition, upsertSearchAttributes } from '@temporalio/workflow'
import { exitCodes } from '../lib/formats/errors.ts'
import type { StepOutline } from '../lib/formats/plan-outline.ts'
import type { MirroredStatus } from '../lib/formats/registry-mirror.ts'
import type { StepOutcome } from '../lib/formats/step-inputs.ts'
import { asksBySignal } from './ask-owner.ts'
import { attributes } from './attributes.ts'
import { judgementOf } from './judging.ts'
import { claimant, type Stop } from './messages.ts'
import { askThere, decideThere, type Mirrored, mirrored, standsThere } from './mirror-step.ts'
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
  const there = mirrored(state, step.package)
  const stands = there && (await askThere(there, state.startedAt, `${role} is asked in Slipway run ${there.run}`))
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
  const decidedThere = there && (await decisionThere(state, there, withinMs, stands))
  if (there === undefined) await condition(() => state.decision !== undefined, withinMs)
  const decision = state.decision as RunState['decision']
  state.waitingFor = null
  const isApproved = decidedThere?.approved ?? decision?.approved ?? otherwise === 'approve'
  const wordsHere =
    decision === undefined
      ? `nobody decided in time, so it was ${inWords(isApproved)}`
      : `${inWords(isApproved)} by ${claimant(decision, role)}: ${decision.reason}`
  // A decision of here is written there, unless somebody there has refused meanwhile.
  const last =
    there === undefined || decidedThere !== undefined
      ? undefined
      : await decideThere(there, { approved: isApproved, reason: wordsHere })
  const isRefused = last?.isTheirs === true && last.status === 'rejected'
  const approved = isApproved && !isRefused
  const words = decidedThere?.words ?? (isRefused && isApproved ? `rejected by ${last.reason}` : wordsHere)
  report({ stepKey: '', cached: false, outputs: [], facts: {} }, words)
  if (approved) return undefined
  const code = decision === undefined && decidedThere === undefined && !isRefused ? 'APPROVAL_EXPIRED' : 'REJECTED'
  return {
    status: 'rejected',
    exitCode: exitCodes.rejected,
    error: { code, message: words, step: step.id, next: 'the champion stays' },
  }
}

const inWords = (approved: boolean): string => (approved ? 'approved' : 'rejected')

/** How long nothing is asked for between two looks, ms: often while people are at it, seldom later. */
const pauses = { first: 2_000, most: 600_000, growth: 1.2 }

/**
 * Waits for a decision here or in the registry elsewhere.
 * @param stands how it stood there when it was asked for
 * @returns what somebody there decided; undefined where somebody here did, or nobody in time
 */
async function decisionThere(
  state: RunState,
  there: Mirrored,
  withinMs: number,
  stands: MirroredStatus | undefined,
): Promise<{ readonly approved: boolean; readonly words: string } | undefined> {
  const until = Date.now() + withinMs
  let latest = stands
  for (let pause = pauses.first; ; pause = Math.min(pauses.most, pause * pauses.growth)) {
    if (latest?.isTheirs && latest.status !== 'pending')
      return { approved: latest.status === 'approved', words: `${latest.status} by ${latest.reason}` }
    const left = until - Date.now()
    if (left <= 0) return undefined
    if (await condition(() => state.decision !== undefined, Math.min(left, pause))) return undefined
    latest = await standsThere(there)
    if (state.decision !== undefined) return undefined
  }
}
