import { binaryAnswers } from '../onnx/binary-answers.ts'
import { type GraphPart, node, tensor } from '../onnx/messages.ts'
import { type Ensemble, sumOfTree, type Tree } from './ensemble.ts'
import { isClassifier, sumOf } from './restore.ts'

// Numbers of TreeEnsemble's enumerations (github.com/onnx/onnx, docs/Operators-ml.md).
const lessOrEqual = 0
const isMember = 6
const sum = 1
/**
 * ONNX's number for SOFTMAX and ONNX Runtime's for LOGISTIC: where the other class scores 0, both make the same of a
 * score.
 */
const softmaxOrLogistic = 1

/**
 * Trees as ai.onnx.ml 5 has them, where a node can ask for a set: inner nodes of all trees in one list, leaves in
 * another. There are no base values, so a last tree of each sum adds them; and no classes, so a binary task has two
 * targets, of which the first always scores 0.
 * @returns the nodes, and the constants they need
 */
export function indexedTrees(ensemble: Ensemble): GraphPart {
  const { bases, trees } = ensemble
  const isBinary = isClassifier(ensemble)
  const [modes, features, missing] = [[] as number[], [] as number[], [] as number[]]
  const [splits, members, roots] = [[] as number[], [] as number[], [] as number[]]
  const [trueIds, trueLeaves, falseIds, falseLeaves] = [[] as number[], [] as number[], [] as number[], [] as number[]]
  const [weights, targets] = [[] as number[], [] as number[]]

  const addLeaf = (weight: number, sum: number): Place => {
    targets.push(isBinary ? 1 : sum)
    return { id: weights.push(weight) - 1, isLeaf: 1 }
  }
  const addTest = (mode: number, feature: number, split: number, missingLeft: number): number => {
    features.push(feature)
    splits.push(split)
    missing.push(missingLeft)
    return modes.push(mode) - 1
  }
  const lead = (from: number, left: Place, right: Place): void => {
    trueIds[from] = left.id
    trueLeaves[from] = left.isLeaf
    falseIds[from] = right.id
    falseLeaves[from] = right.isLeaf
  }
  const add = (tree: Tree, at: number, sum: number): Place => {
    const feature = tree.feature[at] as number
    if (feature < 0) return addLeaf(tree.value[at] as number, sum)
    const set = tree.members.get(at)
    const id = addTest(
      set === undefined ? lessOrEqual : isMember,
      feature,
      set === undefined ? (tree.threshold[at] as number) : 0,
      tree.missingLeft[at] as number,
    )
    if (set !== undefined) members.push(...set, Number.NaN)
    lead(id, add(tree, tree.left[at] as number, sum), add(tree, tree.right[at] as number, sum))
    return { id, isLeaf: 0 }
  }
  /** A root is an inner node; where there is none to be, one that leads to the same leaf both ways. */
  const addRoot = ({ id, isLeaf }: Place): void => {
    if (isLeaf === 0) roots.push(id)
    else {
      const test = addTest(lessOrEqual, 0, 0, 0)
      lead(test, { id, isLeaf }, { id, isLeaf })
      roots.push(test)
    }
  }
  trees.forEach((tree, i) => {
    addRoot(add(tree, 0, sumOfTree(ensemble, i)))
  })
  bases.forEach((base, sum) => {
    addRoot(addLeaf(base, sum))
  })

  const scores = isBinary ? 'scores' : sumOf(ensemble)
  const operator = node(
    'TreeEnsemble',
    'ai.onnx.ml',
    ['features'],
    [scores],
    [
      ['aggregate_function', 'int', sum],
      ['leaf_targetids', 'ints', targets],
      ['leaf_weights', 'tensor', Float32Array.from(weights)],
      ['membership_values', 'tensor', Float32Array.from(members)],
      ['n_targets', 'int', isBinary ? 2 : bases.length],
      ['nodes_falseleafs', 'ints', falseLeaves],
      ['nodes_falsenodeids', 'ints', falseIds],
      ['nodes_featureids', 'ints', features],
      ['nodes_missing_value_tracks_true', 'ints', missing],
      ['nodes_modes', 'tensor', Uint8Array.from(modes)],
      ['nodes_splits', 'tensor', Float32Array.from(splits)],
      ['nodes_trueleafs', 'ints', trueLeaves],
      ['nodes_truenodeids', 'ints', trueIds],
      ['post_transform', 'int', isBinary ? softmaxOrLogistic : 0],
      ['tree_roots', 'ints', roots],
    ],
  )
  if (!isBinary) return { nodes: [operator], constants: [] }
  const answers = binaryAnswers('')
  return {
    nodes: [operator, node('Gather', '', [scores, 'second'], ['positive'], [['axis', 'int', 1]]), ...answers.nodes],
    constants: [tensor('second', BigInt64Array.of(1n)), ...answers.constants],
  }
}

interface Place {
  readonly id: number
  readonly isLeaf: 0 | 1
}
