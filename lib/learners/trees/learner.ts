import { TreesLearner } from '../../formats/learner.ts'
import type { Learner, LearnerOrder, LearnerRows } from '../learner.ts'
import { boost, type Dataset } from './boost.ts'
import { predict } from './ensemble.ts'
import { toOnnx } from './graph.ts'
import { directionsOf, withClassWeights } from './options.ts'

/** Gradient-boosted trees. */
export const treesLearner: Learner<TreesLearner> = {
  kind: 'trees',
  parameters: TreesLearner,
  categoryOrder: ({ categories, bins }) =>
    categories === 'sets' ? { by: 'frequency', most: bins } : { by: 'mean label' },

  train(order, onProgress) {
    const { model, task, parameters, inputs, classes, train, validation, threads } = order
    const { ensemble, importance, validationLoss } = boost(
      task,
      { train: datasetOf(order, train), validation: datasetOf(order, validation) },
      parameters,
      {
        threads,
        classes: classes?.length,
        onRound: (rounds) => onProgress(`tree ${rounds} of ${parameters.trees}`, rounds / parameters.trees),
      },
    )
    return {
      onnx: toOnnx(model, ensemble, inputs, classes),
      predictions: predict(ensemble, validation.features, validation.labels.length),
      importance,
      report: { trees: ensemble.trees.length, validationLoss },
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
