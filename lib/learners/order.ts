import type { StepOf } from '../formats/plan.ts'
import { standardized, standardOf } from '../stats/standard.ts'
import { type FittedCross, fitCrosses } from './crosses.ts'
import { encode, fitInputs } from './encode.ts'
import type { CategoryOrder, LearnerOrder } from './learner.ts'
import type { TrainingRows } from './training-rows.ts'

/** Rows with what every learner is given of them, whichever it is. */
export interface PreparedRows extends TrainingRows {
  /**
   * Labels of the training rows whose means order texts: of a regression from their centre, in units of their spread;
   * of several classes whether it is the most frequent one.
   */
  readonly labels: Float64Array
  readonly labelSpread: number | undefined
  readonly crosses: readonly FittedCross[]
}

/** Means of labels, of categories and of crosses, are taken from their centre. */
export function prepareRows(step: StepOf<'train'>, { train, validation }: TrainingRows): PreparedRows {
  const standard = step.task === 'regression' ? standardOf(train.labels, train.weights) : undefined
  const labels = standard === undefined ? orderingLabels(train) : standardized(train.labels, standard)
  const crosses = fitCrosses(step, { train: { ...train, labels }, validation })
  return { train, validation, labels, labelSpread: standard?.spread, crosses }
}

function orderingLabels({ labels, classes }: TrainingRows['train']): Float64Array {
  if (classes === undefined) return labels
  const commonest = classes.rows.indexOf(Math.max(...classes.rows))
  return labels.map((label) => (label === commonest ? 1 : 0))
}

/** Rows as a learner takes them: features in the order of its inputs, then crosses. */
export function encodeRows(
  { train, validation, labels, crosses }: PreparedRows,
  order: CategoryOrder,
): Pick<LearnerOrder<unknown>, 'inputs' | 'classes' | 'train' | 'validation'> {
  const inputs = fitInputs(train.features, labels, order)
  return {
    inputs: [...inputs, ...crosses.map(({ cross }) => ({ name: cross.name, kind: 'number' as const }))],
    ...(train.classes !== undefined && { classes: train.classes.names }),
    train: {
      features: [...encode(train.features, inputs), ...crosses.map((cross) => cross.train)],
      labels: train.labels,
      weights: train.weights,
    },
    validation: {
      features: [...encode(validation.features, inputs), ...crosses.map((cross) => cross.validation)],
      labels: validation.labels,
      weights: validation.weights,
    },
  }
}

/** How many of the features are texts. */
export const textsIn = ({ train }: TrainingRows): number =>
  train.features.filter(({ kind }) => kind === 'category').length
