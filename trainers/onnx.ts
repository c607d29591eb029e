import { MessageWriter } from './protobuf.ts'
import type { Ensemble } from './trees/ensemble.ts'

/** An input of the model: a number, or text with the codes its values are mapped to inside the graph. */
export type ModelInput =
  | { readonly name: string; readonly kind: 'number' }
  | { readonly name: string; readonly kind: 'category'; readonly categories: readonly string[] }

// Numbers of onnx.proto3 (github.com/onnx/onnx), the few that are needed here.
const elementType = { float: 1, int64: 7, string: 8 } as const
const attributeType = { float: 1, int: 2, string: 3, floats: 6, ints: 7, strings: 8 } as const

type Attribute = readonly [
  name: string,
  type: keyof typeof attributeType,
  value: number | string | readonly number[] | readonly string[] | Float32Array,
]

function attribute([name, type, value]: Attribute): MessageWriter {
  const message = new MessageWriter().bytes(1, name)
  if (type === 'float') message.float(2, value as number)
  else if (type === 'int') message.int(3, value as number)
  else if (type === 'string') message.bytes(4, value as string)
  else if (type === 'floats') message.packedFloats(7, value as Float32Array)
  else if (type === 'ints') message.packedInts(8, value as number[])
  else for (const text of value as string[]) message.bytes(9, text)
  return message.int(20, attributeType[type])
}

function node(
  operator: string,
  domain: string,
  inputs: readonly string[],
  outputs: readonly string[],
  attributes: readonly Attribute[],
): MessageWriter {
  const message = new MessageWriter()
  for (const input of inputs) message.bytes(1, input)
  for (const output of outputs) message.bytes(2, output)
  message.bytes(3, outputs[0] as string).bytes(4, operator)
  for (const each of attributes) message.bytes(5, attribute(each))
  return message.bytes(7, domain)
}

/** A tensor of shape [rows, columns] (or [rows]). */
function valueInfo(name: string, type: keyof typeof elementType, columns: number | undefined): MessageWriter {
  const shape = new MessageWriter().bytes(1, new MessageWriter().bytes(2, 'rows'))
  if (columns !== undefined) shape.bytes(1, new MessageWriter().int(1, columns))
  const tensor = new MessageWriter().int(1, elementType[type]).bytes(2, shape)
  return new MessageWriter().bytes(1, name).bytes(2, new MessageWriter().bytes(1, tensor))
}

/**
 * An ensemble as an ONNX model (IR 8, opset 17, ai.onnx.ml 3), byte for byte the same for the same trees.
 * Inputs: one tensor [rows, 1] a feature, float32 or string, by name; text is mapped to its code inside (unknown text is
 * missing). Outputs: `label` int64 [rows] and `probabilities` float32 [rows, 2]; or `prediction` float32 [rows, 1].
 */
export function toOnnx(name: string, { task, base, trees }: Ensemble, inputs: readonly ModelInput[]): Uint8Array {
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

  const nodes = {
    treeids: [] as number[],
    nodeids: [] as number[],
    featureids: [] as number[],
    modes: [] as string[],
    values: [] as number[],
    trueids: [] as number[],
    falseids: [] as number[],
    missing: [] as number[],
  }
  const leaves = { treeids: [] as number[], nodeids: [] as number[], weights: [] as number[] }
  const addLeaf = (tree: number, id: number, weight: number): void => {
    leaves.treeids.push(tree)
    leaves.nodeids.push(id)
    leaves.weights.push(weight)
  }
  const addNode = (
    tree: number,
    id: number,
    feature: number,
    value: number,
    left: number,
    right: number,
    missingLeft: number,
  ): void => {
    nodes.treeids.push(tree)
    nodes.nodeids.push(id)
    nodes.featureids.push(Math.max(0, feature))
    nodes.modes.push(feature < 0 ? 'LEAF' : 'BRANCH_LEQ')
    nodes.values.push(value)
    nodes.trueids.push(left)
    nodes.falseids.push(right)
    nodes.missing.push(missingLeft)
  }
  trees.forEach((tree, number) => {
    tree.feature.forEach((feature, id) => {
      const inside = feature >= 0
      addNode(
        number,
        id,
        feature,
        tree.threshold[id] as number,
        inside ? (tree.left[id] as number) : 0,
        inside ? (tree.right[id] as number) : 0,
        tree.missingLeft[id] as number,
      )
      if (!inside) addLeaf(number, id, tree.value[id] as number)
    })
  })
  // ONNX Runtime takes a binary classifier without a negative weight for one whose sums are probabilities already. A last
  // tree that is one leaf, too light to change any sum, tells it otherwise.
  if (task === 'binary' && leaves.weights.every((weight) => weight >= 0)) {
    addNode(trees.length, 0, -1, 0, 0, 0, 0)
    addLeaf(trees.length, 0, -1e-38)
  }

  const zeros = leaves.weights.map(() => 0)
  const shape: Attribute[] = [
    ['base_values', 'floats', Float32Array.of(base)],
    ['nodes_falsenodeids', 'ints', nodes.falseids],
    ['nodes_featureids', 'ints', nodes.featureids],
    ['nodes_missing_value_tracks_true', 'ints', nodes.missing],
    ['nodes_modes', 'strings', nodes.modes],
    ['nodes_nodeids', 'ints', nodes.nodeids],
    ['nodes_treeids', 'ints', nodes.treeids],
    ['nodes_truenodeids', 'ints', nodes.trueids],
    ['nodes_values', 'floats', Float32Array.from(nodes.values)],
  ]
  if (task === 'binary') {
    const weights: Attribute[] = [
      ['class_ids', 'ints', zeros],
      ['class_nodeids', 'ints', leaves.nodeids],
      ['class_treeids', 'ints', leaves.treeids],
      ['class_weights', 'floats', Float32Array.from(leaves.weights)],
      ['classlabels_int64s', 'ints', [0, 1]],
      ['post_transform', 'string', 'LOGISTIC'],
    ]
    graph.bytes(
      1,
      node('TreeEnsembleClassifier', 'ai.onnx.ml', ['features'], ['label', 'probabilities'], [...shape, ...weights]),
    )
  } else {
    const weights: Attribute[] = [
      ['n_targets', 'int', 1],
      ['post_transform', 'string', 'NONE'],
      ['target_ids', 'ints', zeros],
      ['target_nodeids', 'ints', leaves.nodeids],
      ['target_treeids', 'ints', leaves.treeids],
      ['target_weights', 'floats', Float32Array.from(leaves.weights)],
    ]
    graph.bytes(1, node('TreeEnsembleRegressor', 'ai.onnx.ml', ['features'], ['prediction'], [...shape, ...weights]))
  }

  graph.bytes(2, name)
  for (const input of inputs) graph.bytes(11, valueInfo(input.name, input.kind === 'number' ? 'float' : 'string', 1))
  if (task === 'binary')
    graph.bytes(12, valueInfo('label', 'int64', undefined)).bytes(12, valueInfo('probabilities', 'float', 2))
  else graph.bytes(12, valueInfo('prediction', 'float', 1))

  const opset = (domain: string, version: number): MessageWriter => new MessageWriter().bytes(1, domain).int(2, version)
  return new MessageWriter()
    .int(1, 8)
    .bytes(2, 'slipway')
    .bytes(7, graph)
    .bytes(8, opset('', 17))
    .bytes(8, opset('ai.onnx.ml', 3))
    .finish()
}
