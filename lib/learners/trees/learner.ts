import { TreesLearner } from '../../formats/learner.ts'
import { calibrationOf } from '../calibrate.ts'
import { type Learner, type LearnerOrder, type LearnerRows, targetsOf } from '../learner.ts'
import { type BoostOptions, boost, type Dataset } from './boost.ts'
import { predict } from './ensemble.ts'
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
    // Sums are what a regression answers.
    const logOdds = () => predict({ ...grown, task: 'regression' }, validation.features, rows)
    const calibration = calibrationOf(order, logOdds)
    const ensemble = calibration === undefined ? grown : { ...grown, calibration }
    return {
      onnx: toOnnx(model, ensemble, inputs, classes),
      predictions: predict(ensemble, validation.features, rows),
      importance,
      report: { trees: ensemble.trees.length, validationLoss, ...(calibration && { calibrated: calibration.method }) },
    }
  },
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
