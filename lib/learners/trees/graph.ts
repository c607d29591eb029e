import type { ModelInput } from '../learner.ts'
import { calibratedAnswers } from '../onnx/calibration.ts'
import { classAnswers } from '../onnx/class-answers.ts'
import { calibratedClassAnswers } from '../onnx/class-calibration.ts'
import { modelBytes } from '../onnx/graph.ts'
import { type GraphPart, node } from '../onnx/messages.ts'
import type { Ensemble } from './ensemble.ts'
import { indexedTrees } from './indexed-trees.ts'
import { namedTrees } from './named-trees.ts'
import { restorePrediction, sortedPrediction } from './restore.ts'

/**
 * An ensemble as an ONNX model (`graph.ts` says what it takes and answers); text is mapped to its code inside, unknown
 * text is missing. Trees that ask for sets need ai.onnx.ml 5, others 3.
 * @param classes of a multiclass task: what they are called
 */
export function toOnnx(
  name: string,
  ensemble: Ensemble,
  inputs: readonly ModelInput[],
  classes?: readonly string[],
): Uint8Array {
  const encoders = inputs.flatMap((input) =>
    input.kind === 'number'
      ? []
      : [
          node(
            'LabelEncoder',
            'ai.onnx.ml',
            [input],
            [`${input.name}:code`],
            [
              ['default_float', 'float', Number.NaN],
              ['keys_strings', 'strings', input.categories],
              ['values_floats', 'floats', Float32Array.from(input.categories, (_, code) => code)],
            ],
          ),
        ],
  )
  const columns = inputs.map((input) => (input.kind === 'number' ? input : `${input.name}:code`))
  // The newer operator has no softmax that all runtimes agree on: of several classes the older one asks for members.
  const asksForSets = classes === undefined && ensemble.trees.some(({ members }) => members.size > 0)
  const trees = (asksForSets ? indexedTrees : namedTrees)(ensemble)
  const restore = restorePrediction(ensemble)
  const sorted = sortedPrediction(ensemble)
  const answers = answersOf(ensemble, classes)
  return modelBytes({
    name,
    task: ensemble.task,
    classes,
    answers: ensemble.restore && 'float64',
    width: ensemble.bases.length,
    inputs,
    nodes: [
      ...encoders,
      node('Concat', '', columns, ['features'], [['axis', 'int', 1]]),
      ...trees.nodes,
      ...restore.nodes,
      ...sorted.nodes,
      ...answers.nodes,
    ],
    constants: [...trees.constants, ...restore.constants, ...sorted.constants, ...answers.constants],
    mlVersion: asksForSets ? 5 : 3,
  })
}

/** What follows the trees where they do not answer by themselves. */
function answersOf({ calibration, calibrations }: Ensemble, classes: readonly string[] | undefined): GraphPart {
  if (calibration !== undefined) return calibratedAnswers(calibration, 'score', '')
  if (classes !== undefined && calibrations !== undefined)
    return calibratedClassAnswers(calibrations, 'scores', classes)
  return classes === undefined ? { nodes: [], constants: [] } : classAnswers(classes)
}
