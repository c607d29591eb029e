import { SlipwayError } from '../../../formats/errors.ts'
import type { LinearLearner } from '../../../formats/learner.ts'
import { calibratedFact, classCalibrationsOf } from '../../calibrate.ts'
import type { Learned, LearnerOrder } from '../../learner.ts'
import { modelBytes } from '../../onnx/graph.ts'
import { countingWeights } from '../counting-weights.ts'
import type { Design } from '../design.ts'
import type { Fit } from '../fit.ts'
import { variancesOf } from '../importance.ts'
import { fitClasses } from './fit.ts'
import { classesGraph } from './graph.ts'
import { type ClassesModel, probabilitiesOf, sumsOf } from './model.ts'

/** Probabilities of rows that are kept in training, at most: 1 GB. */
const mostProbabilities = 2 ** 28

/** What is made of an order, which the card has words for. */
export type LearnedLinear = Learned & { readonly report: { readonly words: NonNullable<Learned['report']['words']> } }

/**
 * Trains multinomial logistic regression.
 * @throws SlipwayError TRAINING_TOO_LARGE, SINGLE_CLASS
 */
export function trainClasses(
  order: LearnerOrder<LinearLearner>,
  design: Design,
  onProgress: (what: string, done: number) => void,
): LearnedLinear {
  const { model: name, parameters, inputs, classes = [], train, validation } = order
  const { length: count } = classes
  if (train.labels.length * count > mostProbabilities)
    throw new SlipwayError(
      'TRAINING_TOO_LARGE',
      `a linear model of ${count} classes by ${train.labels.length} rows; ${Math.floor(mostProbabilities / count)} are the most`,
      { next: 'train on fewer rows, or take trees(…)' },
    )
  const fit = fitClasses(
    {
      design,
      features: train.features,
      labels: train.labels,
      classes: count,
      rowWeights: train.weights === undefined ? undefined : countingWeights(train.weights),
      l2: parameters.l2,
    },
    (taken) => onProgress(`step ${taken + 1} of Newton's method`, 1 - 1 / (taken + 1)),
  )
  const { columns } = design
  const fitted: ClassesModel = {
    design,
    weights: classes.map((_, own) => fit.weights.subarray(own * columns, (own + 1) * columns)),
  }
  const sums = sumsOf(fitted, validation)
  const calibrations = classCalibrationsOf(order, () => sums)
  const model = calibrations === undefined ? fitted : { ...fitted, calibrations }
  return {
    onnx: modelBytes({
      name,
      task: 'multiclass',
      classes,
      inputs,
      mlVersion: 3,
      ...classesGraph(model, inputs, classes),
    }),
    predictions: probabilitiesOf(model, sums),
    importance: importanceOf(model, train, inputs.length),
    report: { words: wordsOf(parameters, fit, design, count), ...calibratedFact(order) },
  }
}

/**
 * How much each input matters: the standard deviation of its terms over the rows, of all classes together, as a share
 * of the sum of all.
 */
function importanceOf(
  { design, weights }: ClassesModel,
  rows: LearnerOrder<unknown>['train'],
  inputs: number,
): number[] {
  const squares = new Float64Array(inputs)
  for (const own of weights)
    variancesOf({ design, weights: own }, rows, inputs).forEach((variance, input) => {
      squares[input] = (squares[input] as number) + variance
    })
  const deviations = squares.map(Math.sqrt)
  const total = deviations.reduce((sum, each) => sum + each, 0)
  return Array.from(deviations, (each) => (total === 0 ? 0 : each / total))
}

/** What the model card says of it. */
function wordsOf({ l2 }: LinearLearner, { steps, converged }: Fit, { columns }: Design, classes: number) {
  const ended = converged ? '' : ', not enough for the gradient to vanish'
  const taken = `${steps} step${steps === 1 ? '' : 's'} of Newton's method${ended}`
  return {
    model: 'multinomial logistic regression',
    importance: 'share of spread',
    training: `L2 ${l2}, ${columns - 1} weights and an intercept of each of ${classes} classes, ${taken}.`,
  }
}
