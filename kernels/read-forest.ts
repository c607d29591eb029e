import type { Forest, ForestInput, ForestTree } from './forest.ts'
import {
  elementTypes,
  floatsOf,
  longsOf,
  type OnnxAttribute,
  type OnnxModel,
  type OnnxNode,
  type OnnxTensor,
  readOnnx,
} from './onnx.ts'
import { type Ensemble, readEnsemble } from './read-ensemble.ts'
import { sumsOf } from './read-sums.ts'
import { Refusal } from './refusal.ts'

/**
 * Reads a tree ensemble from an ONNX model: one TreeEnsembleClassifier or TreeEnsembleRegressor (ai.onnx.ml 1 to 3) or TreeEnsemble
 * (5), with numbers or encoded text in front of it and nothing but names, and the label, behind its scores.
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
  const ensemble = readEnsemble(node)
  requireLast(model, ensemble)
  const inputs = inputsOf(model, node)
  const features = inputs.reduce((sum, input) => sum + (input.kind === 'number' ? input.width : 1), 0)
  requireFeatures(ensemble, features)
  if (ensemble.dropsFractions) requireWholeNumbers(ensemble, inputs)
  const { voters, ...sums } = sumsOf(ensemble)
  return { inputs, features, trees: ensemble.trees.map((tree) => countingOnly(tree, voters)), ...sums }
}

function requireFeatures({ trees }: Ensemble, features: number): void {
  trees.forEach((tree, number) => {
    for (const node of tree)
      if ('mode' in node && !(node.feature < features))
        throw new Refusal(`tree ${number} asks for feature ${node.feature}, of ${features}`)
  })
}

/** Where a set reaches outside 1 to 32, ONNX Runtime looks for the value without its fraction: all one where there is none. */
function requireWholeNumbers({ trees }: Ensemble, inputs: readonly ForestInput[]): void {
  const isWhole = inputs.flatMap((input) =>
    input.kind === 'number'
      ? new Array<boolean>(input.width).fill(false)
      : [[...input.codes.values(), input.otherwise].every((code) => Number.isInteger(code) || Number.isNaN(code))],
  )
  const isSmall = (member: number): boolean => Number.isInteger(member) && member >= 1 && member <= 32
  trees.forEach((tree, number) => {
    for (const node of tree)
      if (
        'mode' in node &&
        node.mode === 'BRANCH_MEMBER' &&
        !isWhole[node.feature] &&
        ![...node.members].every(isSmall)
      )
        throw new Refusal(`tree ${number} looks for a number in a set that reaches outside 1 to 32`)
  })
}

/** A tree whose leaves add to sums 0, 1, … what they have for the given ids, and nothing else. */
function countingOnly(tree: ForestTree, ids: readonly number[]): ForestTree {
  return tree.map((node) => {
    if ('mode' in node) return node
    const adds = ids.flatMap((id, sum) => (node.adds.has(id) ? [[sum, node.adds.get(id) as number] as const] : []))
    return { adds: new Map(adds) }
  })
}

/**
 * Behind the scores may come what only renames or wraps them, multiplies them by one, or finds the label; and behind their last column what
 * makes two classes of it.
 */
function requireLast({ graph }: OnnxModel, { output, count }: Ensemble): void {
  const constant = (name: string): OnnxTensor | undefined => graph.initializer.find((each) => each.name === name)
  const isOne = (name: string): boolean => {
    const values = floatsOf(constant(name))
    return values.length > 0 && values.every((value) => value === 1)
  }
  const followers = (name: string): OnnxNode[] => graph.node.filter(({ input }) => input.includes(name))
  const requirePair = (positive: string): void => {
    for (const { opType, input, output } of followers(positive)) {
      const [first = '', second] = input
      if (opType === 'Sub' && isOne(first) && second === positive) requirePair(output[0] as string)
      else if (opType !== 'Concat') throw new Refusal(`the operator ${opType} comes after the trees`)
    }
  }
  for (const node of followers(output)) {
    const { opType, input } = node
    if (['Identity', 'ZipMap', 'ArgMax'].includes(opType)) continue
    const others = input.filter((name) => name !== output)
    if (opType === 'Mul' && others.every(isOne)) continue
    const column = longsOf(constant(others[0] ?? ''))
    const isLastColumn = column.length === 1 && column[0] === count - 1 && attribute(node, 'axis')?.i === 1
    if (opType !== 'Gather' || !isLastColumn) throw new Refusal(`the operator ${opType} comes after the trees`)
    requirePair(node.output[0] as string)
  }
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
