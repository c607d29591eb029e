import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { packageRoot } from '../../code/host.ts'
import type { Loops } from './loops.ts'
import type { LoopsOfClasses } from './loops-of-classes.ts'
import { binsOf, cellsBytes, cutsLength, featureStride, groupWidth, type TrainingMemory } from './memory.ts'
import { gradientScale } from './tables.ts'

/** What `kernels/` exports: pointers, then numbers. */
type Kernel = (...operands: number[]) => number
type Kernels = Record<'toBins' | Exclude<keyof Loops, 'fillColumn'>, Kernel>

/** The same loops, compiled from `kernels/`, for one memory. */
export function compiledLoops({ memory }: TrainingMemory): Loops {
  const module = new WebAssembly.Module(readFileSync(join(packageRoot, 'dist', 'trees-kernels.wasm')))
  const kernels = new WebAssembly.Instance(module, { env: { memory } }).exports as Kernels
  return {
    fillColumn(memory, feature, first, values, cuts) {
      const { bins, scratch, cuts: padded } = memory
      // Nothing is put aside yet: there the values wait.
      new Float32Array(scratch.buffer, scratch.byteOffset, values.length).set(values)
      padded.fill(Number.POSITIVE_INFINITY, cuts.length, cutsLength).set(cuts)
      const { at, width } = binsOf(memory, feature)
      const into = bins.byteOffset + at + first * width
      kernels.toBins(scratch.byteOffset, padded.byteOffset, into, width, values.length)
    },

    histogram(memory, thread, from, to) {
      const { features, bins, gradients, order, cells, histograms } = memory
      const cellsAt = cells.byteOffset + thread * cellsBytes
      const sumsAt = histograms.byteOffset + thread * features * featureStride * 8
      for (let group = 0; group < features; group += groupWidth) {
        const { at, width } = binsOf(memory, group)
        kernels.histogram(
          bins.byteOffset + at,
          width,
          gradients.byteOffset,
          order.byteOffset,
          from,
          to,
          cellsAt,
          sumsAt + group * featureStride * 8,
        )
      }
    },

    partition(memory, feature, from, to) {
      const { bins, order, scratch, goesLeft } = memory
      const { at, width } = binsOf(memory, feature)
      return (
        kernels.partition(
          order.byteOffset,
          scratch.byteOffset,
          bins.byteOffset + at,
          width,
          goesLeft.byteOffset,
          from,
          to,
        ) >>> 0
      )
    },

    resetOrder({ order }, from, to) {
      kernels.resetOrder(order.byteOffset, from, to)
    },

    mark({ order, leafOf }, leaf, from, to) {
      kernels.mark(order.byteOffset, leafOf.byteOffset, leaf, from, to)
    },

    updateBinary({ classes, scores, leafOf, leafValues, logistic, gradients }, from, to) {
      kernels.updateBinary(
        classes.byteOffset,
        scores.byteOffset,
        leafOf.byteOffset,
        leafValues.byteOffset,
        logistic.byteOffset,
        gradients.byteOffset,
        from,
        to,
      )
    },

    updateScores({ scores, leafOf, leafValues }, from, to) {
      return kernels.updateScores(scores.byteOffset, leafOf.byteOffset, leafValues.byteOffset, from, to)
    },

    gradientsOfSquares({ scores, gradients }, largest, from, to) {
      kernels.gradientsOfSquares(scores.byteOffset, gradients.byteOffset, gradientScale / largest, from, to)
    },

    weigh({ weights, gradients }, hessianShift, from, to) {
      kernels.weigh(weights.byteOffset, gradients.byteOffset, hessianShift, from, to)
    },

    logLoss({ classes, scores, logLosses, weights }, from, to) {
      return kernels.logLoss(classes.byteOffset, scores.byteOffset, logLosses.byteOffset, orNone(weights), from, to)
    },

    squaredLoss({ scores, weights }, from, to) {
      return kernels.squaredLoss(scores.byteOffset, orNone(weights), from, to)
    },

    ...loopsOfClasses(kernels),
  }
}

function loopsOfClasses(kernels: Kernels): LoopsOfClasses {
  return {
    gradientsOfClasses({ rows, validationRows, sums, classes, scores, gradients }, from, to) {
      kernels.gradientsOfClasses(
        classes.byteOffset,
        scores.byteOffset,
        gradients.byteOffset,
        sums,
        rows,
        rows + validationRows,
        from,
        to,
      )
    },

    classLoss({ rows, validationRows, sums, classes, scores, logs, weights }, from, to) {
      return kernels.classLoss(
        classes.byteOffset,
        scores.byteOffset,
        logs.byteOffset,
        orNone(weights),
        sums,
        rows + validationRows,
        from,
        to,
      )
    },
  }
}

/** Where an array is; 0, where there is another one, if it is empty. */
function orNone({ length, byteOffset }: Uint16Array): number {
  return length === 0 ? 0 : byteOffset
}
