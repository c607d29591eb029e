import type { TrainingMemory } from './memory.ts'
import { gradientScale, hessianScale, logCells } from './tables.ts'

/** The loops of several sums a row, one a class. Each works on a range, and none depends on how it was cut. */
export interface LoopsOfClasses {
  /** Gradients and hessians of the softmax loss, of each class: g = p − [y = k], h = p (1 − p). */
  gradientsOfClasses(memory: TrainingMemory, from: number, to: number): void
  /** The sum of the rows' log losses, by their weights where they have some. */
  classLoss(memory: TrainingMemory, from: number, to: number): number
}

const { fround, floor, max, min } = Math

/** Cephes' coefficients of e^r, highest first (Moshier, expf.c). */
const coefficients = [
  1.98756915e-4, 1.3981999507e-3, 8.3334519073e-3, 4.1665795894e-2, 1.6666665459e-1, 5.0000001201e-1,
].map(fround)
const [log2e, ln2High, ln2Low] = [Math.LOG2E, 0.693359375, -2.1219444e-4].map(fround) as [number, number, number]

/** eˣ of x up to 0, operation by operation in float32: off by some 1e-7 of it; e⁻⁸⁷ below that. */
export function exponential(x: number): number {
  const bounded = max(x, -87)
  const power = floor(fround(fround(bounded * log2e) + 0.5))
  const r = fround(fround(bounded - fround(power * ln2High)) - fround(power * ln2Low))
  let y = 0
  for (const coefficient of coefficients) y = fround(fround(y * r) + coefficient)
  y = fround(fround(fround(fround(y * r) * r) + r) + 1)
  return fround(y * 2 ** power)
}

/** In plain TypeScript, as `loops.ts`: what the compiled ones are tested against, to the bit. */
export const plainLoopsOfClasses: LoopsOfClasses = {
  gradientsOfClasses(memory, from, to) {
    const { rows, sums, classes, gradients } = memory
    for (let row = from; row < to; row++) {
      const { powers, total } = powersOf(memory, row)
      const inverse = fround(1 / total)
      for (let sum = 0; sum < sums; sum++) {
        const p = fround((powers[sum] as number) * inverse)
        const gradient = floor(fround(fround(p * gradientScale) + 0.5)) - (classes[row] === sum ? gradientScale : 0)
        const spread = fround(fround(p * fround(1 - p)) * (4 * hessianScale))
        const hessian = min(hessianScale, max(1, floor(fround(spread + 0.5))))
        gradients[sum * rows + row] = (gradient << 16) | hessian
      }
    }
  },

  classLoss(memory, from, to) {
    const { rows, validationRows, classes, scores, logs, weights } = memory
    let loss = 0
    for (let row = from; row < to; row++) {
      const { total, largest } = powersOf(memory, row)
      const own = scores[(classes[row] as number) * (rows + validationRows) + row] as number
      loss += (logOf(total, logs) - (own - largest)) * (weights[row] ?? 1)
    }
    return loss
  },
}

/** Powers of e of a row's scores, less the largest of them, and what they add up to. */
function powersOf({ rows, validationRows, sums, scores }: TrainingMemory, row: number) {
  const own = Array.from({ length: sums }, (_, sum) => scores[sum * (rows + validationRows) + row] as number)
  const largest = max(...own)
  const powers = own.map((score) => exponential(fround(score - largest)))
  return { largest, powers, total: powers.reduce((sum, power) => fround(sum + power), 0) }
}

/** The natural logarithm of a number from 1 on, interpolated: off by at most 8e-9. */
function logOf(value: number, logs: Float64Array): number {
  const exponent = 31 - Math.clz32(floor(value))
  const place = (value / 2 ** exponent - 1) * logCells
  const cell = floor(place)
  const low = logs[cell] as number
  return exponent * Math.LN2 + low + ((logs[cell + 1] as number) - low) * (place - cell)
}
