import { type Attribute, type GraphPart, node } from '../onnx/messages.ts'
import type { Ensemble } from './ensemble.ts'
import { sumOf } from './restore.ts'

/** What a node of a tree asks, and where the answer leads; a leaf asks for feature -1. */
interface Test {
  readonly feature: number
  readonly value: number
  readonly left: number
  readonly right: number
  readonly missingLeft: number
}

/**
 * Trees of thresholds as ai.onnx.ml 3 has them, which every runtime knows: TreeEnsembleClassifier or
 * TreeEnsembleRegressor.
 */
export function namedTrees(ensemble: Ensemble): GraphPart {
  const { task, base, trees } = ensemble
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
  const addNode = (tree: number, id: number, test: Test): void => {
    const { feature, value, left, right, missingLeft } = test
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
      addNode(number, id, {
        feature,
        value: tree.threshold[id] as number,
        left: inside ? (tree.left[id] as number) : 0,
        right: inside ? (tree.right[id] as number) : 0,
        missingLeft: tree.missingLeft[id] as number,
      })
      if (!inside) addLeaf(number, id, tree.value[id] as number)
    })
  })
  // ONNX Runtime takes a binary classifier without a negative weight for one whose sums are probabilities already. A
  // last tree that is one leaf, too light to change any sum, tells it otherwise.
  if (task === 'binary' && leaves.weights.every((weight) => weight >= 0)) {
    addNode(trees.length, 0, { feature: -1, value: 0, left: 0, right: 0, missingLeft: 0 })
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
    const classifier = node(
      'TreeEnsembleClassifier',
      'ai.onnx.ml',
      ['features'],
      ['label', 'probabilities'],
      [...shape, ...weights],
    )
    return { nodes: [classifier], constants: [] }
  }
  const weights: Attribute[] = [
    ['n_targets', 'int', 1],
    ['post_transform', 'string', 'NONE'],
    ['target_ids', 'ints', zeros],
    ['target_nodeids', 'ints', leaves.nodeids],
    ['target_treeids', 'ints', leaves.treeids],
    ['target_weights', 'floats', Float32Array.from(leaves.weights)],
  ]
  const regressor = node('TreeEnsembleRegressor', 'ai.onnx.ml', ['features'], [sumOf(ensemble)], [...shape, ...weights])
  return { nodes: [regressor], constants: [] }
}
