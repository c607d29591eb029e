import type { z } from 'zod'
import { LinearLearner, OnnxLearner, OutsideLearner, TreesLearner } from '../formats/learner.ts'

/** Gradient-boosted trees, trained in process; see `TreesLearner` for the parameters and their defaults. */
export function trees(options: Omit<z.input<typeof TreesLearner>, 'kind'> = {}): TreesLearner {
  return TreesLearner.parse({ kind: 'trees', ...options })
}

/** Logistic regression of a yes/no target, ridge regression of a number; see `LinearLearner` for the penalty. */
export function linear(options: Omit<z.input<typeof LinearLearner>, 'kind'> = {}): LinearLearner {
  return LinearLearner.parse({ kind: 'linear', ...options })
}

/**
 * A finished model in the place of one that is trained; see `OnnxLearner` for how its inputs and outputs are named.
 * @param file from the project's folder
 */
export function onnx(
  file: string,
  options: Omit<z.input<typeof OnnxLearner>, 'kind' | 'file' | 'model'> = {},
): OnnxLearner {
  return OnnxLearner.parse({ kind: 'onnx', file, ...options })
}

/**
 * A learner that `slipway.config.ts` adds; its parameters are checked when the pipeline is planned.
 * @param kind its name
 */
export function learner(kind: string, parameters: OutsideLearner['parameters'] = {}): OutsideLearner {
  return OutsideLearner.parse({ kind: 'outside', name: kind, parameters })
}
