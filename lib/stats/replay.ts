import type { Block, LabelBlock, RolloutState } from '../formats/evidence.ts'
import type { RolloutDecision } from '../formats/records.ts'
import type { RolloutPolicy } from '../formats/rollout-policy.ts'
import { enterNextStage, observe, observeLabels, pause, tick } from './rollout.ts'
import { type Decision, decide } from './rollout-decision.ts'

/** Stored evidence: what came in at a look, and what had been decided at the one before. */
export interface StoredLook {
  readonly seq: number
  readonly at: number
  readonly blocks: readonly Block[]
  /** Milliseconds before it in which nobody watched. */
  readonly unwatched?: number | undefined
  readonly mistakes: readonly LabelBlock[]
  readonly before: RolloutDecision | null
}

/** One look again: what the policy makes of its evidence now, and what is on record. */
export interface ReplayedLook {
  readonly seq: number
  readonly at: number
  readonly stage: number
  readonly recomputed: Decision
  readonly recorded: RolloutDecision | null
  /** Null where somebody else than the policy decided, or nothing is on record. */
  readonly same: boolean | null
}

/**
 * The state of a rollout after a look, as its workflow made it of the same evidence.
 * @param state after the look before, or what the rollout began with
 * @param isFirst what was decided before the first look is that the rollout begins
 */
export function takeLook(
  policy: RolloutPolicy,
  state: RolloutState,
  { at, blocks, unwatched = 0, mistakes, before }: StoredLook,
  isFirst: boolean,
): RolloutState {
  let next = !isFirst && before?.action === 'advance' ? enterNextStage(state) : state
  next = pause(next, unwatched)
  for (const block of blocks) next = observe(policy, next, block)
  for (const block of mistakes) next = observeLabels(policy, next, block)
  return tick(next, at)
}

/**
 * Recomputes every decision of a rollout from its stored evidence.
 * @param end the last decision on record
 */
export function replayRollout(
  policy: RolloutPolicy,
  start: RolloutState,
  looks: readonly StoredLook[],
  end: RolloutDecision | null,
): ReplayedLook[] {
  let state = start
  return looks.map((look, i) => {
    state = takeLook(policy, state, look, i === 0)
    const { seq, at } = look
    const { stage } = state
    const recomputed = decide(policy, state)
    const recorded = looks[i + 1]?.before ?? (i === looks.length - 1 ? end : null)
    const same =
      recorded === null || recorded.by !== undefined
        ? null
        : recorded.action === recomputed.action && recorded.reason.startsWith(recomputed.reason)
    return { seq, at, stage, recomputed, recorded, same }
  })
}
