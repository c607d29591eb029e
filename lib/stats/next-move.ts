import type { RolloutDecision, RolloutRecord } from '../formats/records.ts'
import type { Decision } from './rollout-decision.ts'

/** What a person asked for. */
export interface Wish {
  readonly action: 'promote' | 'rollback'
  readonly by: string
  readonly reason: string
}

/** What besides the evidence decides how a rollout goes on. */
export interface Circumstances {
  readonly endpoint: string
  /** Why the route is not the rollout's any more; null while it is. */
  readonly taken: string | null
  readonly wish: Wish | undefined
  /** Why it was paused; null while it is not. */
  readonly paused: string | null
  /** Who has to approve before the candidate takes over; null for nobody. */
  readonly approval: string | null
  /** Who has approved; null while nobody has. */
  readonly approvedBy: string | null
}

/** What a rollout does after a look, and how it ends with that, if it does. */
export interface Move {
  readonly action: RolloutDecision['action']
  readonly reason: string
  /** Who or what made it so, where it was not the evidence. */
  readonly by?: string
  /** Null while it goes on. */
  readonly outcome: RolloutRecord['outcome'] | null
}

/** Whether only an approval is missing. */
export const waitsForApproval = (decision: Decision, { approval, approvedBy, ...rest }: Circumstances): boolean =>
  decision.action === 'promote' &&
  approval !== null &&
  approvedBy === null &&
  rest.taken === null &&
  rest.wish === undefined &&
  rest.paused === null

/**
 * What follows from the evidence and the circumstances. Somebody who took the route comes first, then people, then the
 * evidence.
 */
export function nextMove(decision: Decision, circumstances: Circumstances): Move {
  const { endpoint, taken, wish, paused, approval, approvedBy } = circumstances
  if (taken !== null)
    return {
      action: 'rollback',
      reason: `taken from the route by somebody else: ${taken}`,
      by: 'somebody else',
      outcome: 'rolled back',
    }
  if (wish !== undefined)
    return {
      action: wish.action,
      reason: `${wish.reason} (by hand)`,
      by: wish.by,
      outcome: wish.action === 'promote' ? 'promoted' : 'rolled back',
    }
  const { action, reason } = decision
  if (action === 'rollback') return { action, reason, outcome: 'rolled back' }
  if (action === 'inconclusive') return { action, reason, outcome: 'inconclusive' }
  if (paused !== null)
    return { action: 'hold', reason: paused, ...(action === 'hold' ? {} : { by: 'a pause' }), outcome: null }
  if (waitsForApproval(decision, circumstances))
    return {
      action: 'hold',
      reason: `waits for the approval of ${approval}: slipway rollout approve ${endpoint}`,
      by: approval as string,
      outcome: null,
    }
  if (action !== 'promote') return { action, reason, outcome: null }
  const approved = approvedBy === null ? reason : `${reason}; approved by ${approvedBy}`
  return { action, reason: approved, outcome: 'promoted' }
}
