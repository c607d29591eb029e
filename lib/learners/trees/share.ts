import type { Loops } from './loops.ts'
import { parts, segmentOf, type TrainingMemory } from './memory.ts'

/** What the crew can be told to do, each thread with the rows it owns. */
export interface Share {
  /** Puts all rows in leaf 0 and measures it. */
  beginTree(): void
  /**
   * Parts a leaf's rows by a feature's bin: those that `goesLeft` stay in it, the others become leaf `right`. Then
   * measures one of the two, so that threads meet once a split.
   */
  split(leaf: number, right: number, feature: number, measured: number): void
  /** Adds the values of a tree's leaves to the scores, and finds the gradients (binary) or the largest residual. */
  updateBinary(leaves: number): void
  updateScores(leaves: number): void
  gradientsOfSquares(): void
}

/** A thread's share of the work on some memory: equal ranges of the training and of the validation rows. */
export function shareOf(memory: TrainingMemory, loops: Loops, thread: number): Share {
  const { rows, validationRows, threads, segments, residuals, weights } = memory
  const cut = (from: number, count: number): Range => ({
    from: from + Math.floor((count * thread) / threads),
    to: from + Math.floor((count * (thread + 1)) / threads),
  })
  const training = cut(0, rows)
  const validation = cut(rows, validationRows)

  const segment = (part: number, leaf: number): Range => {
    const at = segmentOf(thread, part, leaf)
    return { from: segments[at] as number, to: segments[at + 1] as number }
  }
  const measure = (leaf: number): void => {
    const { from, to } = segment(parts.training, leaf)
    loops.histogram(memory, thread, from, to)
  }
  const markLeaves = (leaves: number): void => {
    for (const part of [parts.training, parts.validation])
      for (let leaf = 0; leaf < leaves; leaf++) {
        const { from, to } = segment(part, leaf)
        loops.mark(memory, leaf, from, to)
      }
  }

  return {
    beginTree() {
      for (const { from, to } of [training, validation]) loops.resetOrder(memory, from, to)
      segments.set([training.from, training.to], segmentOf(thread, parts.training, 0))
      segments.set([validation.from, validation.to], segmentOf(thread, parts.validation, 0))
      measure(0)
    },
    split(leaf, right, feature, measured) {
      for (const part of [parts.training, parts.validation]) {
        const { from, to } = segment(part, leaf)
        const middle = loops.partition(memory, feature, from, to)
        segments.set([from, middle], segmentOf(thread, part, leaf))
        segments.set([middle, to], segmentOf(thread, part, right))
      }
      measure(measured)
    },
    updateBinary(leaves) {
      markLeaves(leaves)
      loops.updateBinary(memory, training.from, training.to)
      if (weights.length > 0) loops.weigh(memory, 16, training.from, training.to)
      loops.updateScores(memory, validation.from, validation.to)
    },
    updateScores(leaves) {
      markLeaves(leaves)
      residuals[thread] = loops.updateScores(memory, training.from, training.to)
      loops.updateScores(memory, validation.from, validation.to)
    },
    gradientsOfSquares() {
      loops.gradientsOfSquares(memory, largestResidual(memory), training.from, training.to)
      if (weights.length > 0) loops.weigh(memory, 0, training.from, training.to)
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
