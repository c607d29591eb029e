import type { EvidenceEntry, RolloutState } from '../formats/evidence.ts'
import type { RolloutDecision } from '../formats/records.ts'
import type { RolloutPolicy } from '../formats/rollout-policy.ts'
import type { RouteRollout } from '../formats/route.ts'
import { takeLook } from './replay.ts'
import { enterNextStage, stagesOf } from './rollout.ts'
import type { Stage } from './rollout-metric.ts'

/** Where a rollout stands by its stored evidence: what its workflow goes on with. */
export interface ResumedRollout {
  readonly cursors: Readonly<Record<string, number>>
  readonly state: RolloutState
  /** The number of the next look, and the look whose answers are judged by their labels next. */
  readonly seq: number
  readonly judged: number
  readonly last: RolloutDecision
  readonly decisions: readonly RolloutDecision[]
  readonly paused: boolean
}

/**
 * The rollout whose workflow is gone, as it stood after its last look: its state is made again of all its evidence. A
 * step that was decided last and is in the route already was taken. Approvals are nobody's evidence: they are asked for
 * again.
 * @param looks all of them, at least one
 * @param applied what the route gives the candidate
 */
export function resumeRollout(
  policy: RolloutPolicy,
  start: RolloutState,
  looks: readonly EvidenceEntry[],
  applied: Pick<RouteRollout, 'mode' | 'share'>,
): ResumedRollout {
  const replayed = looks.reduce((state, look, i) => takeLook(policy, state, look, i === 0), start)
  const latest = looks.at(-1) as EvidenceEntry
  const [stage, following] = stagesOf(policy).slice(replayed.stage)
  const isAhead = !isApplied(stage, applied) && isApplied(following, applied)
  const before = looks.flatMap((look) => look.before ?? [])
  const paused = /^paused by /.test(before.at(-1)?.reason ?? '')
  const last: RolloutDecision = {
    seq: latest.seq,
    at: new Date(latest.at).toISOString(),
    stage: before.at(-1)?.stage ?? '',
    action: isAhead ? 'advance' : 'hold',
    reason: paused ? (before.at(-1)?.reason as string) : 'taken up again by what is on record',
    by: 'recover',
  }
  return {
    cursors: latest.cursors,
    state: isAhead ? enterNextStage(replayed) : replayed,
    seq: latest.seq + 1,
    judged: latest.judged,
    last,
    decisions: [...before, last].filter(({ action }) => action !== 'hold'),
    paused,
  }
}

const isApplied = (stage: Stage | undefined, { mode, share }: Pick<RouteRollout, 'mode' | 'share'>): boolean =>
  stage !== undefined && stage.mode === mode && stage.share === share
