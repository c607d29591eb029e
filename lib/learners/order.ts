import { columnOf } from '../formats/answers.ts'
import { isOfClasses, targetColumns, targetOutputs } from '../formats/code-ref.ts'
import type { StepOf } from '../formats/plan.ts'
import { standardized, standardOf } from '../stats/standard.ts'
import { type FittedCross, fitCrosses } from './crosses.ts'
import type { LabelledFeatures } from './dataset.ts'
import { encode, fitInputs } from './encode.ts'
import type { CategoryOrder, LearnerOrder, LearnerRows } from './learner.ts'
import type { TrainingRows } from './training-rows.ts'

/** Rows with what every learner is given of them, whichever it is. */
export interface PreparedRows extends TrainingRows {
  /**
   * Labels of the training rows whose means order texts: of a regression from their centre, in units of their spread;
   * of several classes whether it is the most frequent one; of several targets the mean of them.
   */
  readonly labels: Float64Array
  readonly labelSpread: number | undefined
  /** What the numbers of a row are called, where there are several that are no classes. */
  readonly outputs?: readonly string[] | undefined
  /** Of several quantiles: their levels. */
  readonly levels?: readonly number[] | undefined
  readonly crosses: readonly FittedCross[]
}

/** Means of labels, of categories and of crosses, are taken from their centre. */
export function prepareRows(step: StepOf<'train'>, { train, validation }: TrainingRows): PreparedRows {
  const targets = targetColumns(step.target).length
  const standards = isOfClasses(step.task)
    ? []
    : columnsOf(train.labels, targets).map((labels) => ({ labels, standard: standardOf(labels, train.weights) }))
  const standardLabels = standards.map(({ labels, standard }) => standardized(labels, standard))
  const labels = standards.length === 0 ? orderingLabels(train) : meansOf(standardLabels)
  const crosses = fitCrosses(step, { train: { ...train, labels }, validation })
  const labelSpread = targets === 1 ? standards[0]?.standard.spread : undefined
  return {
    train,
    validation,
    labels,
    labelSpread,
    crosses,
    outputs: targetOutputs(step.target),
    levels: step.target.levels,
  }
}

/** Columns of labels [rows · targets]. */
const columnsOf = (labels: Float64Array, targets: number): Float64Array[] =>
  Array.from({ length: targets }, (_, i) => columnOf(labels, i, targets) as Float64Array)

/** The mean of each row over columns. */
function meansOf(columns: readonly Float64Array[]): Float64Array {
  const [first] = columns as [Float64Array]
  if (columns.length === 1) return first
  return first.map((_, row) => columns.reduce((sum, column) => sum + (column[row] as number), 0) / columns.length)
}

function orderingLabels({ labels, classes }: TrainingRows['train']): Float64Array {
  if (classes === undefined) return labels
  const commonest = classes.rows.indexOf(Math.max(...classes.rows))
  return labels.map((label) => (label === commonest ? 1 : 0))
}

/** Rows as a learner takes them: features in the order of its inputs, then crosses. */
export function encodeRows(
  { train, validation, labels, crosses, outputs, levels }: PreparedRows,
  order: CategoryOrder,
): Pick<LearnerOrder<unknown>, 'inputs' | 'classes' | 'outputs' | 'levels' | 'train' | 'validation'> {
  const inputs = fitInputs(train.features, labels, order)
  return {
    inputs: [...inputs, ...crosses.map(({ cross }) => ({ name: cross.name, kind: 'number' as const }))],
    ...(train.classes !== undefined && { classes: train.classes.names }),
    ...(outputs !== undefined && { outputs }),
    ...(levels !== undefined && { levels }),
    train: {
      features: [...encode(train.features, inputs), ...crosses.map((cross) => cross.train)],
      labels: train.labels,
      weights: train.weights,
      ...groupsOf(train),
    },
    validation: {
      features: [...encode(validation.features, inputs), ...crosses.map((cross) => cross.validation)],
      labels: validation.labels,
      weights: validation.weights,
      ...groupsOf(validation),
    },
  }
}

const groupsOf = ({ groups }: LabelledFeatures): Pick<LearnerRows, 'groups'> =>
  groups === undefined ? {} : { groups: groups.numbers }

/** How many of the features are texts. */
export const textsIn = ({ train }: TrainingRows): number =>
  train.features.filter(({ kind }) => kind === 'category').length
