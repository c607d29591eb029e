import { TreesLearner } from '../../formats/learner.ts'
import { calibratedFact, calibrationOf, classCalibrationsOf } from '../calibrate.ts'
import { type Learner, type LearnerOrder, type LearnerRows, targetsOf } from '../learner.ts'
import { type BoostOptions, boost, type Dataset } from './boost.ts'
import { classScoresOf, type Ensemble, predict } from './ensemble.ts'
import { toOnnx } from './graph.ts'
import { directionsOf, requireNumber, withClassWeights } from './options.ts'
import { boostSeveral } from './several.ts'

/** Gradient-boosted trees. */
export const treesLearner: Learner<TreesLearner> = {
  kind: 'trees',
  parameters: TreesLearner,
  categoryOrder: ({ categories, bins }) =>
    categories === 'sets' ? { by: 'frequency', most: bins } : { by: 'mean label' },

  train(order, onProgress) {
    const { model, task, parameters, inputs, classes, outputs, train, validation, threads } = order
    requireNumber(order)
    const data = { train: datasetOf(order, train), validation: datasetOf(order, validation) }
    const options: BoostOptions = {
      threads,
      classes: classes?.length,
      onRound: (rounds) => onProgress(`tree ${Math.ceil(rounds)} of ${parameters.trees}`, rounds / parameters.trees),
    }
    const boosted =
      outputs !== undefined
        ? boostSeveral(order, data, options)
        : boost(task === 'quantiles' ? 'regression' : task, data, parameters, options)
    const { ensemble: grown, importance, validationLoss } = boosted
    const rows = validation.labels.length / targetsOf(order)
    const ensemble = { ...grown, ...calibrationsOf(order, grown) }
    return {
      onnx: toOnnx(model, ensemble, inputs, classes),
      predictions: predict(ensemble, validation.features, rows),
      importance,
      report: { trees: ensemble.trees.length, validationLoss, ...calibratedFact(order) },
    }
  },
}

/** What makes probabilities of sums, where the order asks for it. */
function calibrationsOf(
  order: LearnerOrder<TreesLearner>,
  grown: Ensemble,
): Pick<Ensemble, 'calibration' | 'calibrations'> {
  const { features, labels } = order.validation
  if (grown.task === 'multiclass') {
    const calibrations = classCalibrationsOf(order, () => classScoresOf(grown, features, labels.length))
    return calibrations === undefined ? {} : { calibrations }
  }
  // Sums are what a regression answers.
  const calibration = calibrationOf(order, () => predict({ ...grown, task: 'regression' }, features, labels.length))
  return calibration === undefined ? {} : { calibration }
}

/**
 * Rows as the trees take them: by the weights of their classes, with how many values texts have where they are parted
 * by sets of them.
 */
function datasetOf(order: LearnerOrder<TreesLearner>, given: LearnerRows): Dataset {
  const { parameters, inputs } = order
  const rows = { ...withClassWeights(order, given), directions: directionsOf(order) }
  if (parameters.categories !== 'sets') return rows
  return {
    ...rows,
    categories: inputs.map((input) => (input.kind === 'category' ? input.categories.length : undefined)),
  }
}
