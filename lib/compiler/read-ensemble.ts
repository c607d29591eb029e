import { comparisons, type ForestTree, type Question, type TestNode, type TreeNode } from './forest.ts'
import { NotCompilable } from './not-compilable.ts'
import { bytesOf, floatsOf, type OnnxAttribute, type OnnxNode } from './onnx.ts'

/** What a node of trees says, whichever version of the operator said it. */
export interface Ensemble {
  readonly trees: readonly ForestTree[]
  readonly isClassifier: boolean
  /** Whether ONNX Runtime's sets are of whole numbers: those of the newer operator. */
  readonly dropsFractions: boolean
  /** Targets, or classes. */
  readonly count: number
  readonly base: readonly number[]
  /** As ONNX names them. */
  readonly aggregate: string
  readonly transform: string
  /** The name of its scores. */
  readonly output: string
}

/** Reads the trees of a node. @throws NotCompilable that names what is not understood */
export function readEnsemble(node: OnnxNode): Ensemble {
  if (node.domain !== 'ai.onnx.ml') throw new NotCompilable(`the operator ${node.opType} is not of ai.onnx.ml`)
  const attributes = new Map(node.attribute.map((attribute) => [attribute.name, attribute]))
  for (const name of attributes.keys())
    if (name.endsWith('_as_tensor')) throw new NotCompilable(`${name}: thresholds and weights in double precision`)
  switch (node.opType) {
    case 'TreeEnsembleClassifier':
    case 'TreeEnsembleRegressor':
      return namedTrees(node, attributes)
    case 'TreeEnsemble':
      return indexedTrees(node, attributes)
    default:
      throw new NotCompilable(`the operator ${node.opType} is not compiled`)
  }
}

type Attributes = ReadonlyMap<string, OnnxAttribute>

/** ai.onnx.ml 1 to 3: nodes and leaves' votes are tuples that name their tree and node. */
function namedTrees({ opType, output }: OnnxNode, attributes: Attributes): Ensemble {
  const isClassifier = opType === 'TreeEnsembleClassifier'
  const decoder = new TextDecoder()
  const text = (name: string, otherwise: string): string => {
    const value = attributes.get(name)?.s
    return value === undefined ? otherwise : decoder.decode(value)
  }
  const [numbers, names] = [attributes.get('classlabels_int64s')?.ints, attributes.get('classlabels_strings')?.strings]
  if (numbers?.length && names?.length) throw new NotCompilable('the classes are numbers and text')
  const classes = numbers?.length || names?.length || 0
  const ints = (name: string): readonly number[] => attributes.get(`nodes_${name}`)?.ints ?? []
  const [treeIds, nodeIds, featureIds] = [ints('treeids'), ints('nodeids'), ints('featureids')]
  const [trueIds, falseIds, missing] = [ints('truenodeids'), ints('falsenodeids'), ints('missing_value_tracks_true')]
  const thresholds = attributes.get('nodes_values')?.floats ?? []
  const modes = (attributes.get('nodes_modes')?.strings ?? []).map((mode) => decoder.decode(mode))
  requireRows(treeIds.length, {
    nodeids: nodeIds,
    values: thresholds,
    modes,
    truenodeids: trueIds,
    falsenodeids: falseIds,
  })
  requireRows(treeIds.length, { featureids: featureIds })
  const count = isClassifier ? classes : (attributes.get('n_targets')?.i ?? 0)
  const votes = votesOf(attributes, isClassifier ? 'class' : 'target', count)

  // Trees are runs of nodes with one tree id; the first node of a run is its root.
  const runs: number[][] = []
  treeIds.forEach((id, i) => {
    if (i === 0 || id !== treeIds[i - 1]) runs.push([])
    runs.at(-1)?.push(i)
  })
  const seen = new Set<number>()
  const trees = runs.map((run) => {
    const id = treeIds[run[0] as number] as number
    if (seen.has(id)) throw new NotCompilable(`the nodes of tree ${id} are not together`)
    seen.add(id)
    const places = new Map(run.map((i, place) => [nodeIds[i] as number, place]))
    if (places.size < run.length) throw new NotCompilable(`tree ${id} has two nodes of one number`)
    const child = (nodeId: number): number => {
      const place = places.get(nodeId)
      if (place === undefined) throw new NotCompilable(`tree ${id} has no node ${nodeId}`)
      return place
    }
    const nodes = run.map(
      (i): TreeNode =>
        modes[i] === 'LEAF'
          ? { adds: votes.of(id, nodeIds[i] as number) }
          : {
              ...question(modes[i] as string, thresholds[i] as number, undefined, id),
              feature: featureIds[i] as number,
              missingTrue: missing[i] === 1,
              onTrue: child(trueIds[i] as number),
              onFalse: child(falseIds[i] as number),
            },
    )
    // ONNX Runtime looks for the root.
    if (nodes.some((node) => 'mode' in node && (node.onTrue === 0 || node.onFalse === 0)))
      throw new NotCompilable(`the first node of tree ${id} is not its root`)
    return unfolded(nodes, 0, id)
  })
  votes.requireAllTaken()
  return {
    trees,
    isClassifier,
    dropsFractions: false,
    count,
    base: baseOf(attributes),
    aggregate: text('aggregate_function', 'SUM'),
    transform: text('post_transform', 'NONE'),
    output: output[isClassifier ? 1 : 0] as string,
  }
}

/** What leaves add to sums 0 to count - 1. Every vote has to be of a leaf. */
function votesOf(attributes: Attributes, prefix: string, count: number) {
  const column = (name: string): readonly number[] => attributes.get(`${prefix}_${name}`)?.ints ?? []
  const [ids, nodes, trees] = [column('ids'), column('nodeids'), column('treeids')]
  const weights = attributes.get(`${prefix}_weights`)?.floats ?? []
  requireRows(ids.length, { nodeids: nodes, treeids: trees, weights })
  const votes = new Map<string, Map<number, number>>()
  ids.forEach((id, i) => {
    if (!(id >= 0 && id < count))
      throw new NotCompilable(`a leaf of tree ${trees[i]} votes for ${prefix} ${id}, of ${count}`)
    const key = `${trees[i]} ${nodes[i]}`
    const own = votes.get(key) ?? new Map<number, number>()
    if (own.has(id)) throw new NotCompilable(`a leaf of tree ${trees[i]} votes twice for one ${prefix}`)
    votes.set(key, own.set(id, finite(weights[i] as number)))
  })
  const taken = new Set<string>()
  return {
    of(tree: number, node: number): ReadonlyMap<number, number> {
      const key = `${tree} ${node}`
      taken.add(key)
      return votes.get(key) ?? new Map()
    },
    requireAllTaken(): void {
      for (const key of votes.keys())
        if (!taken.has(key))
          throw new NotCompilable(`what votes as node ${key.split(' ')[1]} of tree ${key.split(' ')[0]} is no leaf`)
    },
  }
}

function baseOf(attributes: Attributes): readonly number[] {
  const base = attributes.get('base_values')?.floats ?? []
  if (!base.every(Number.isFinite)) throw new NotCompilable('a base value is NaN or infinity')
  return base
}

/** Attributes that belong together say something of each row. */
function requireRows(rows: number, columns: Readonly<Record<string, ArrayLike<unknown>>>): void {
  for (const [name, { length }] of Object.entries(columns))
    if (length !== rows) throw new NotCompilable(`there are ${length} ${name} for ${rows} rows`)
}

/**
 * The numbers that stand for names in ai.onnx.ml 5; of transforms those of ONNX Runtime, which has the first two the
 * other way round than ONNX.
 */
const modeNames = [...comparisons, 'BRANCH_MEMBER'] as const
const aggregateNames = ['AVERAGE', 'SUM', 'MIN', 'MAX'] as const
const transformNames = ['NONE', 'LOGISTIC', 'SOFTMAX', 'SOFTMAX_ZERO', 'PROBIT'] as const

/** ai.onnx.ml 5: inner nodes of all trees in one list and leaves in another, found by index. */
function indexedTrees({ output }: OnnxNode, attributes: Attributes): Ensemble {
  const ints = (name: string): readonly number[] => attributes.get(name)?.ints ?? []
  const floats = (name: string): readonly number[] => floatsOf(attributes.get(name)?.t)
  const [features, missing] = [ints('nodes_featureids'), ints('nodes_missing_value_tracks_true')]
  const [trueIds, trueLeaves] = [ints('nodes_truenodeids'), ints('nodes_trueleafs')]
  const [falseIds, falseLeaves] = [ints('nodes_falsenodeids'), ints('nodes_falseleafs')]
  const modes = bytesOf(attributes.get('nodes_modes')?.t)
  const [splits, weights] = [floats('nodes_splits'), floats('leaf_weights')]
  if (splits.length === 0 || weights.length === 0)
    throw new NotCompilable('thresholds or weights are not of 32-bit floats')
  const sets = setsOf(floats('membership_values'))
  const targets = ints('leaf_targetids')
  const count = attributes.get('n_targets')?.i ?? 0
  requireRows(modes.length, { featureids: features, splits, truenodeids: trueIds, falsenodeids: falseIds })
  requireRows(modes.length, { trueleafs: trueLeaves, falseleafs: falseLeaves })
  if (![...trueLeaves, ...falseLeaves].every((isLeaf) => isLeaf === 0 || isLeaf === 1))
    throw new NotCompilable('whether a child is a leaf is neither 0 nor 1')
  requireRows(targets.length, { weights })
  const child = (ids: readonly number[], areLeaves: readonly number[], i: number): number => {
    const id = ids[i] as number
    const isLeaf = areLeaves[i] === 1
    if (!(id >= 0 && id < (isLeaf ? weights : modes).length))
      throw new NotCompilable(`there is no ${isLeaf ? 'leaf' : 'node'} ${id}`)
    return isLeaf ? modes.length + id : id
  }

  const nodes: TreeNode[] = modes.map((mode, i) => ({
    ...question(
      modeNames[mode] ?? `number ${mode}`,
      splits[i] as number,
      modeNames[mode] === 'BRANCH_MEMBER' ? sets.next().value : undefined,
      i,
    ),
    feature: features[i] as number,
    missingTrue: missing[i] === 1,
    onTrue: child(trueIds, trueLeaves, i),
    onFalse: child(falseIds, falseLeaves, i),
  }))
  targets.forEach((target, i) => {
    if (!(target >= 0 && target < count)) throw new NotCompilable(`leaf ${i} votes for target ${target}, of ${count}`)
    nodes.push({ adds: new Map([[target, finite(weights[i] as number)]]) })
  })
  return {
    trees: ints('tree_roots').map((root, id) => unfolded(nodes, root, id)),
    isClassifier: false,
    dropsFractions: true,
    count,
    base: [],
    aggregate: aggregateNames[attributes.get('aggregate_function')?.i ?? 1] ?? 'an unknown function',
    transform: transformNames[attributes.get('post_transform')?.i ?? 0] ?? 'of an unknown number',
    output: output[0] as string,
  }
}

/** The sets of a list in which NaN ends each. */
function* setsOf(values: readonly number[]): Generator<ReadonlySet<number>, ReadonlySet<number>> {
  let members = new Set<number>()
  for (const value of values) {
    if (Number.isNaN(value)) {
      yield members
      members = new Set()
    } else members.add(value)
  }
  return members
}

function question(mode: string, threshold: number, members: ReadonlySet<number> | undefined, tree: number): Question {
  if (members !== undefined) return { mode: 'BRANCH_MEMBER', members }
  const comparison = comparisons.find((each) => each === mode)
  if (comparison === undefined) throw new NotCompilable(`nodes of mode ${mode}`)
  if (Number.isNaN(threshold)) throw new NotCompilable(`tree ${tree} compares with NaN`)
  return { mode: comparison, threshold }
}

function finite(weight: number): number {
  if (!Number.isFinite(weight)) throw new NotCompilable('a leaf weighs NaN or infinity')
  return weight
}

/** Nodes a tree may have once it is unfolded. */
const mostNodes = 100_000

/**
 * The tree of a root. Nodes that several lead to become a copy for each, and those that nothing leads to go; a chain of
 * nodes that compare with one value after the other, as converters write sets, becomes a single one.
 */
function unfolded(nodes: readonly TreeNode[], root: number, id: number): ForestTree {
  const tree: TreeNode[] = []
  const add = (from: number, depth: number): number => {
    if (tree.length >= mostNodes || depth > 1000)
      throw new NotCompilable(`the nodes of tree ${id} lead in circles or are too many`)
    const first = nodes[from]
    if (first === undefined) throw new NotCompilable(`tree ${id} has no node ${from}`)
    if (!('mode' in first)) return tree.push(first) - 1
    const node = withLinks(first, nodes)
    const at = tree.push(node) - 1
    tree[at] = { ...node, onTrue: add(node.onTrue, depth + 1), onFalse: add(node.onFalse, depth + 1) }
    return at
  }
  add(root, 0)
  return tree
}

/** A node and those behind it that ask the same feature for other values and lead to the same place, as one. */
function withLinks(first: TestNode, nodes: readonly TreeNode[]): TestNode {
  const members = new Set<number>()
  let links = 0
  let node: TreeNode | undefined = first
  let last = first
  for (; node !== undefined && isLink(node, first) && links <= mostNodes; node = nodes[node.onFalse]) {
    for (const value of membersOf(node)) members.add(value)
    last = node
    links++
  }
  if (links < 2) return first
  const { feature, missingTrue, onTrue } = first
  return { mode: 'BRANCH_MEMBER', members, feature, missingTrue, onTrue, onFalse: last.onFalse }
}

const isLink = (node: TreeNode, first: TestNode): node is TestNode =>
  'mode' in node &&
  (node.mode === 'BRANCH_EQ' || node.mode === 'BRANCH_MEMBER') &&
  node.feature === first.feature &&
  node.onTrue === first.onTrue &&
  node.missingTrue === first.missingTrue

const membersOf = (node: TestNode): Iterable<number> =>
  node.mode === 'BRANCH_MEMBER' ? node.members : [node.threshold]
