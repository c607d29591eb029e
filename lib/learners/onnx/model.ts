import type { Ensemble } from '../trees/ensemble.ts'
import { indexedTrees } from './indexed-trees.ts'
import { node, valueInfo } from './messages.ts'
import { namedTrees } from './named-trees.ts'
import { MessageWriter } from './protobuf.ts'
import { restorePrediction } from './restore.ts'

/** An input of the model: a number, or text with the codes its values are mapped to inside the graph. */
export type ModelInput =
  | { readonly name: string; readonly kind: 'number' }
  | { readonly name: string; readonly kind: 'category'; readonly categories: readonly string[] }

/**
 * An ensemble as an ONNX model, byte for byte the same for the same trees. Inputs: one tensor [rows, 1] a feature, float32 or
 * string, by name; text is mapped to its code inside (unknown text is missing). Outputs: `label` int64 [rows] and `probabilities`
 * float32 [rows, 2]; or `prediction` [rows, 1], float32 or, where that cannot hold it, float64. Trees that ask for sets need ai.onnx.ml 5, others 3.
 */
export function toOnnx(name: string, ensemble: Ensemble, inputs: readonly ModelInput[]): Uint8Array {
  const graph = new MessageWriter()
  const columns = inputs.map((input) => {
    if (input.kind === 'number') return input.name
    graph.bytes(
      1,
      node(
        'LabelEncoder',
        'ai.onnx.ml',
        [input.name],
        [`${input.name}:code`],
        [
          ['default_float', 'float', Number.NaN],
          ['keys_strings', 'strings', input.categories],
          ['values_floats', 'floats', Float32Array.from(input.categories, (_, code) => code)],
        ],
      ),
    )
    return `${input.name}:code`
  })
  graph.bytes(1, node('Concat', '', columns, ['features'], [['axis', 'int', 1]]))
  const asksForSets = ensemble.trees.some(({ members }) => members.size > 0)
  const { nodes, constants } = (asksForSets ? indexedTrees : namedTrees)(ensemble)
  const restore = restorePrediction(ensemble)
  for (const each of [...nodes, ...restore.nodes]) graph.bytes(1, each)

  graph.bytes(2, name)
  for (const constant of [...constants, ...restore.constants]) graph.bytes(5, constant)
  for (const input of inputs) graph.bytes(11, valueInfo(input.name, input.kind === 'number' ? 'float' : 'string', 1))
  if (ensemble.task === 'binary')
    graph.bytes(12, valueInfo('label', 'int64', undefined)).bytes(12, valueInfo('probabilities', 'float', 2))
  else graph.bytes(12, valueInfo('prediction', ensemble.restore === undefined ? 'float' : 'double', 1))

  const opset = (domain: string, version: number): MessageWriter => new MessageWriter().bytes(1, domain).int(2, version)
  return new MessageWriter()
    .int(1, 8)
    .bytes(2, 'slipway')
    .bytes(7, graph)
    .bytes(8, opset('', 17))
    .bytes(8, opset('ai.onnx.ml', asksForSets ? 5 : 3))
    .finish()
}
