import type { Loops } from './loops.ts'
import { memoryOfSum, parts, segmentOf, type TrainingMemory } from './memory.ts'
import { pairLoops } from './pairs.ts'

/** What the crew can be told to do, each thread with the rows it owns. */
export interface Share {
  /** Puts all rows in leaf 0 and measures it, by the gradients of one of the sums. */
  beginTree(sum: number): void
  /**
   * Parts a leaf's rows by a feature's bin: those that `goesLeft` stay in it, the others become leaf `right`. Then
   * measures one of the two, so that threads meet once a split.
   */
  split(leaf: number, right: number, feature: number, measured: number, sum: number): void
  /** Adds the values of a tree's leaves to the scores, and finds the gradients (binary) or the largest residual. */
  updateBinary(leaves: number): void
  updateScores(leaves: number, sum: number): void
  gradientsOfSquares(): void
  /** Of every sum. */
  gradientsOfClasses(): void
  /** Of a ranking: finds the gradients of the groups it owns, and packs those of its rows. */
  findLambdas(): void
  packLambdas(): void
}

/** A thread's share of the work on some memory: equal ranges of the training and of the validation rows. */
export function shareOf(memory: TrainingMemory, loops: Loops, thread: number): Share {
  const { rows, validationRows, threads, segments, residuals, weights } = memory
  const ofSums = Array.from({ length: memory.sums }, (_, sum) => memoryOfSum(memory, sum))
  const cut = (from: number, count: number): Range => ({
    from: from + Math.floor((count * thread) / threads),
    to: from + Math.floor((count * (thread + 1)) / threads),
  })
  const pairs = pairLoops(memory)
  const training = cut(0, rows)
  const validation = cut(rows, validationRows)

  const segment = (part: number, leaf: number): Range => {
    const at = segmentOf(thread, part, leaf)
    return { from: segments[at] as number, to: segments[at + 1] as number }
  }
  const measure = (leaf: number, sum: number): void => {
    const { from, to } = segment(parts.training, leaf)
    loops.histogram(ofSums[sum] as TrainingMemory, thread, from, to)
  }
  const markLeaves = (leaves: number): void => {
    for (const part of [parts.training, parts.validation])
      for (let leaf = 0; leaf < leaves; leaf++) {
        const { from, to } = segment(part, leaf)
        loops.mark(memory, leaf, from, to)
      }
  }

  return {
    beginTree(sum) {
      for (const { from, to } of [training, validation]) loops.resetOrder(memory, from, to)
      segments.set([training.from, training.to], segmentOf(thread, parts.training, 0))
      segments.set([validation.from, validation.to], segmentOf(thread, parts.validation, 0))
      measure(0, sum)
    },
    split(leaf, right, feature, measured, sum) {
      for (const part of [parts.training, parts.validation]) {
        const { from, to } = segment(part, leaf)
        const middle = loops.partition(memory, feature, from, to)
        segments.set([from, middle], segmentOf(thread, part, leaf))
        segments.set([middle, to], segmentOf(thread, part, right))
      }
      measure(measured, sum)
    },
    updateBinary(leaves) {
      markLeaves(leaves)
      loops.updateBinary(memory, training.from, training.to)
      if (weights.length > 0) loops.weigh(memory, 16, training.from, training.to)
      loops.updateScores(memory, validation.from, validation.to)
    },
    updateScores(leaves, sum) {
      markLeaves(leaves)
      const ofSum = ofSums[sum] as TrainingMemory
      residuals[thread] = loops.updateScores(ofSum, training.from, training.to)
      loops.updateScores(ofSum, validation.from, validation.to)
    },
    gradientsOfSquares() {
      loops.gradientsOfSquares(memory, largestResidual(memory), training.from, training.to)
      if (weights.length > 0) loops.weigh(memory, 0, training.from, training.to)
    },
    gradientsOfClasses() {
      loops.gradientsOfClasses(memory, training.from, training.to)
      if (weights.length > 0) for (const ofSum of ofSums) loops.weigh(ofSum, 16, training.from, training.to)
    },
    findLambdas() {
      pairs.findLambdas(thread)
    },
    packLambdas() {
      pairs.packLambdas(training.from, training.to)
    },
  }
}

interface Range {
  readonly from: number
  readonly to: number
}

/** The largest |score| of all training rows, never quite 0. */
export function largestResidual({ residuals }: TrainingMemory): number {
  return Math.max(1e-30, ...residuals)
}

/** Training rows in a leaf, over all threads. */
export function rowsIn({ threads, segments }: TrainingMemory, leaf: number): number {
  let count = 0
  for (let thread = 0; thread < threads; thread++) {
    const at = segmentOf(thread, parts.training, leaf)
    count += (segments[at + 1] as number) - (segments[at] as number)
  }
  return count
}
