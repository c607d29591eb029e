import type { Forest, ForestInput, ForestTree } from './forest.ts'
import { NotCompilable } from './not-compilable.ts'
import { type OnnxModel, readOnnx } from './onnx.ts'
import { type Ensemble, readEnsemble } from './read-ensemble.ts'
import { readGraph } from './read-graph.ts'
import { sumsOf } from './read-sums.ts'

/**
 * Reads a tree ensemble from an ONNX model: one TreeEnsembleClassifier or TreeEnsembleRegressor (ai.onnx.ml 1 to 3) or
 * TreeEnsemble (5), with numbers or encoded text in front of it, and behind it what leaves its scores as they are on
 * the way to the graph's outputs.
 * @throws NotCompilable that names what is not understood
 */
export function readForest(onnx: Uint8Array): Forest {
  let model: OnnxModel
  try {
    model = readOnnx(onnx)
  } catch (error) {
    throw new NotCompilable(`this is no ONNX model: ${(error as Error).message}`)
  }
  const { graph, functions } = model
  if (functions.length > 0) throw new NotCompilable(`the model has a function of its own, ${functions[0]?.name}`)
  const ensembles = graph.node.filter(({ opType }) => opType.startsWith('TreeEnsemble'))
  const [node] = ensembles
  if (node === undefined) throw new NotCompilable('the graph has no tree ensemble')
  if (ensembles.length > 1) throw new NotCompilable(`the graph has ${ensembles.length} tree ensembles`)
  const ensemble = readEnsemble(node)
  const { inputs, outputs, isSorted } = readGraph(model, node, ensemble)
  const features = inputs.reduce((sum, input) => sum + (input.kind === 'number' ? input.width : 1), 0)
  requireFeatures(ensemble, features)
  if (ensemble.dropsFractions) requireWholeNumbers(ensemble, inputs)
  const { voters, ...sums } = sumsOf(ensemble)
  return {
    inputs,
    outputs,
    features,
    trees: ensemble.trees.map((tree) => countingOnly(tree, voters)),
    ...sums,
    ...(isSorted && { isSorted }),
  }
}

function requireFeatures({ trees }: Ensemble, features: number): void {
  trees.forEach((tree, number) => {
    for (const node of tree)
      if ('mode' in node && !(node.feature >= 0 && node.feature < features))
        throw new NotCompilable(`tree ${number} asks for feature ${node.feature}, of ${features}`)
  })
}

/**
 * Where a set reaches outside 1 to 32, ONNX Runtime looks for the value without its fraction: all one where there is
 * none.
 */
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
        throw new NotCompilable(`tree ${number} looks for a number in a set that reaches outside 1 to 32`)
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
