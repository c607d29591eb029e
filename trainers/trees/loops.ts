import { featureStride, groupWidth, type TrainingMemory } from './memory.ts'

/*
 * The loops that take the time. Plain here, over the layout that kernels want: see `memory.ts`. Each works on a range, so
 * that threads can share it; none depends on how the range was cut.
 */

/** Full scale of a gradient and of a hessian in fixed point. */
const gradientScale = 32_767
const hessianScale = 65_535

/** Adds rows order[from..to) (or rows from..to themselves, for the root) to a histogram, after clearing it. */
export function histogram(memory: TrainingMemory, thread: number, from: number, to: number, isRoot: boolean): void {
  const { rows, groups, features, rowBins, gradients, order, histograms } = memory
  const size = groups * groupWidth * featureStride
  const histogramOf = histograms.subarray(thread * size, (thread + 1) * size).fill(0)
  for (let group = 0; group < groups; group++) {
    const width = Math.min(groupWidth, features - group * groupWidth)
    const bins = rowBins.subarray(group * rows * groupWidth, (group + 1) * rows * groupWidth)
    const sums = histogramOf.subarray(group * groupWidth * featureStride, (group + 1) * groupWidth * featureStride)
    for (let i = from; i < to; i++) {
      const row = isRoot ? i : (order[i] as number)
      const packed = gradients[row] as number
      const gradient = packed >> 16
      const hessian = packed & 0xffff
      const at = row * groupWidth
      for (let feature = 0; feature < width; feature++) {
        const entry = feature * featureStride + ((bins[at + feature] as number) << 1)
        sums[entry] = (sums[entry] as number) + gradient
        sums[entry + 1] = (sums[entry + 1] as number) + hessian
      }
    }
  }
}

/**
 * Parts a leaf's rows order[from..to) in place, stably: those that go left first.
 * @param goesLeft [256] 1 for the bins that go left
 * @returns the position of the first row that went right
 */
export function partition(
  memory: TrainingMemory,
  feature: number,
  goesLeft: Uint8Array,
  from: number,
  to: number,
  scratch: Uint32Array,
): number {
  const { rows, columnBins, order } = memory
  const bins = columnBins.subarray(feature * rows, (feature + 1) * rows)
  let left = from
  let right = 0
  for (let i = from; i < to; i++) {
    const row = order[i] as number
    const isLeft = goesLeft[bins[row] as number] as number
    // Both are written and one counts: no branch to mispredict.
    order[left] = row
    scratch[right] = row
    left += isLeft
    right += 1 - isLeft
  }
  order.set(scratch.subarray(0, right), left)
  return left
}

/** Adds each row's leaf value to its score and computes the gradient of the logistic loss: g = p − y, h = p (1 − p). */
export function updateBinary(
  { scores, labels, leafOf, leafValues, gradients }: TrainingMemory,
  from: number,
  to: number,
): void {
  for (let i = from; i < to; i++) {
    const score = (scores[i] as number) + (leafValues[leafOf[i] as number] as number)
    scores[i] = score
    const p = 1 / (1 + Math.exp(-score))
    const gradient = Math.round((p - (labels[i] as number)) * gradientScale)
    const hessian = Math.max(1, Math.round(p * (1 - p) * 4 * hessianScale))
    gradients[i] = (gradient << 16) | hessian
  }
}

/** Adds each row's leaf value to its score. */
export function updateScores({ scores, leafOf, leafValues }: TrainingMemory, from: number, to: number): void {
  for (let i = from; i < to; i++) scores[i] = (scores[i] as number) + (leafValues[leafOf[i] as number] as number)
}

/** The gradient of the squared loss, g = score − y, in units of the largest one (`settings[0]`); h = 1. */
export function gradientsOfSquares(
  { scores, labels, gradients, settings }: TrainingMemory,
  from: number,
  to: number,
): void {
  const scale = gradientScale / (settings[0] as number)
  for (let i = from; i < to; i++)
    gradients[i] = (Math.round(((scores[i] as number) - (labels[i] as number)) * scale) << 16) | 1
}

/** What one unit of a summed gradient and hessian is worth. */
export function fixedPointUnits(
  task: 'binary' | 'regression',
  largestResidual: number,
): { gradient: number; hessian: number } {
  return task === 'binary'
    ? { gradient: 1 / gradientScale, hessian: 1 / (4 * hessianScale) }
    : { gradient: largestResidual / gradientScale, hessian: 1 }
}
