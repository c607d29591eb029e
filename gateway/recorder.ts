import { type Named, underNames } from '../lib/formats/answers.ts'
import type { Column, Numbers } from '../lib/formats/columns.ts'
import type { Decisions } from '../lib/formats/decisions.ts'
import type { Route } from '../lib/formats/route.ts'
import type { TelemetryWindow, VersionCounts } from '../lib/formats/telemetry.ts'
import type { TensorFacts, Tensors } from '../lib/formats/tensors.ts'
import { answerColumnsIn } from '../lib/stats/answer-profile.ts'
import type { Profile } from '../lib/stats/profile.ts'
import { scoreBins } from './score-bins.ts'
import type { ScoringFailure } from './scoring.ts'
import { countPair, newPairs } from './shadow-pairs.ts'
import { countOutcome, newTally, type Tally } from './tally.ts'
import { countUser, type UserEvents } from './user-events.ts'

export type Role = 'champion' | 'candidate'

/** What came of asking one version. */
export interface Outcome {
  readonly rows: number
  /** Milliseconds from the request's arrival to the answer. */
  readonly ms: number
  readonly predictions: Numbers | undefined
  /** What a function of the user's answers, where one does. */
  readonly decisions?: Decisions | undefined
  /** Of a model of tensors: what it answered; `predictions` has a number an item that stands for it. */
  readonly tensors?: { readonly facts: TensorFacts; readonly outputs: Tensors }
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
  /** Of several classes the probability of the likeliest; of several targets the first, of quantiles the middle one. */
  readonly score: number
  /** Of several classes: the likeliest, and the probability of each by the column that it is kept in. */
  readonly classes?: { readonly likeliest: string; readonly scores: Readonly<Record<string, number>> } | undefined
  /** Of several targets or quantiles: each, under its column's name. */
  readonly numbers?: Readonly<Record<string, number>> | undefined
  /** What a function of the user's answered, where one does. */
  readonly decision?: number | boolean | string | undefined
  readonly input: Readonly<Record<string, Column[number]>>
}

/** A window without its envelope and profiles, which the endpoint adds. */
export type RecordedWindow = Pick<TelemetryWindow, 'revision' | 'rollout' | 'suspended' | 'from' | 'to' | 'pairs'> & {
  readonly champion: Omit<VersionCounts, 'profile'>
  readonly candidate: Omit<VersionCounts, 'profile'> | null
  readonly captured: readonly CapturedRow[]
}

/** Counts what happens under one revision of a route, window by window. */
export interface Recorder {
  readonly route: Route
  /** Requests that are being answered and not yet counted. */
  inFlight: number
  /**
   * @param user the sticky key, where the rollout has one
   * @returns whether the request is the first of its user; true without one
   */
  count(role: Role, outcome: Outcome, user: string | undefined): boolean
  countPair(champion: Outcome, candidate: Outcome): void
  countDropped(): void
  capture(row: CapturedRow): void
  /** Closes the window; undefined when nothing happened in it, unless it is wanted anyhow. */
  close(now: number, wanted?: boolean): RecordedWindow | undefined
}

/** Rows a window keeps at most. */
const mostCaptured = 20_000

/** What is known of the versions of a route: what their answers are called, and what the champion's looked like. */
export interface Compared {
  readonly champion: Named & { readonly baseline: Profile }
  readonly candidate?: Named | undefined
}

/** A route as it is served. */
export interface RecordedRoute extends Route {
  /** Whether its rollout is left out, for nobody watches it. */
  readonly suspended?: boolean
}

/** @param startedAt when the first window begins, ms since 1970 */
export function createRecorder(
  route: RecordedRoute,
  { champion: own, candidate: other = own }: Compared,
  users: UserEvents,
  startedAt: number,
): Recorder {
  const bins = { champion: scoreBins(own, own), candidate: scoreBins(own, other) }
  // Rounding of scores, in their own units: a hundred-thousandth of their spread.
  const rounding = answerColumnsIn(own).map((column) => {
    const scores = own.baseline[column]
    return 1e-5 * ((scores?.kind === 'numeric' && scores.std) || 0.1)
  })
  const { rollout } = route
  const slowMs = rollout?.slowMs ?? Number.POSITIVE_INFINITY
  const newTallies = (): Record<Role, Tally> => ({
    champion: newTally(bins.champion.count),
    candidate: newTally(bins.champion.count),
  })
  let from = startedAt
  let tallies = newTallies()
  let pairs = newPairs()
  let captured: CapturedRow[] = []
  return {
    route,
    inFlight: 0,
    count(role, outcome, user) {
      const tally = tallies[role]
      const isSlow = outcome.ms > slowMs
      countOutcome(tally, outcome, isSlow, bins[role].of)
      return user === undefined || countUser(tally.users, users, user, outcome.failure !== undefined, isSlow)
    },
    countPair: (champion, candidate) =>
      countPair(pairs, champion, asCalled(candidate, other, own), { slowMs, rounding }),
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
        ...rolloutOf(route),
        from,
        to: now,
        champion: countsOf(champion, route.champion, rollout?.sticky ?? null),
        candidate: rollout === null ? null : countsOf(candidate, rollout.candidate, rollout.sticky),
        pairs: rollout === null || rollout.mode === 'split' ? null : pairs,
        captured,
      }
      from = now
      if (isEmpty && !wanted) return undefined
      tallies = newTallies()
      pairs = newPairs()
      captured = []
      return window
    },
  }
}

/** An outcome under the names that another version has for its answers: only the same classes are compared. */
function asCalled(outcome: Outcome, { outputs: own }: Named, { outputs: names }: Named): Outcome {
  const { predictions } = outcome
  if (predictions === undefined || own === undefined || names === undefined) return outcome
  return { ...outcome, predictions: underNames(predictions, own, names) }
}

/** Under which revision a window is, and of which rollout. */
const rolloutOf = ({
  revision,
  rollout,
  suspended = false,
}: RecordedRoute): Pick<RecordedWindow, 'revision' | 'rollout' | 'suspended'> => ({
  revision,
  ...(suspended && { suspended }),
  rollout:
    rollout === null ? null : { id: rollout.id, mode: rollout.mode, share: rollout.share, sticky: rollout.sticky },
})

function countsOf(
  { users, ...tally }: Tally,
  { digest, version }: Route['champion'],
  sticky: string | null,
): Omit<VersionCounts, 'profile'> {
  return { digest, version, ...tally, users: sticky === null ? null : users }
}
