import type { Task } from '../code-ref.ts'
import type { Column, Numbers } from '../columns.ts'

/**
 * Predictions [rows] (probability of the positive class, or the predicted number) and labels [rows] (0/1, or the true
 * number). Of several classes predictions are their probabilities [rows · classes], row by row, and labels their
 * numbers.
 */
export interface Scored {
  readonly predictions: Numbers
  readonly labels: Float64Array
  /** What the numbers are called, where a row has several that are no classes: see `several.ts`. */
  readonly outputs?: readonly string[] | undefined
  /** [rows] of a ranking: which group a row is of, by its number. Rows of one need not be together. */
  readonly groups?: Uint32Array | undefined
  /** Further columns of the same rows, for metrics of the user's that ask for them. */
  readonly columns?: Readonly<Record<string, Column>>
}

/** How a value is computed from rows, and which way it is good: what gates judge by. */
export interface Measure {
  readonly better: 'larger' | 'smaller'
  /**
   * The value of scored rows; NaN where it is not defined.
   * @param order the ascending order of the predictions, computed when it is asked for
   */
  of(scored: Scored, order: () => Uint32Array): number
  /** The value as a function of how often each row was drawn, where that is quicker than measuring the drawn rows. */
  resampled?(scored: Scored): (counts: Uint16Array) => number
}

/** A metric of predictions: all there is to know of it besides the name that a definition imports. */
export interface RowMetric<Fits extends Task = Task> extends Measure {
  readonly tasks: readonly Fits[]
  /** It is shown of every check of a monitor, whether rules ask for it or not. */
  readonly isShown?: true
  /**
   * A constant prediction can be perfect in it, or it says nothing of quality: models are not compared by it unasked.
   */
  readonly isUnfitToCompare?: true
  /** Where a row has several numbers there is one of each, too: `rmse.rent`, `pinball.0.9`. */
  readonly isOfOutputs?: true
}

/** A metric of the model itself, measured in the gate. */
export interface CostMetric {
  readonly tasks: readonly Task[]
  readonly better: 'smaller'
  readonly isCost: true
  readonly isUnfitToCompare: true
}

/** A mean of a loss over rows: resampled by the losses, which do not change between draws. */
export const meanOf = (
  loss: (prediction: number, label: number) => number,
  finish?: (mean: number) => number,
): Resampled =>
  meanOfRows(
    ({ predictions, labels }) =>
      (row) =>
        loss(predictions[row] as number, labels[row] as number),
    finish,
  )

/** The same of a loss that reads more of a row than its first prediction. */
export function meanOfRows(
  lossesOf: (scored: Scored) => (row: number) => number,
  finish: (mean: number) => number = (mean) => mean,
): Resampled {
  return {
    of(scored) {
      const loss = lossesOf(scored)
      const rows = scored.labels.length
      let sum = 0
      for (let row = 0; row < rows; row++) sum += loss(row)
      return finish(sum / rows)
    },
    resampled(scored) {
      const loss = lossesOf(scored)
      const losses = Float64Array.from(scored.labels, (_, row) => loss(row))
      return (counts) => {
        let sum = 0
        for (let i = 0; i < losses.length; i++) sum += (losses[i] as number) * (counts[i] as number)
        return finish(sum / losses.length)
      }
    },
  }
}

export type Resampled = Required<Pick<Measure, 'of' | 'resampled'>>

/** Whether all labels are equal. By value: the variance of equal labels is not 0 in floating point. */
export const areAllEqual = (labels: Float64Array): boolean => labels.every((label) => label === labels[0])
