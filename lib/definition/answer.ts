import type { ColumnsOf, Numbers } from '../formats/columns.ts'
import type { Task } from '../formats/plan.ts'

/** What a function that answers gets of a model's scores, rows in their order. */
export interface ScoresOfTask {
  /** The probability of the positive class, [rows]. */
  binary: { readonly probability: Float32Array }
  /**
   * The predicted number, [rows]; float64 where float32 is too coarse for the labels. Of several targets that of the
   * first, and `predictions` has each by its column.
   */
  regression: { readonly prediction: Numbers; readonly predictions: Readonly<Record<string, Numbers>> }
  /** What orders the rows of a group, [rows]. */
  ranking: { readonly score: Numbers }
  /** By quantile, as `'0.9'`: [rows]. */
  quantiles: { readonly quantiles: Readonly<Record<string, Numbers>> }
  multiclass: {
    /** Row by row, [rows · classes]. */
    readonly probabilities: Float32Array
    readonly classes: readonly string[]
    /** The likeliest class, [rows]. */
    readonly label: readonly string[]
  }
}

/** Answers, one a row: all numbers, all truth values or all texts. */
export type Answers =
  | Float64Array
  | Float32Array
  | Int32Array
  | Uint8Array
  | readonly number[]
  | readonly boolean[]
  | readonly string[]

/**
 * A function that answers: a threshold, a rounding, a rule of the business. A named export over scores and the columns
 * that feature functions see, any number of rows, one included; it depends on each row alone.
 */
export type AnswerFunction<Seen, T extends Task> = (scores: ScoresOfTask[T], columns: ColumnsOf<Seen>) => Answers
