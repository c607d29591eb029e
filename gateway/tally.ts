import { latencyBounds } from '../lib/formats/telemetry.ts'
import { binOf } from '../lib/stats/profile-counter.ts'
import type { Outcome } from './recorder.ts'
import type { ScoreBins } from './score-bins.ts'
import type { UserCounts } from './user-events.ts'

/** What came of asking one version in a window. */
export interface Tally {
  requests: number
  rows: number
  errors: Record<string, number>
  slow: number
  /** Requests by `latencyBounds`. */
  latency: number[]
  /** First scores of requests by the champion's bins. */
  scores: number[]
  users: UserCounts
}

/** @param bins of scores */
export const newTally = (bins: number): Tally => ({
  requests: 0,
  rows: 0,
  errors: {},
  slow: 0,
  latency: new Array<number>(latencyBounds.length + 1).fill(0),
  scores: new Array<number>(bins).fill(0),
  users: { new: 0, errors: 0, slow: 0, errorOnsets: 0, slowOnsets: 0 },
})

export function countOutcome(
  tally: Tally,
  { rows, ms, predictions, failure }: Outcome,
  isSlow: boolean,
  binOfScore: ScoreBins['of'],
): void {
  tally.requests++
  tally.rows += rows
  if (failure !== undefined) tally.errors[failure.kind] = (tally.errors[failure.kind] ?? 0) + 1
  if (isSlow) tally.slow++
  const bucket = binOf(latencyBounds, ms / 1000)
  tally.latency[bucket] = (tally.latency[bucket] as number) + 1
  if (predictions !== undefined && predictions.length > 0) {
    const bin = binOfScore(predictions)
    tally.scores[bin] = (tally.scores[bin] as number) + 1
  }
}
