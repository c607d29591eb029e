import type { Column, Numbers } from '../lib/formats/columns.ts'
import type { Route } from '../lib/formats/route.ts'
import { latencyBounds, type TelemetryWindow, type VersionCounts } from '../lib/formats/telemetry.ts'
import type { Profile } from '../lib/stats/profile.ts'
import { binOf } from '../lib/stats/profile-counter.ts'
import type { ScoringFailure } from './scoring.ts'

export type Role = 'champion' | 'candidate'

/** What came of asking one version. */
export interface Outcome {
  readonly rows: number
  /** Milliseconds from the request's arrival to the answer. */
  readonly ms: number
  readonly predictions: Numbers | undefined
  /** Why there are none. */
  readonly failure: Pick<ScoringFailure, 'kind' | 'message'> | undefined
  /** Whether they were kept from before; undefined without a cache. */
  readonly cached?: boolean | undefined
}

/** A row that is kept with its answer. */
export interface CapturedRow {
  readonly requestId: string
  /** Milliseconds since 1970. */
  readonly at: number
  /** Who gave the answer; `shadow` for one that nobody got. */
  readonly role: Role | 'shadow'
  /** Whether it is of a user's first request, where the split is sticky; true elsewhere. */
  readonly first: boolean
  readonly version: number
  readonly row: number
  readonly score: number
  readonly input: Readonly<Record<string, Column[number]>>
}

/** A window without its envelope and profiles, which the endpoint adds. */
export type RecordedWindow = Pick<TelemetryWindow, 'revision' | 'rollout' | 'from' | 'to' | 'pairs'> & {
  readonly champion: Omit<VersionCounts, 'profile'>
  readonly candidate: Omit<VersionCounts, 'profile'> | null
  readonly captured: readonly CapturedRow[]
}

/** Counts what happens under one revision of a route, window by window. */
export interface Recorder {
  readonly route: Route
  /** Requests that are being answered and not yet counted. */
  inFlight: number
  /** @param user the sticky key, where the rollout has one @returns whether the request is the first of its user; true without one */
  count(role: Role, outcome: Outcome, user: string | undefined): boolean
  countPair(champion: Outcome, candidate: Outcome): void
  countDropped(): void
  capture(row: CapturedRow): void
  /** Closes the window; undefined when nothing happened in it, unless it is wanted anyhow. */
  close(now: number, wanted?: boolean): RecordedWindow | undefined
}

/** What users did under a rollout, over all of its revisions: who was seen, and had which events. */
export type UserEvents = Map<string, number>
const hadError = 1
const wasSlow = 2
/** Users remembered; further ones are not counted (16 MB or so). */
const mostUsers = 200_000
/** Rows a window keeps at most. */
const mostCaptured = 20_000

interface Tally {
  requests: number
  rows: number
  errors: Record<string, number>
  slow: number
  latency: number[]
  scores: number[]
  users: { new: number; errors: number; slow: number; errorOnsets: number; slowOnsets: number }
}

export function createRecorder(
  route: Route,
  championBaseline: Profile,
  users: UserEvents,
  startedAt: number,
): Recorder {
  const scores = championBaseline['score:']
  const edges = scores?.kind === 'numeric' ? scores.edges : []
  // Rounding of scores, in their own unit: a hundred-thousandth of their spread.
  const rounding = (scores?.kind === 'numeric' && scores.std) || 0.1
  const { rollout } = route
  const slowMs = rollout?.slowMs ?? Number.POSITIVE_INFINITY
  const newTally = (): Tally => ({
    requests: 0,
    rows: 0,
    errors: {},
    slow: 0,
    latency: new Array<number>(latencyBounds.length + 1).fill(0),
    scores: new Array<number>(edges.length + 1).fill(0),
    users: { new: 0, errors: 0, slow: 0, errorOnsets: 0, slowOnsets: 0 },
  })
  const newPairs = () => ({
    n: 0,
    championOnly: { errors: 0, slow: 0 },
    candidateOnly: { errors: 0, slow: 0 },
    different: 0,
    largest: 0,
    dropped: 0,
  })
  let from = startedAt
  let tallies: Record<Role, Tally> = { champion: newTally(), candidate: newTally() }
  let pairs = newPairs()
  let captured: CapturedRow[] = []

  const countUser = (tally: Tally, user: string, isError: boolean, isSlow: boolean): boolean => {
    const before = users.get(user)
    if (before === undefined) {
      if (users.size >= mostUsers) return false
      tally.users.new++
      if (isError) tally.users.errors++
      if (isSlow) tally.users.slow++
    }
    const events = before ?? 0
    if (isError && (events & hadError) === 0) tally.users.errorOnsets++
    if (isSlow && (events & wasSlow) === 0) tally.users.slowOnsets++
    const after = events | (isError ? hadError : 0) | (isSlow ? wasSlow : 0)
    if (before !== after) users.set(user, after)
    return before === undefined
  }
  return {
    route,
    inFlight: 0,
    count(role, { rows, ms, predictions, failure }, user) {
      const tally = tallies[role]
      const isSlow = ms > slowMs
      tally.requests++
      tally.rows += rows
      if (failure !== undefined) tally.errors[failure.kind] = (tally.errors[failure.kind] ?? 0) + 1
      if (isSlow) tally.slow++
      const bucket = binOf(latencyBounds, ms / 1000)
      tally.latency[bucket] = (tally.latency[bucket] as number) + 1
      if (predictions !== undefined && predictions.length > 0) {
        const bin = binOf(edges, predictions[0] as number)
        tally.scores[bin] = (tally.scores[bin] as number) + 1
      }
      return user === undefined || countUser(tally, user, failure !== undefined, isSlow)
    },
    countPair(champion, candidate) {
      pairs.n++
      const [a, b] = [champion.failure !== undefined, candidate.failure !== undefined]
      if (a && !b) pairs.championOnly.errors++
      if (b && !a) pairs.candidateOnly.errors++
      const [slowA, slowB] = [champion.ms > slowMs, candidate.ms > slowMs]
      if (slowA && !slowB) pairs.championOnly.slow++
      if (slowB && !slowA) pairs.candidateOnly.slow++
      const { predictions: left = [] } = champion
      const { predictions: right = [] } = candidate
      let largest = 0
      for (let i = 0; i < Math.min(left.length, right.length); i++)
        largest = Math.max(largest, Math.abs((left[i] as number) - (right[i] as number)))
      if (largest > rounding * 1e-5) pairs.different++
      if (largest > pairs.largest) pairs.largest = largest
    },
    countDropped() {
      pairs.dropped++
    },
    capture(row) {
      if (captured.length < mostCaptured) captured.push(row)
    },
    close(now, wanted = false) {
      const { champion, candidate } = tallies
      const isEmpty = champion.requests === 0 && candidate.requests === 0
      const window: RecordedWindow = {
        revision: route.revision,
        rollout:
          rollout === null
            ? null
            : { id: rollout.id, mode: rollout.mode, share: rollout.share, sticky: rollout.sticky },
        from,
        to: now,
        champion: countsOf(champion, route.champion, rollout?.sticky ?? null),
        candidate: rollout === null ? null : countsOf(candidate, rollout.candidate, rollout.sticky),
        pairs: rollout === null || rollout.mode === 'split' ? null : pairs,
        captured,
      }
      from = now
      if (isEmpty && !wanted) return undefined
      tallies = { champion: newTally(), candidate: newTally() }
      pairs = newPairs()
      captured = []
      return window
    },
  }
}

function countsOf(
  { users, ...tally }: Tally,
  { digest, version }: Route['champion'],
  sticky: string | null,
): Omit<VersionCounts, 'profile'> {
  return { digest, version, ...tally, users: sticky === null ? null : users }
}
