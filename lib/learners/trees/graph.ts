import type { ModelInput } from '../learner.ts'
import { modelBytes } from '../onnx/graph.ts'
import { node } from '../onnx/messages.ts'
import type { Ensemble } from './ensemble.ts'
import { indexedTrees } from './indexed-trees.ts'
import { namedTrees } from './named-trees.ts'
import { restorePrediction } from './restore.ts'

/**
 * An ensemble as an ONNX model (`graph.ts` says what it takes and answers); text is mapped to its code inside, unknown
 * text is missing. Trees that ask for sets need ai.onnx.ml 5, others 3.
 */
export function toOnnx(name: string, ensemble: Ensemble, inputs: readonly ModelInput[]): Uint8Array {
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
  const asksForSets = ensemble.trees.some(({ members }) => members.size > 0)
  const trees = (asksForSets ? indexedTrees : namedTrees)(ensemble)
  const restore = restorePrediction(ensemble)
  return modelBytes({
    name,
    task: ensemble.task,
    answers: ensemble.restore && 'float64',
    inputs,
    nodes: [
      ...encoders,
      node('Concat', '', columns, ['features'], [['axis', 'int', 1]]),
      ...trees.nodes,
      ...restore.nodes,
    ],
    constants: [...trees.constants, ...restore.constants],
    mlVersion: asksForSets ? 5 : 3,
  })
}
