import type { GroupedRows } from '../../formats/metrics/groups.ts'
import type { TrainingMemory } from './memory.ts'
import { gradientScale, hessianScale, weightScale } from './tables.ts'

/*
 * LambdaMART (Burges, From RankNet to LambdaRank to LambdaMART, 2010), as LightGBM's `lambdarank` has it with its
 * defaults: sigmoid 1, gains 2^label − 1, pairs weighed by how much swapping them changes NDCG, and normalised by the
 * distance of their scores and by what a group's pairs add up to. Each group is the work of one thread, so that its
 * sums have one order.
 */

/** Ranks of which a pair must have one, where the definition does not say (LightGBM's default). */
export const usualTruncation = 30
/** What keeps pairs of near scores from counting without bound. */
const leastDistance = 0.01

const gainOf = (label: number): number => 2 ** label - 1
const discountOf = (rank: number): number => 1 / Math.log2(rank + 2)

/** Puts the groups of the training rows into memory. */
export function fillGroups(memory: TrainingMemory, grouped: GroupedRows): void {
  const { members, groupStarts, inverseGains, classes, truncation } = memory
  members.set(grouped.rows)
  groupStarts.set(grouped.starts)
  for (let group = 0; group < inverseGains.length; group++) {
    const rows = members.subarray(groupStarts[group], groupStarts[group + 1])
    const best = Uint8Array.from(rows, (row) => classes[row] as number)
      .sort()
      .reverse()
    let gain = 0
    for (let rank = 0; rank < Math.min(truncation, best.length); rank++)
      gain += gainOf(best[rank] as number) * discountOf(rank)
    inverseGains[group] = gain > 0 ? 1 / gain : 0
  }
}

/**
 * The groups of a thread: such that each has about as many rows.
 * @returns from (inclusive) and to (exclusive)
 */
export function groupsOfThread({ groupStarts, rows, threads }: TrainingMemory, thread: number): [number, number] {
  const groups = groupStarts.length - 1
  const firstFrom = (row: number): number => {
    let [low, high] = [0, groups]
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((groupStarts[middle] as number) < row) low = middle + 1
      else high = middle
    }
    return low
  }
  return [firstFrom((rows * thread) / threads), firstFrom((rows * (thread + 1)) / threads)]
}

/** Cells a unit of distance of the table of wrongness, and how many: half of them below 0, the outer ones reach on. */
const wrongCells = { perUnit: 512, count: 32_768 } as const

/** The chance 1 / (1 + e^x) that a pair is thought to be the other way round, at the borders of cells. */
const wrongness = Float64Array.from(
  { length: wrongCells.count + 1 },
  (_, cell) => 1 / (1 + Math.exp((cell - wrongCells.count / 2) / wrongCells.perUnit)),
)

/** The same of a distance of scores, interpolated: off by at most 5e-8. */
function wrongAt(distance: number): number {
  const place = Math.max(0, Math.min(wrongCells.count - 1, distance * wrongCells.perUnit + wrongCells.count / 2))
  const cell = Math.floor(place)
  const low = wrongness[cell] as number
  return low + ((wrongness[cell + 1] as number) - low) * (place - cell)
}

/** Groups up to this many rows are sorted by insertion. */
const fewRows = 48

/** Puts rows in the descending order of their scores, equal ones in the order in which they are. */
function sortByScore(rows: Uint32Array, scores: Float32Array): void {
  if (rows.length > fewRows) {
    rows.sort((a, b) => (scores[b] as number) - (scores[a] as number) || a - b)
    return
  }
  for (let i = 1; i < rows.length; i++) {
    const row = rows[i] as number
    const score = scores[row] as number
    let at = i
    for (; at > 0 && (scores[rows[at - 1] as number] as number) < score; at--) rows[at] = rows[at - 1] as number
    rows[at] = row
  }
}

/** The loops over pairs, with what they need of any group; made once a thread. */
export function pairLoops(memory: TrainingMemory) {
  const { members, groupStarts, inverseGains, scores, classes, lambdas, curvatures, largestLambdas } = memory
  const { weights, truncation } = memory
  let longest = 0
  for (let group = 1; group < groupStarts.length; group++)
    longest = Math.max(longest, (groupStarts[group] as number) - (groupStarts[group - 1] as number))
  const discounts = Float64Array.from({ length: longest }, (_, rank) => discountOf(rank))
  const gains = Float64Array.from({ length: 256 }, (_, label) => gainOf(label))
  const order = new Uint32Array(longest)
  // By rank: score, label, and what the pairs add up to.
  const [ranked, pull, bend] = [0, 1, 2].map(() => new Float64Array(longest)) as [
    Float64Array,
    Float64Array,
    Float64Array,
  ]
  const labels = new Uint8Array(longest)

  /** The sums of a group's pairs by rank, and of all their pulls. @param count its rows, in `ranked` and `labels` */
  function addPairs(count: number, inverseGain: number): number {
    const isSpread = ranked[0] !== ranked[count - 1]
    let total = 0
    for (let first = 0; first < Math.min(count - 1, truncation); first++) {
      const label = labels[first] as number
      const [score, gain, discount] = [ranked[first] as number, gains[label] as number, discounts[first] as number]
      for (let second = first + 1; second < count; second++) {
        const other = labels[second] as number
        if (label === other) continue
        const isRight = label > other
        const apart = score - (ranked[second] as number)
        let worth = Math.abs(gain - (gains[other] as number)) * (discount - (discounts[second] as number)) * inverseGain
        if (isSpread) worth /= leastDistance + Math.abs(apart)
        const wrong = wrongAt(isRight ? apart : -apart)
        const lambda = wrong * worth
        const curvature = (1 - wrong) * lambda
        pull[first] = (pull[first] as number) + (isRight ? -lambda : lambda)
        pull[second] = (pull[second] as number) + (isRight ? lambda : -lambda)
        bend[first] = (bend[first] as number) + curvature
        bend[second] = (bend[second] as number) + curvature
        total += 2 * lambda
      }
    }
    return total
  }

  /** The gradients and hessians of a group. @returns the largest of both */
  function ofGroup(rows: Uint32Array, inverseGain: number): readonly [number, number] {
    const count = rows.length
    const own = order.subarray(0, count)
    own.set(rows)
    sortByScore(own, scores)
    for (let rank = 0; rank < count; rank++) {
      ranked[rank] = scores[own[rank] as number] as number
      labels[rank] = classes[own[rank] as number] as number
      pull[rank] = 0
      bend[rank] = 0
    }
    const total = inverseGain > 0 ? addPairs(count, inverseGain) : 0
    const norm = total > 0 ? Math.log2(1 + total) / total : 1
    let [largest, steepest] = [0, 0]
    for (let rank = 0; rank < count; rank++) {
      const row = own[rank] as number
      const share = weights.length > 0 ? (norm * (weights[row] as number)) / weightScale : norm
      const [lambda, curvature] = [(pull[rank] as number) * share, (bend[rank] as number) * share]
      lambdas[row] = lambda
      curvatures[row] = curvature
      largest = Math.max(largest, Math.abs(lambda))
      steepest = Math.max(steepest, curvature)
    }
    return [largest, steepest]
  }

  return {
    /** Finds the gradients and hessians of a thread's groups. */
    findLambdas(thread: number): void {
      const [from, to] = groupsOfThread(memory, thread)
      let [largest, steepest] = [0, 0]
      for (let group = from; group < to; group++) {
        const rows = members.subarray(groupStarts[group], groupStarts[group + 1])
        const [lambda, curvature] = ofGroup(rows, inverseGains[group] as number)
        largest = Math.max(largest, lambda)
        steepest = Math.max(steepest, curvature)
      }
      largestLambdas.set([largest, steepest], thread * 2)
    },

    /** Makes fixed-point numbers of them, in units of the largest of all. */
    packLambdas(from: number, to: number): void {
      const { gradients } = memory
      const { largest, steepest } = largestOf(memory)
      const [scale, hessians] = [gradientScale / largest, hessianScale / steepest]
      for (let row = from; row < to; row++) {
        const gradient = Math.round((lambdas[row] as number) * scale)
        // A row that no pair moves counts a little, so that no leaf is without a hessian.
        const hessian = Math.max(1, Math.round((curvatures[row] as number) * hessians))
        gradients[row] = (gradient << 16) | hessian
      }
    },
  }
}

/** The largest gradient and the largest hessian of all rows, never quite 0. */
export function largestOf({ largestLambdas }: TrainingMemory): { largest: number; steepest: number } {
  let [largest, steepest] = [1e-30, 1e-30]
  for (let at = 0; at < largestLambdas.length; at += 2) {
    largest = Math.max(largest, largestLambdas[at] as number)
    steepest = Math.max(steepest, largestLambdas[at + 1] as number)
  }
  return { largest, steepest }
}
