import { type Attribute, type GraphPart, node } from '../onnx/messages.ts'
import { type Ensemble, sumOfTree, type Tree } from './ensemble.ts'
import { isClassifier, sumOf } from './restore.ts'

/** What a node of a tree asks, and where the answer leads; a leaf asks for feature -1. */
interface Test {
  readonly feature: number
  readonly mode: 'LEAF' | 'BRANCH_LEQ' | 'BRANCH_EQ'
  readonly value: number
  readonly left: number
  readonly right: number
  readonly missingLeft: number
}

const leaf: Test = { feature: 0, mode: 'LEAF', value: 0, left: 0, right: 0, missingLeft: 0 }

/**
 * Trees as ai.onnx.ml 3 has them, which every runtime knows: TreeEnsembleClassifier or TreeEnsembleRegressor. Of
 * several classes a regressor with a target each: a classifier of two that both get votes is read in several ways.
 */
export function namedTrees(ensemble: Ensemble): GraphPart {
  const { bases, trees } = ensemble
  const written = new Written()
  trees.forEach((tree, number) => {
    written.tree(tree, number, sumOfTree(ensemble, number))
  })
  // ONNX Runtime takes a binary classifier without a negative weight for one whose sums are probabilities already. A
  // last tree that is one leaf, too light to change any sum, tells it otherwise.
  const { nodes, leaves } = written
  if (isClassifier(ensemble) && leaves.weights.every((weight) => weight >= 0)) {
    written.node(trees.length, 0, leaf)
    written.leaf(trees.length, 0, { sum: 0, weight: -1e-38 })
  }

  const shape: Attribute[] = [
    ['base_values', 'floats', Float32Array.from(bases)],
    ['nodes_falsenodeids', 'ints', nodes.falseids],
    ['nodes_featureids', 'ints', nodes.featureids],
    ['nodes_missing_value_tracks_true', 'ints', nodes.missing],
    ['nodes_modes', 'strings', nodes.modes],
    ['nodes_nodeids', 'ints', nodes.nodeids],
    ['nodes_treeids', 'ints', nodes.treeids],
    ['nodes_truenodeids', 'ints', nodes.trueids],
    ['nodes_values', 'floats', Float32Array.from(nodes.values)],
  ]
  if (isClassifier(ensemble)) {
    const weights: Attribute[] = [
      ['class_ids', 'ints', leaves.sums],
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
  const output = sumOf(ensemble)
  const weights: Attribute[] = [
    ['n_targets', 'int', bases.length],
    ['post_transform', 'string', output === 'probabilities' ? 'SOFTMAX' : 'NONE'],
    ['target_ids', 'ints', leaves.sums],
    ['target_nodeids', 'ints', leaves.nodeids],
    ['target_treeids', 'ints', leaves.treeids],
    ['target_weights', 'floats', Float32Array.from(leaves.weights)],
  ]
  const regressor = node('TreeEnsembleRegressor', 'ai.onnx.ml', ['features'], [output], [...shape, ...weights])
  return { nodes: [regressor], constants: [] }
}

/** Nodes of trees as columns. */
class Written {
  readonly nodes = {
    treeids: [] as number[],
    nodeids: [] as number[],
    featureids: [] as number[],
    modes: [] as string[],
    values: [] as number[],
    trueids: [] as number[],
    falseids: [] as number[],
    missing: [] as number[],
  }
  readonly leaves = {
    treeids: [] as number[],
    nodeids: [] as number[],
    sums: [] as number[],
    weights: [] as number[],
  }

  leaf(tree: number, id: number, { sum, weight }: { readonly sum: number; readonly weight: number }): void {
    this.leaves.treeids.push(tree)
    this.leaves.nodeids.push(id)
    this.leaves.sums.push(sum)
    this.leaves.weights.push(weight)
  }

  node(tree: number, id: number, { feature, mode, value, left, right, missingLeft }: Test): void {
    this.nodes.treeids.push(tree)
    this.nodes.nodeids.push(id)
    this.nodes.featureids.push(feature)
    this.nodes.modes.push(mode)
    this.nodes.values.push(value)
    this.nodes.trueids.push(left)
    this.nodes.falseids.push(right)
    this.nodes.missing.push(missingLeft)
  }

  tree(tree: Tree, number: number, sum: number): void {
    let free = tree.feature.length
    tree.feature.forEach((feature, id) => {
      if (feature < 0) {
        this.node(number, id, leaf)
        this.leaf(number, id, { sum, weight: tree.value[id] as number })
        return
      }
      const members = tree.members.get(id)
      const test: Test = {
        feature,
        mode: 'BRANCH_LEQ',
        value: tree.threshold[id] as number,
        left: tree.left[id] as number,
        right: tree.right[id] as number,
        missingLeft: tree.missingLeft[id] as number,
      }
      if (members === undefined) this.node(number, id, test)
      // A set is a chain of questions, one a member, that all lead to one place, as LightGBM's converter writes it.
      else
        members.forEach((value, i) => {
          const isLast = i === members.length - 1
          const link: Test = {
            ...test,
            mode: 'BRANCH_EQ',
            value,
            right: isLast ? test.right : i === 0 ? free : free + 1,
          }
          this.node(number, i === 0 ? id : free++, link)
        })
    })
  }
}
