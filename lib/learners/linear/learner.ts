import { SlipwayError } from '../../formats/errors.ts'
import { LinearLearner } from '../../formats/learner.ts'
import type { Task } from '../../formats/plan.ts'
import { type Standard, scaleOf, standardized, standardOf } from '../../stats/standard.ts'
import { calibratedFact, calibrationOf } from '../calibrate.ts'
import type { Learned, Learner, LearnerOrder } from '../learner.ts'
import { modelBytes } from '../onnx/graph.ts'
import { type LearnedLinear, trainClasses } from './classes/train.ts'
import { countingWeights } from './counting-weights.ts'
import { type Design, designOf } from './design.ts'
import { type Fit, fitLinear } from './fit.ts'
import { linearGraph } from './graph.ts'
import { importanceOf } from './importance.ts'
import { type LinearModel, modelOf, predictLinear } from './model.ts'
import { predictSeveral, severalGraph, severalLinear } from './several.ts'

/** Values of a text that have a weight, the most frequent ones: of each at most so many, and of all together. */
const mostOfText = 254
const mostOfTexts = 2_000
/**
 * Weights that a model may have: their second derivatives are a matrix of as many rows and columns, 200 MB of 5,000.
 */
const mostWeights = 5_000

/** Logistic and ridge regression. What it answers is typed as it is, for learners that are made of it. */
export const linearLearner = {
  kind: 'linear',
  parameters: LinearLearner,
  categoryOrder: (_, texts) => ({
    by: 'frequency',
    most: Math.max(1, Math.min(mostOfText, Math.floor(mostOfTexts / texts))),
  }),

  train(order, onProgress): LearnedLinear {
    const { model: name, task, parameters, inputs, train, validation } = order
    requireMeans(task)
    const design = designOf(order)
    requireRoom(design.columns)
    if (order.outputs !== undefined) return trainSeveral(order, design)
    if (task === 'multiclass') return trainClasses(order, design, onProgress)
    const standard = task === 'regression' ? standardOf(train.labels, train.weights) : undefined
    const fit = fitLinear(
      {
        task,
        design,
        features: train.features,
        labels: standard === undefined ? train.labels : standardized(train.labels, standard),
        rowWeights: train.weights === undefined ? undefined : countingWeights(train.weights),
        l2: parameters.l2,
      },
      (taken) => onProgress(`step ${taken + 1} of Newton's method`, 1 - 1 / (taken + 1)),
    )
    const fitted = modelOf(task, design, fit.weights, standard)
    // Sums are what a regression answers.
    const calibration = calibrationOf(order, () => predictLinear({ ...fitted, task: 'regression' }, validation))
    const model = calibration === undefined ? fitted : { ...fitted, calibration }
    const answers = model.restore && 'float64'
    return {
      onnx: modelBytes({ name, task, answers, inputs, mlVersion: 3, ...linearGraph(model, inputs) }),
      predictions: predictLinear(model, validation),
      importance: importanceOf(model, train, inputs.length),
      weights: weightsByInput(fit, design, standard),
      report: { words: wordsOf(order, fit, model), ...calibratedFact(order) },
    }
  },
} satisfies Learner<LinearLearner>

/** Ridge regression of several targets. */
function trainSeveral(
  { model: name, task, parameters, inputs, outputs = [], train, validation }: LearnerOrder<LinearLearner>,
  design: Design,
) {
  const rowWeights = train.weights === undefined ? undefined : countingWeights(train.weights)
  const order = { design, rowWeights, l2: parameters.l2 }
  const { models, importance } = severalLinear(order, train, { targets: outputs.length, inputs: inputs.length })
  const answers = models[0]?.restore && 'float64'
  const width = outputs.length
  return {
    onnx: modelBytes({ name, task, answers, width, inputs, mlVersion: 3, ...severalGraph(models, inputs) }),
    predictions: predictSeveral(models, validation),
    importance,
    // One of each target: too many for a column of the card.
    weights: [] as (number | undefined)[],
    report: {
      words: {
        model: 'ridge regression',
        importance: 'share of spread',
        training: `L2 ${parameters.l2}, ${design.columns - 1} weights and an intercept for each of ${width} targets, by one decomposition.`,
      },
    },
  } satisfies Learned
}

/** @throws SlipwayError DEFINITION_INVALID */
function requireMeans(task: Task): void {
  if (task !== 'quantiles' && task !== 'ranking') return
  const what = task === 'ranking' ? 'does not rank rows' : 'predicts means, and this target is quantiles'
  throw new SlipwayError('DEFINITION_INVALID', `a linear model ${what}`, {
    next: 'take trees(…), a program, or a finished model',
  })
}

/** @throws SlipwayError TRAINING_TOO_LARGE */
function requireRoom(columns: number): void {
  if (columns <= mostWeights) return
  throw new SlipwayError('TRAINING_TOO_LARGE', `a linear model of ${columns} weights; ${mostWeights} are the most`, {
    next: 'make fewer features, or take trees(…)',
  })
}

/** What a standard deviation more of each number adds, in units of the answer. */
function weightsByInput(
  { weights }: Fit,
  { numbers, texts }: LinearModel['design'],
  standard: Standard | undefined,
): NonNullable<Learned['weights']> {
  const scale = standard === undefined ? 1 : scaleOf(standard)
  const byInput = new Array<number | undefined>(numbers.length + texts.length).fill(undefined)
  numbers.forEach(({ input }, i) => {
    byInput[input] = (weights[i] as number) * scale
  })
  return byInput
}

/** What the model card says of it. */
function wordsOf({ task, parameters }: LearnerOrder<LinearLearner>, fit: Fit, { design }: LinearModel) {
  const ended = fit.converged ? '' : ', not enough for the gradient to vanish'
  const steps = `${fit.steps} step${fit.steps === 1 ? '' : 's'} of Newton's method${ended}`
  return {
    model: task === 'binary' ? 'logistic regression' : 'ridge regression',
    importance: 'share of spread',
    training: `L2 ${parameters.l2}, ${design.columns - 1} weights and an intercept, ${steps}.`,
  }
}
