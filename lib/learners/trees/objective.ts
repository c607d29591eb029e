import type { Loops } from './loops.ts'
import type { TrainingMemory } from './memory.ts'
import { largestResidual } from './share.ts'
import { fixedPointUnits } from './tables.ts'

/** What is minimised: in which order gradients, trees and scores follow each other, and what the loss of rows is. */
export interface Objective {
  /** What the crew does once a round, before its trees are grown: one a sum, all of the gradients of that moment. */
  readonly gradients?: 'gradientsOfSquares' | 'gradientsOfClasses'
  /** What it does after each tree. */
  readonly update: 'updateBinary' | 'updateScores'
  /** What one unit of a summed gradient and hessian is worth. */
  units(memory: TrainingMemory, heaviest: number | undefined): { readonly gradient: number; readonly hessian: number }
  /** The summed loss of rows from..to. */
  loss(loops: Loops, memory: TrainingMemory, from: number, to: number): number
}

export const objectives: Readonly<Record<'binary' | 'regression' | 'multiclass', Objective>> = {
  binary: {
    update: 'updateBinary',
    units: (_, heaviest) => fixedPointUnits({ classes: 1 }, heaviest),
    loss: (loops, ...rows) => loops.logLoss(...rows),
  },
  regression: {
    gradients: 'gradientsOfSquares',
    update: 'updateScores',
    units: (memory, heaviest) => fixedPointUnits({ largestResidual: largestResidual(memory) }, heaviest),
    loss: (loops, ...rows) => loops.squaredLoss(...rows),
  },
  multiclass: {
    gradients: 'gradientsOfClasses',
    update: 'updateScores',
    units: ({ sums }, heaviest) => fixedPointUnits({ classes: sums }, heaviest),
    loss: (loops, ...rows) => loops.classLoss(...rows),
  },
}
