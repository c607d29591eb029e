import type { RolloutRecord } from '../formats/records.ts'
import type { Route } from '../formats/route.ts'
import type { Decision, MetricVerdict } from './rollout-decision.ts'

/**
 * What is known of a candidate, in a word: `passed` where it may take over or has; `failed` where it was or is to be
 * thrown out; `inconclusive` where its rollout ended undecided; else `undecided`.
 */
export type VerdictWord = 'passed' | 'failed' | 'inconclusive' | 'undecided'

/** What the evidence of a rollout says, for systems that ask. */
export interface Verdict {
  readonly endpoint: string
  readonly verdict: VerdictWord
  readonly reason: string
  /** What the endpoint serves now, in words. */
  readonly serves: string
  /** The rollout that it is about, and the versions that are compared; null where there is none. */
  readonly rollout: string | null
  readonly champion: number | null
  readonly candidate: number | null
  /** ISO time of the evidence that came last, or of the end; null where there is none yet. */
  readonly at: string | null
  /** By metric, while a rollout goes on. */
  readonly metrics: readonly MetricVerdict[]
}

const ofAction: Readonly<Record<Decision['action'], VerdictWord>> = {
  promote: 'passed',
  rollback: 'failed',
  inconclusive: 'inconclusive',
  // The next step is not the last: more is to be shown there.
  advance: 'undecided',
  hold: 'undecided',
}

const ofOutcome: Readonly<Record<RolloutRecord['outcome'], VerdictWord>> = {
  promoted: 'passed',
  'rolled back': 'failed',
  inconclusive: 'inconclusive',
}

/** Of a rollout that goes on: what its policy makes of the evidence. */
export const verdictNow = ({
  action,
  reason,
  verdicts,
}: Decision): Pick<Verdict, 'verdict' | 'reason' | 'metrics'> => ({
  verdict: ofAction[action],
  reason,
  metrics: verdicts,
})

/** Of one that has ended: how it did. A version that was promoted, and then gone back from, has failed after all. */
export function verdictAtEnd(
  { outcome, reason, candidate }: Pick<RolloutRecord, 'outcome' | 'reason' | 'candidate'>,
  { champion }: Pick<Route, 'champion'>,
): Pick<Verdict, 'verdict' | 'reason' | 'metrics'> {
  if (outcome === 'promoted' && champion.version < candidate.version) {
    const why = `version ${candidate.version} was promoted, and the endpoint went back to version ${champion.version}`
    return { verdict: 'failed', reason: why, metrics: [] }
  }
  return { verdict: ofOutcome[outcome], reason, metrics: [] }
}
