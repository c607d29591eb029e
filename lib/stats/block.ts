import type { Arms, Block, Both, EventMetric, LabelBlock } from '../formats/evidence.ts'

export type Mode = Block['mode']

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
