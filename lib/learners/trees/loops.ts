import { binOf } from './bins.ts'
import { type LoopsOfClasses, plainLoopsOfClasses } from './loops-of-classes.ts'
import { binsOf, featureStride, type TrainingMemory } from './memory.ts'
import { gradientScale, logisticCells, lossCells } from './tables.ts'

/**
 * The loops that take the time. Each works on a range, so that threads can share it; none depends on how it was cut.
 */
export interface Loops extends LoopsOfClasses {
  /** Puts a feature's values [rows] (NaN for missing) in bins, those of row `first` and on. */
  fillColumn(memory: TrainingMemory, feature: number, first: number, values: Float32Array, cuts: Float32Array): void
  /** Sums the gradients and hessians of rows order[from..to), by feature and bin, as the thread's histogram. */
  histogram(memory: TrainingMemory, thread: number, from: number, to: number): void
  /**
   * Parts rows order[from..to) in place, stably: first those that `goesLeft`.
   * @returns the position of the first row that went right
   */
  partition(memory: TrainingMemory, feature: number, from: number, to: number): number
  /** Puts rows from..to in their own places of the order. */
  resetOrder(memory: TrainingMemory, from: number, to: number): void
  /** Tells rows order[from..to) their leaf. */
  mark(memory: TrainingMemory, leaf: number, from: number, to: number): void
  /**
   * Adds each row's leaf value to its score and looks up the gradient of the logistic loss: g = p − y, h = p (1 − p).
   */
  updateBinary(memory: TrainingMemory, from: number, to: number): void
  /** Adds each row's leaf value to its score. @returns the largest |score| */
  updateScores(memory: TrainingMemory, from: number, to: number): number
  /** The gradient of the squared loss, the score, in units of the largest one; h = 1. */
  gradientsOfSquares(memory: TrainingMemory, largest: number, from: number, to: number): void
  /**
   * Multiplies gradients and hessians by the rows' weights; hessians give up as many bits as the weights bring, or
   * none.
   */
  weigh(memory: TrainingMemory, hessianShift: 0 | 16, from: number, to: number): void
  /** The sum of the rows' log losses, by their weights where they have some. */
  logLoss(memory: TrainingMemory, from: number, to: number): number
  /** The sum of the rows' squared errors, by their weights where they have some. */
  squaredLoss(memory: TrainingMemory, from: number, to: number): number
}

/**
 * The loops in plain TypeScript: what the compiled ones are tested against, to the bit. Scores are rounded to float32
 * when they are stored; everything else is float64 or integer.
 */
export const plainLoops: Loops = {
  ...plainLoopsOfClasses,

  fillColumn(memory, feature, first, values, cuts) {
    const { at, width } = binsOf(memory, feature)
    for (const [i, value] of values.entries()) memory.bins[at + (first + i) * width] = binOf(value, cuts)
  },

  histogram(memory, thread, from, to) {
    const { features, bins, gradients, order, histograms } = memory
    const size = features * featureStride
    const sums = histograms.subarray(thread * size, (thread + 1) * size).fill(0)
    for (let feature = 0; feature < features; feature++) {
      const { at, width } = binsOf(memory, feature)
      for (let i = from; i < to; i++) {
        const row = order[i] as number
        const packed = gradients[row] as number
        const entry = feature * featureStride + 2 * (bins[at + row * width] as number)
        sums[entry] = (sums[entry] as number) + (packed >> 16)
        sums[entry + 1] = (sums[entry + 1] as number) + (packed & 0xffff)
      }
    }
  },

  partition(memory, feature, from, to) {
    const { bins, order, scratch, goesLeft } = memory
    const { at, width } = binsOf(memory, feature)
    let left = from
    let right = from
    for (let i = from; i < to; i++) {
      const row = order[i] as number
      if (goesLeft[bins[at + row * width] as number] === 1) order[left++] = row
      else scratch[right++] = row
    }
    order.set(scratch.subarray(from, right), left)
    return left
  },

  resetOrder({ order }, from, to) {
    for (let row = from; row < to; row++) order[row] = row
  },

  mark({ order, leafOf }, leaf, from, to) {
    for (let i = from; i < to; i++) leafOf[order[i] as number] = leaf
  },

  updateBinary(memory, from, to) {
    const { classes, scores, logistic, gradients } = memory
    for (let row = from; row < to; row++) {
      addLeafValue(memory, row)
      const cell = cellOf((scores[row] as number) * logisticCells.perUnit, logistic.length)
      gradients[row] = (logistic[cell] as number) - (classes[row] as number) * (gradientScale << 16)
    }
  },

  updateScores(memory, from, to) {
    let largest = 0
    for (let row = from; row < to; row++) {
      addLeafValue(memory, row)
      largest = Math.max(largest, Math.abs(memory.scores[row] as number))
    }
    return largest
  },

  gradientsOfSquares({ scores, gradients }, largest, from, to) {
    const scale = gradientScale / largest
    for (let row = from; row < to; row++) gradients[row] = (Math.floor((scores[row] as number) * scale + 0.5) << 16) | 1
  },

  weigh({ weights, gradients }, hessianShift, from, to) {
    for (let row = from; row < to; row++) {
      const [packed, weight] = [gradients[row] as number, weights[row] as number]
      const hessian = (packed & 0xffff) * weight
      const gradient = ((packed >> 16) * weight + 0x8000) >> 16
      gradients[row] = (gradient << 16) | (hessianShift === 0 ? hessian : (hessian + 0x8000) >>> 16)
    }
  },

  logLoss({ classes, scores, logLosses, weights }, from, to) {
    const cells = logLosses.length - 1
    let sum = 0
    for (let row = from; row < to; row++) {
      const score = scores[row] as number
      const place = (classes[row] === 1 ? -score : score) * lossCells.perUnit
      const cell = cellOf(place, cells)
      const low = logLosses[cell] as number
      const high = logLosses[cell + 1] as number
      sum += (low + (high - low) * (place - (cell - cells / 2))) * (weights[row] ?? 1)
    }
    return sum
  },

  squaredLoss({ scores, weights }, from, to) {
    let sum = 0
    for (let row = from; row < to; row++) sum += (scores[row] as number) * (scores[row] as number) * (weights[row] ?? 1)
    return sum
  },
}

function addLeafValue({ scores, leafOf, leafValues }: TrainingMemory, row: number): void {
  scores[row] = (scores[row] as number) + (leafValues[leafOf[row] as number] as number)
}

/** The cell at a place counted from the middle of so many cells; the outer ones reach to infinity. */
function cellOf(place: number, cells: number): number {
  return Math.max(0, Math.min(cells - 1, Math.floor(place) + cells / 2))
}
