import type { ColumnsOf, FeatureColumns } from '../formats/columns.ts'
import type { Calibrate, LearnerParameters } from '../formats/learner.ts'
import type { Task } from '../formats/plan.ts'
import type { SageMakerSearch } from '../formats/sagemaker-tuning.ts'
import type { Target } from './target.ts'
import type { TuneBudget, Tuned } from './tuning.ts'

/** How a model is trained, whatever rows it learns from. */
export interface TrainOptions<
  Row,
  Column extends keyof Row & string,
  T extends Task,
  Made extends FeatureColumns,
  Weight extends keyof Row & string,
  Group extends keyof Row & string = never,
> {
  features: (columns: ColumnsOf<Omit<Row, Column | Weight | Group>>) => Made
  target: Target<Column, ColumnsOf<Row>[Column], T, NoInfer<Row>[Column], Group>
  /**
   * Sets of features that matter together: the model gets, for each, the mean label of training rows with the same
   * values (out of fold while it trains, so that no row sees its own label). For text and for numbers with few values.
   */
  crosses?: readonly (readonly [keyof Made & string, ...(keyof Made & string)[]])[]
  /**
   * A column that says how much each row counts while the model learns, at least 0; evaluations count every row alike.
   */
  weight?: Weight
  /**
   * Calibrates the probabilities of a classifier by the validation rows: 'isotonic' by a rising line through the shares
   * of positives (some thousand rows), 'platt' by a logistic curve (fewer); several classes each against all others. Of
   * trees and linear models. Where the same rows also stop the trees early, what they say is a little better than it
   * is.
   */
  calibrate?: T extends 'binary' | 'multiclass' ? Calibrate : never
  learner: LearnerParameters
  seed: number
  /**
   * Parameters of the learner that are chosen by trials, each a training that is measured on the validation rows: by
   * name what they may be, `[50, 400]`, `log(0.02, 0.3)`, `oneOf('ordered', 'sets')`. The learner says the others.
   */
  tune?: Readonly<Record<string, Tuned>>
  /** How much may be tried: 50 trials unless it is said. */
  budget?: TuneBudget
  /** Who searches, where that is not Slipway: `sagemakerTuning(…)`. */
  search?: SageMakerSearch
  /** Whether a retraining tunes anew; else it keeps what was chosen for the version in force. */
  retune?: boolean
}
