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

/** What the loops over pairs need of any group; made once a thread. */
export function pairLoops(memory: TrainingMemory) {
  const { members, groupStarts, inverseGains, scores, classes, lambdas, curvatures, largestLambdas } = memory
  const { weights, truncation } = memory
  let longest = 0
  for (let group = 1; group < groupStarts.length; group++)
    longest = Math.max(longest, (groupStarts[group] as number) - (groupStarts[group - 1] as number))
  const discounts = Float64Array.from({ length: longest }, (_, rank) => discountOf(rank))
  const gains = Float64Array.from({ length: 31 }, (_, label) => gainOf(label))

  /** The gradients and hessians of a group by its pairs. @param order its rows, the highest score first */
  function ofPairs(order: Uint32Array, inverseGain: number): void {
    const count = order.length
    const scoreAt = (rank: number): number => scores[order[rank] as number] as number
    const isSpread = scoreAt(0) !== scoreAt(count - 1)
    let total = 0
    for (let first = 0; first < Math.min(count - 1, truncation); first++) {
      const [one, label] = [order[first] as number, classes[order[first] as number] as number]
      for (let second = first + 1; second < count; second++) {
        const other = order[second] as number
        const otherLabel = classes[other] as number
        if (label === otherLabel) continue
        const [high, low] = label > otherLabel ? [one, other] : [other, one]
        const distance = (scores[high] as number) - (scores[low] as number)
        let worth =
          Math.abs((gains[label] as number) - (gains[otherLabel] as number)) *
          ((discounts[first] as number) - (discounts[second] as number)) *
          inverseGain
        if (isSpread) worth /= leastDistance + Math.abs(distance)
        const wrong = 1 / (1 + Math.exp(distance))
        const lambda = wrong * worth
        const curvature = wrong * (1 - wrong) * worth
        lambdas[high] = (lambdas[high] as number) - lambda
        lambdas[low] = (lambdas[low] as number) + lambda
        curvatures[high] = (curvatures[high] as number) + curvature
        curvatures[low] = (curvatures[low] as number) + curvature
        total += 2 * lambda
      }
    }
    if (total <= 0) return
    const norm = Math.log2(1 + total) / total
    for (const row of order) {
      lambdas[row] = (lambdas[row] as number) * norm
      curvatures[row] = (curvatures[row] as number) * norm
    }
  }

  return {
    /** Finds the gradients and hessians of a thread's groups. */
    findLambdas(thread: number): void {
      const [from, to] = groupsOfThread(memory, thread)
      let [largest, steepest] = [0, 0]
      for (let group = from; group < to; group++) {
        const rows = members.subarray(groupStarts[group], groupStarts[group + 1])
        for (const row of rows) {
          lambdas[row] = 0
          curvatures[row] = 0
        }
        const inverseGain = inverseGains[group] as number
        if (inverseGain > 0 && rows.length > 1)
          ofPairs(
            rows.toSorted((a, b) => (scores[b] as number) - (scores[a] as number) || a - b),
            inverseGain,
          )
        for (const row of rows) {
          if (weights.length > 0) {
            const weight = (weights[row] as number) / weightScale
            lambdas[row] = (lambdas[row] as number) * weight
            curvatures[row] = (curvatures[row] as number) * weight
          }
          largest = Math.max(largest, Math.abs(lambdas[row] as number))
          steepest = Math.max(steepest, curvatures[row] as number)
        }
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
