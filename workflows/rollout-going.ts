import { setCurrentDetails, setHandler, upsertSearchAttributes } from '@temporalio/workflow'
import type { RolloutState } from '../lib/formats/evidence.ts'
import type { RolloutDecision, RolloutRecord } from '../lib/formats/records.ts'
import type { Wish } from '../lib/stats/next-move.ts'
import { stagesOf } from '../lib/stats/rollout.ts'
import type { MetricVerdict } from '../lib/stats/rollout-decision.ts'
import type { Stage } from '../lib/stats/rollout-metric.ts'
import { attributes } from './attributes.ts'
import {
  abortUpdate,
  approveRolloutUpdate,
  claimant,
  type Decision,
  pauseUpdate,
  promoteUpdate,
  type RolloutStatus,
  resumeUpdate,
  rolloutStatusQuery,
} from './messages.ts'
import { rolloutDetails, stageInWords } from './rollout-details.ts'
import type { RolloutInput } from './rollout-input.ts'

/** A rollout under way: what changes from look to look. */
export interface Going {
  readonly input: RolloutInput
  readonly stages: readonly Stage[]
  state: RolloutState
  cursors: RolloutInput['cursors']
  /** The number of the next look, and of the look whose answers are judged by their labels next. */
  seq: number
  judged: number
  last: RolloutDecision | null
  readonly decisions: RolloutDecision[]
  /** Why it stands where it stands, in words. */
  reason: string
  verdicts: readonly MetricVerdict[]
  paused: boolean
  approvedBy: string | null
  waitsForApproval: boolean
  wish: Wish | undefined
  outcome: RolloutRecord['outcome'] | undefined
}

const beginning = { seq: 0, judged: 0, last: null, decisions: [], paused: false, approvedBy: null }

/** A rollout as it begins, or goes on after continue-as-new. */
export function goingOf(input: RolloutInput): Going {
  const progress = { ...beginning, ...input.progress }
  return {
    ...progress,
    input,
    stages: stagesOf(input.policy),
    state: input.state,
    cursors: input.cursors,
    decisions: [...progress.decisions],
    reason: progress.last?.reason ?? 'starting',
    verdicts: [],
    waitsForApproval: false,
    wish: undefined,
    outcome: undefined,
  }
}

export const stageOf = ({ stages, state }: Going): Stage => stages[state.stage] as Stage

/** Answers who asks how a rollout stands, and hears what people want of it. */
export function answerPeople(going: Going): void {
  const { policy } = going.input
  setHandler(rolloutStatusQuery, () => statusOf(going))
  setHandler(pauseUpdate, ({ by, reason }) => {
    going.paused = true
    going.reason = `paused by ${by}: ${reason}`
    show(going)
  })
  setHandler(resumeUpdate, ({ by, reason }) => {
    going.paused = false
    going.reason = `resumed by ${by}: ${reason}`
    show(going)
  })
  setHandler(approveRolloutUpdate, (decision) => {
    going.approvedBy = claimant(decision, policy.approval?.role ?? 'somebody')
  })
  const ask =
    (action: Wish['action']) =>
    ({ by, reason }: Decision) => {
      going.wish = { by, reason, action }
    }
  setHandler(promoteUpdate, ask('promote'))
  setHandler(abortUpdate, ask('rollback'))
}

export function statusOf(going: Going): RolloutStatus {
  const { id, endpoint, champion, candidate, policy } = going.input
  return {
    id,
    endpoint,
    champion,
    candidate,
    stage: stageInWords(stageOf(going)),
    stageNumber: going.state.stage + 1,
    stages: going.stages.length,
    paused: going.paused,
    waitingForApproval: going.waitsForApproval ? (policy.approval?.role ?? null) : null,
    reason: going.reason,
    verdicts: going.verdicts,
    seconds: (going.state.now - going.state.startedAt) / 1000,
    decisions: going.decisions,
    outcome: going.outcome ?? null,
    policy,
    harmed: Math.max(0, going.state.excess),
  }
}

export const show = (going: Going): void => setCurrentDetails(rolloutDetails(statusOf(going)))

/** Notes what was decided, and why, and shows it. */
export function note(going: Going, action: RolloutDecision['action'], reason: string, by?: string): void {
  going.last = {
    seq: going.seq,
    at: new Date(going.state.now).toISOString(),
    stage: stageInWords(stageOf(going)),
    action,
    reason,
    ...(by === undefined ? {} : { by }),
  }
  if (action !== 'hold') going.decisions.push(going.last)
  going.reason = reason
  upsertSearchAttributes([{ key: attributes.stage, value: going.last.stage }])
  show(going)
}
