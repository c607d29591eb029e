import {
  type BranchMode,
  branchModes,
  type Forest,
  type ForestInput,
  type ForestTree,
  type Transform,
  type TreeNode,
} from './forest.ts'
import { elementTypes, type OnnxAttribute, type OnnxModel, type OnnxNode, type OnnxTensor, readOnnx } from './onnx.ts'
import { Refusal } from './refusal.ts'

/**
 * Reads a tree ensemble from an ONNX model: one TreeEnsembleClassifier or TreeEnsembleRegressor (ai.onnx.ml 1 to 3), with numbers
 * or encoded text in front of it and nothing but names behind its scores.
 * @throws Refusal that names what is not understood
 */
export function readForest(onnx: Uint8Array): Forest {
  let model: OnnxModel
  try {
    model = readOnnx(onnx)
  } catch (error) {
    throw new Refusal(`this is no ONNX model: ${(error as Error).message}`)
  }
  const { graph } = model
  const ensembles = graph.node.filter(({ opType }) => opType.startsWith('TreeEnsemble'))
  const [node] = ensembles
  if (node === undefined) throw new Refusal('the graph has no tree ensemble')
  if (ensembles.length > 1) throw new Refusal(`the graph has ${ensembles.length} tree ensembles`)
  const isClassifier = node.opType === 'TreeEnsembleClassifier'
  if (!isClassifier && node.opType !== 'TreeEnsembleRegressor')
    throw new Refusal(`the operator ${node.opType} is not compiled yet`)
  const attributes = new Map(node.attribute.map((attribute) => [attribute.name, attribute]))
  for (const name of attributes.keys())
    if (name.endsWith('_as_tensor')) throw new Refusal(`${name}: thresholds and weights in double precision`)
  const output = node.output[isClassifier ? 1 : 0] as string
  requireLast(model, output)
  const inputs = inputsOf(model, node)
  const features = inputs.reduce((sum, input) => sum + (input.kind === 'number' ? input.width : 1), 0)
  const votes = votesOf(attributes, isClassifier)
  const trees = treesOf(attributes, features, votes)
  const { voters, ...sums } = (isClassifier ? classes : targets)(attributes, trees, votes, output)
  return { inputs, features, trees: trees.map((tree) => countingOnly(tree, voters)), ...sums }
}

/** A tree whose leaves add to sums 0, 1, … what they have for the given ids, and nothing else. */
function countingOnly(tree: ForestTree, ids: readonly number[]): ForestTree {
  return tree.map((node) => {
    if ('mode' in node) return node
    const adds = ids.flatMap((id, sum) => (node.adds.has(id) ? [[sum, node.adds.get(id) as number] as const] : []))
    return { adds: new Map(adds) }
  })
}

/** Behind the scores may come what only renames or wraps them, or multiplies them by one. */
function requireLast({ graph }: OnnxModel, output: string): void {
  const isOne = (name: string): boolean => {
    const values = constantOf(graph.initializer.find((each) => each.name === name))
    return values.length > 0 && values.every((value) => value === 1)
  }
  for (const { opType, input } of graph.node) {
    if (!input.includes(output) || opType === 'Identity' || opType === 'ZipMap') continue
    const others = input.filter((name) => name !== output)
    if (opType !== 'Mul' || !others.every(isOne)) throw new Refusal(`the operator ${opType} comes after the trees`)
  }
}

/** A constant's float32s. */
function constantOf(tensor: OnnxTensor | undefined): readonly number[] {
  if (tensor?.dataType !== elementTypes.float) return []
  return tensor.rawData.length === 0 ? tensor.floatData : [...new Float32Array(Uint8Array.from(tensor.rawData).buffer)]
}

/** Follows the trees' input back to inputs of the graph. */
function inputsOf({ graph }: OnnxModel, ensemble: OnnxNode): ForestInput[] {
  const makers = new Map(graph.node.flatMap((node) => node.output.map((name) => [name, node] as const)))
  const follow = (name: string): ForestInput[] => {
    const value = graph.input.find((input) => input.name === name)
    if (value !== undefined) {
      const tensor = value.type?.tensorType
      if (tensor?.elemType !== elementTypes.float) throw new Refusal(`the input ${name} is not of 32-bit floats`)
      const width = tensor.shape?.dim[1]?.dimValue ?? 0
      if (tensor.shape?.dim.length !== 2 || width < 1) throw new Refusal(`the input ${name} has no fixed width`)
      return [{ name, kind: 'number', width }]
    }
    const node = makers.get(name)
    if (node === undefined) throw new Refusal(`${name} is a constant`)
    switch (node.opType) {
      case 'Identity':
        return follow(node.input[0] as string)
      case 'Concat':
        if (![1, -1].includes(attribute(node, 'axis')?.i ?? 0)) throw new Refusal('Concat joins rows')
        return node.input.flatMap(follow)
      case 'LabelEncoder':
        return [category(graph.input, node)]
      default:
        throw new Refusal(`the operator ${node.opType} comes before the trees`)
    }
  }
  return follow(ensemble.input[0] as string)
}

function category(inputs: OnnxModel['graph']['input'], node: OnnxNode): ForestInput {
  const name = node.input[0] as string
  const tensor = inputs.find((input) => input.name === name)?.type?.tensorType
  const keys = attribute(node, 'keys_strings')?.strings
  const values = attribute(node, 'values_floats')?.floats
  if (tensor?.elemType !== elementTypes.string || keys === undefined || values === undefined)
    throw new Refusal('LabelEncoder maps something else than an input of text to numbers')
  if ((tensor.shape?.dim[1]?.dimValue ?? 0) !== 1) throw new Refusal(`the input ${name} is not one column`)
  const text = new TextDecoder()
  return {
    name,
    kind: 'category',
    codes: new Map(keys.map((key, i) => [text.decode(key), values[i] as number])),
    otherwise: attribute(node, 'default_float')?.f ?? 0,
  }
}

const attribute = (node: OnnxNode, name: string): OnnxAttribute | undefined =>
  node.attribute.find((each) => each.name === name)

type Attributes = ReadonlyMap<string, OnnxAttribute>
const text = (attributes: Attributes, name: string, otherwise: string): string => {
  const value = attributes.get(name)?.s
  return value === undefined ? otherwise : new TextDecoder().decode(value)
}
const key = (tree: number, node: number): string => `${tree} ${node}`

/** What a leaf adds to which sum, by tree and node. */
type Votes = ReadonlyMap<string, readonly (readonly [sum: number, weight: number])[]>

function votesOf(attributes: Attributes, isClassifier: boolean): Votes {
  const prefix = isClassifier ? 'class' : 'target'
  const column = (name: string): readonly number[] => attributes.get(`${prefix}_${name}`)?.ints ?? []
  const [ids, nodes, trees] = [column('ids'), column('nodeids'), column('treeids')]
  const weights = attributes.get(`${prefix}_weights`)?.floats ?? []
  const votes = new Map<string, [number, number][]>()
  ids.forEach((id, i) => {
    const at = key(trees[i] as number, nodes[i] as number)
    const weight = weights[i] as number
    if (!Number.isFinite(weight)) throw new Refusal('a leaf weighs NaN or infinity')
    votes.set(at, [...(votes.get(at) ?? []), [id, weight]])
  })
  return votes
}

function treesOf(attributes: Attributes, features: number, votes: Votes): ForestTree[] {
  const ints = (name: string): readonly number[] => attributes.get(`nodes_${name}`)?.ints ?? []
  const [treeIds, nodeIds, featureIds] = [ints('treeids'), ints('nodeids'), ints('featureids')]
  const [trueIds, falseIds, missing] = [ints('truenodeids'), ints('falsenodeids'), ints('missing_value_tracks_true')]
  const thresholds = attributes.get('nodes_values')?.floats ?? []
  const decoder = new TextDecoder()
  const modes = (attributes.get('nodes_modes')?.strings ?? []).map((mode) => decoder.decode(mode))

  // Trees are runs of nodes with one tree id; the first node of a run is its root.
  const runs: number[][] = []
  treeIds.forEach((id, i) => {
    if (i === 0 || id !== treeIds[i - 1]) runs.push([])
    runs.at(-1)?.push(i)
  })
  const seen = new Set<number>()
  return runs.map((run) => {
    const id = treeIds[run[0] as number] as number
    if (seen.has(id)) throw new Refusal(`the nodes of tree ${id} are not together`)
    seen.add(id)
    const places = new Map(run.map((i, place) => [nodeIds[i] as number, place]))
    const child = (nodeId: number): number => {
      const place = places.get(nodeId)
      if (place === undefined) throw new Refusal(`tree ${id} has no node ${nodeId}`)
      return place
    }
    const tree = run.map((i): TreeNode => {
      const mode = modes[i] as string
      if (mode === 'LEAF') {
        const adds = new Map<number, number>()
        for (const [sum, weight] of votes.get(key(id, nodeIds[i] as number)) ?? []) {
          if (adds.has(sum)) throw new Refusal(`a leaf of tree ${id} votes twice for one class`)
          adds.set(sum, weight)
        }
        return { adds }
      }
      if (!branchModes.includes(mode as BranchMode)) throw new Refusal(`nodes of mode ${mode}`)
      const threshold = thresholds[i] as number
      if (Number.isNaN(threshold)) throw new Refusal(`tree ${id} compares with NaN`)
      const feature = featureIds[i] as number
      if (!(feature < features)) throw new Refusal(`tree ${id} asks for feature ${feature}, of ${features}`)
      return {
        mode: mode as BranchMode,
        feature,
        threshold,
        missingTrue: missing[i] === 1,
        onTrue: child(trueIds[i] as number),
        onFalse: child(falseIds[i] as number),
      }
    })
    return unfolded(tree, id)
  })
}

/** Nodes a tree may have once it is unfolded. */
const mostNodes = 100_000

/** Nodes that several lead to (converters chain the values of a category so) become a copy for each; those nothing leads to go. */
function unfolded(nodes: ForestTree, id: number): ForestTree {
  const tree: TreeNode[] = []
  const add = (from: number, depth: number): number => {
    if (tree.length >= mostNodes || depth > 1000)
      throw new Refusal(`the nodes of tree ${id} lead in circles or are too many`)
    const node = nodes[from] as TreeNode
    const at = tree.push(node) - 1
    if ('mode' in node)
      tree[at] = { ...node, onTrue: add(node.onTrue, depth + 1), onFalse: add(node.onFalse, depth + 1) }
    return at
  }
  add(0, 0)
  return tree
}

/** `voters`: the ids (targets or classes) whose votes are summed up, in the order of the sums. */
type Sums = Pick<Forest, 'sums' | 'divisor' | 'base' | 'transform' | 'scores'> & { readonly voters: readonly number[] }

/** A regressor with one target: the sum (or the mean) of the leaves and the base value. ONNX Runtime transforms one target by PROBIT only. */
function targets(attributes: Attributes, trees: readonly ForestTree[], votes: Votes, output: string): Sums {
  const aggregate = text(attributes, 'aggregate_function', 'SUM')
  if (aggregate !== 'SUM' && aggregate !== 'AVERAGE') throw new Refusal(`leaves are aggregated by ${aggregate}`)
  const count = attributes.get('n_targets')?.i ?? 0
  if (count !== 1) throw new Refusal(`the model has ${count} targets`)
  if (text(attributes, 'post_transform', 'NONE') === 'PROBIT') throw new Refusal('the post-transform PROBIT')
  if ([...votes.values()].some((own) => own.length > 1)) throw new Refusal('a leaf has several weights for one target')
  const base = attributes.get('base_values')?.floats ?? []
  return {
    voters: [0],
    sums: 1,
    divisor: aggregate === 'AVERAGE' ? trees.length : 1,
    base: Float32Array.of(base.length === 1 ? (base[0] as number) : 0),
    transform: 'as it is',
    scores: { output, columns: [0], width: 1 },
  }
}

/**
 * A classifier. ONNX is vague about two classes, and the trees decide: leaves that vote for one class id only leave the other's
 * probability to be made from it. This is ONNX Runtime's reading (core/providers/cpu/ml/tree_ensemble_aggregator.h).
 */
function classes(attributes: Attributes, trees: readonly ForestTree[], votes: Votes, output: string): Sums {
  const count =
    (attributes.get('classlabels_int64s')?.ints ?? []).length ||
    (attributes.get('classlabels_strings')?.strings ?? []).length
  const base = attributes.get('base_values')?.floats ?? []
  const transforms: Record<string, Transform> = {
    NONE: 'as it is',
    LOGISTIC: 'logistic',
    SOFTMAX: 'softmax',
    SOFTMAX_ZERO: 'softmax zero',
  }
  const named = text(attributes, 'post_transform', 'NONE')
  const transform = transforms[named]
  if (transform === undefined) throw new Refusal(`the post-transform ${named}`)
  if (count < 2) throw new Refusal(`a classifier of ${count} classes`)
  if (base.length !== 0 && base.length !== count && !(count === 2 && base.length === 1))
    throw new Refusal(`${base.length} base values for ${count} classes`)
  const all = [...votes.values()].flat()
  const votedFor = new Set(all.map(([id]) => id))

  if (count > 2) {
    const columns = Array.from({ length: count }, (_, i) => i)
    const bases = Float32Array.from(columns, (i) => base[i] ?? 0)
    return {
      voters: columns,
      sums: count,
      divisor: 1,
      base: bases,
      transform,
      scores: { output, columns, width: count },
    }
  }
  if (votedFor.size === 1) {
    if (!votedFor.has(0)) throw new Refusal('all leaves vote for the second class')
    if (base.length === 2) throw new Refusal('two base values where leaves vote for one class')
    return {
      voters: [0],
      sums: 1,
      divisor: 1,
      base: Float32Array.of(base[0] ?? 0),
      // Of the transforms, a score that stands for two classes gets LOGISTIC only.
      transform: transform === 'logistic' ? 'logistic' : 'as it is',
      scores: { output, columns: [1], width: 2 },
    }
  }
  // Two classes with votes of their own: only the second is asked for, unless the first has a say in it.
  if (base.length > 0) throw new Refusal('base values where leaves vote for both of two classes')
  const alwaysVoted = trees.some((tree) => tree.every((node) => 'mode' in node || node.adds.has(1)))
  if (!alwaysVoted) throw new Refusal('some rows get no vote for the second class')
  const isJoint = transform === 'softmax' || transform === 'softmax zero'
  const voters = isJoint ? [0, 1] : [1]
  return {
    voters,
    sums: voters.length,
    divisor: 1,
    base: new Float32Array(voters.length),
    transform,
    scores: { output, columns: voters, width: 2 },
  }
}
