import type { Arms } from './sequential.ts'

export type Mode = 'shadow' | 'split' | 'bake'
/** Metrics that count events of requests. */
export type EventMetric = 'errors' | 'latency'

/** A count of either version. */
export interface Both {
  readonly champion: number
  readonly candidate: number
}

/** Evidence of one weight: counts, no times but its own. */
export interface Block {
  /** Milliseconds since 1970. */
  readonly from: number
  readonly to: number
  readonly mode: Mode
  /** Design weight of the candidate. */
  readonly share: number
  /** Requests drawn to each arm, or users new to it where the split is sticky. */
  readonly units: { readonly champion: number; readonly candidate: number }
  /** Answers and events an arm; of users new to it (their first request) where the split is sticky. */
  readonly arms: Readonly<Record<EventMetric, Arms>>
  /** Sticky splits: users whose first event it was. */
  readonly onsets: Readonly<Record<EventMetric, { readonly champion: number; readonly candidate: number }>> | null
  /** Counts of scores by bin, one a request. */
  readonly scores: { readonly champion: readonly number[]; readonly candidate: readonly number[] }
  /** Requests that both answered, and on which just one of them had the event. */
  readonly pairs: {
    readonly n: number
    readonly only: Readonly<Record<EventMetric, { readonly champion: number; readonly candidate: number }>>
  } | null
}

/** Evidence that labels bring: answers of one weight that are labelled, and how many of them were wrong. */
export interface LabelBlock extends Pick<Block, 'from' | 'to' | 'mode' | 'share'> {
  readonly arms: Arms
  /** Labelled requests that both answered, and on which just one of them was wrong. */
  readonly pairs: { readonly n: number; readonly only: Both } | null
}

const addArms = (a: Arms, b: Arms): Arms => ({ nA: a.nA + b.nA, kA: a.kA + b.kA, nB: a.nB + b.nB, kB: a.kB + b.kB })
const addBoth = (a: Both, b: Both): Both => ({
  champion: a.champion + b.champion,
  candidate: a.candidate + b.candidate,
})
const byMetric = <T, R>(
  a: Readonly<Record<EventMetric, T>>,
  b: Readonly<Record<EventMetric, T>>,
  add: (a: T, b: T) => R,
) => ({
  errors: add(a.errors, b.errors),
  latency: add(a.latency, b.latency),
})
/** Adds counts by place; the longer list says how many there are. */
export function addCounts(a: readonly number[], b: readonly number[]): number[] {
  return Array.from({ length: Math.max(a.length, b.length) }, (_, i) => (a[i] ?? 0) + (b[i] ?? 0))
}

/** Two blocks of one weight as one. */
export function mergeBlocks(a: Block, b: Block): Block {
  return {
    from: Math.min(a.from, b.from),
    to: Math.max(a.to, b.to),
    mode: a.mode,
    share: a.share,
    units: addBoth(a.units, b.units),
    arms: byMetric(a.arms, b.arms, addArms),
    onsets: a.onsets === null || b.onsets === null ? (a.onsets ?? b.onsets) : byMetric(a.onsets, b.onsets, addBoth),
    scores: {
      champion: addCounts(a.scores.champion, b.scores.champion),
      candidate: addCounts(a.scores.candidate, b.scores.candidate),
    },
    pairs:
      a.pairs === null || b.pairs === null
        ? (a.pairs ?? b.pairs)
        : { n: a.pairs.n + b.pairs.n, only: byMetric(a.pairs.only, b.pairs.only, addBoth) },
  }
}

/** Two blocks of labels of one weight as one. */
export function mergeLabelBlocks(a: LabelBlock, b: LabelBlock): LabelBlock {
  return {
    from: Math.min(a.from, b.from),
    to: Math.max(a.to, b.to),
    mode: a.mode,
    share: a.share,
    arms: addArms(a.arms, b.arms),
    pairs:
      a.pairs === null || b.pairs === null
        ? (a.pairs ?? b.pairs)
        : { n: a.pairs.n + b.pairs.n, only: addBoth(a.pairs.only, b.pairs.only) },
  }
}
