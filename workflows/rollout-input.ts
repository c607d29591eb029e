import type { RolloutState } from '../lib/formats/evidence.ts'
import type { RolloutDecision } from '../lib/formats/records.ts'
import type { RolloutPolicy } from '../lib/formats/rollout-policy.ts'
import type { ModelVersion } from '../lib/formats/route.ts'
import type { RouteOutcome } from './messages.ts'

/** A rollout as it is started, or goes on after continue-as-new. */
export interface RolloutInput {
  readonly id: string
  readonly endpoint: string
  readonly pipeline: string
  readonly run: string
  readonly champion: ModelVersion
  readonly candidate: ModelVersion
  readonly policy: RolloutPolicy
  /** Where the endpoint is deployed; missing: on Slipway's own gateways. */
  readonly target?: string | undefined
  /** By gateway: the window to read next. */
  readonly cursors: Readonly<Record<string, number>>
  readonly state: RolloutState
  readonly progress?: RolloutProgress
  /**
   * That the route is its own already, and why gateways do not apply that, if they do not; rollouts of 0.7 began it
   * themselves.
   */
  readonly begun?: Pick<RouteOutcome, 'mismatch'>
}

/** What of a rollout goes on beside its evidence. */
export interface RolloutProgress {
  readonly seq: number
  readonly last: RolloutDecision | null
  readonly decisions: readonly RolloutDecision[]
  readonly paused: boolean
  readonly approvedBy: string | null
  /** The look whose answers are judged by their labels next. */
  readonly judged?: number
}
