import type { Crew } from './crew.ts'
import type { Growth } from './grow.ts'
import type { Loops } from './loops.ts'
import type { TrainingMemory } from './memory.ts'
import { largestResidual } from './share.ts'
import { fixedPointUnits } from './tables.ts'

/** What is minimised: in which order gradients, trees and scores follow each other, and what the loss of rows is. */
export interface Objective {
  /**
   * What is done once a round, before its trees are grown: one a sum, all of the gradients of that moment. By the crew,
   * or by the coordinator alone.
   */
  readonly gradients?:
    | 'gradientsOfSquares'
    | 'gradientsOfClasses'
    | ((memory: TrainingMemory, loops: Loops, crew: Crew) => void)
  /** Gives the leaves of a grown tree other values. */
  readonly renew?: (memory: TrainingMemory, growth: Growth) => void
  /** What it does after each tree. */
  readonly update: 'updateBinary' | 'updateScores'
  /** What one unit of a summed gradient and hessian is worth. */
  units(memory: TrainingMemory, heaviest: number | undefined): { readonly gradient: number; readonly hessian: number }
  /** The summed loss of rows from..to, or the mean. */
  loss(loops: Loops, memory: TrainingMemory, from: number, to: number): number
  readonly isMean?: true
  /** The loss of labels of another spread is so many times that spread. */
  readonly lossPower: 0 | 1 | 2
}

export const objectives: Readonly<Record<'binary' | 'regression' | 'multiclass', Objective>> = {
  binary: {
    update: 'updateBinary',
    units: (_, heaviest) => fixedPointUnits({ classes: 1 }, heaviest),
    loss: (loops, ...rows) => loops.logLoss(...rows),
    lossPower: 0,
  },
  regression: {
    gradients: 'gradientsOfSquares',
    update: 'updateScores',
    units: (memory, heaviest) => fixedPointUnits({ largestResidual: largestResidual(memory) }, heaviest),
    loss: (loops, ...rows) => loops.squaredLoss(...rows),
    lossPower: 2,
  },
  multiclass: {
    gradients: 'gradientsOfClasses',
    update: 'updateScores',
    units: ({ sums }, heaviest) => fixedPointUnits({ classes: sums }, heaviest),
    loss: (loops, ...rows) => loops.classLoss(...rows),
    lossPower: 0,
  },
}
