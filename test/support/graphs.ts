import {
  elementTypes,
  type OnnxAttribute,
  type OnnxModel,
  type OnnxNode,
  type OnnxTensor,
  type OnnxValue,
  readOnnx,
  writeOnnx,
} from '../../lib/compiler/onnx.ts'
import { attribute, type Draw, drawTree, forestModel } from './forests.ts'

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)
export const int = (name: string, i: number): OnnxAttribute => attribute(name, { i, type: 2 })
export const ints = (name: string, values: number[]): OnnxAttribute => attribute(name, { ints: values, type: 7 })
export const float = (name: string, f: number): OnnxAttribute => attribute(name, { f, type: 1 })
export const floats = (name: string, values: number[]): OnnxAttribute => attribute(name, { floats: values, type: 6 })
export const text = (name: string, value: string): OnnxAttribute => attribute(name, { s: bytes(value), type: 3 })
export const texts = (name: string, values: string[]): OnnxAttribute =>
  attribute(name, { strings: values.map(bytes), type: 8 })
export const tensorAttribute = (name: string, t: OnnxTensor): OnnxAttribute => attribute(name, { t, type: 4 })

const emptyTensor = { floatData: [], int32Data: [], int64Data: [], rawData: new Uint8Array() }
export const floatTensor = (name: string, dims: number[], values: number[]): OnnxTensor => ({
  ...emptyTensor,
  name,
  dims,
  dataType: elementTypes.float,
  floatData: values,
})
export const longTensor = (name: string, dims: number[], values: number[]): OnnxTensor => ({
  ...emptyTensor,
  name,
  dims,
  dataType: elementTypes.int64,
  int64Data: values,
})

export const node = (
  opType: string,
  input: readonly string[],
  output: readonly string[],
  attributes: readonly OnnxAttribute[] = [],
  domain = '',
): OnnxNode => ({ opType, input, output, attribute: attributes, domain })

/** An input or output: of unknown shape where no dimensions are given (0 stands for any number of rows). */
export const value = (name: string, dims?: readonly number[], elemType: number = elementTypes.float): OnnxValue => ({
  name,
  type: { tensorType: { elemType, shape: dims ? { dim: dims.map((dimValue) => ({ dimValue })) } : null } },
})

/** What a graph of trees is made of; `set` gives attributes that take the place of those of the same name. */
export interface MadeGraph {
  readonly node: readonly OnnxNode[]
  readonly initializer?: readonly OnnxTensor[]
  readonly input: readonly OnnxValue[]
  readonly output: readonly OnnxValue[]
}

export function graphModel(graph: MadeGraph, opset = 3): Uint8Array {
  const model: OnnxModel = {
    irVersion: 8,
    opsetImport: [
      { domain: 'ai.onnx.ml', version: opset },
      { domain: '', version: 17 },
    ],
    functions: [],
    graph: { name: 'made', initializer: [], ...graph },
  }
  return writeOnnx(model)
}

export type EnsembleKind = 'regressor' | 'two targets' | 'logistic' | 'plain classes' | 'softmax'
export const ensembleKinds: readonly EnsembleKind[] = [
  'regressor',
  'two targets',
  'logistic',
  'plain classes',
  'softmax',
]

/** A node of trees that reads `from` and makes `scores`, and `label` where it classifies. */
export function drawEnsemble(draw: Draw, kind: EnsembleKind, from: string, features: number): OnnxNode {
  const trees = Array.from({ length: 1 + draw(4) }, () => drawTree(draw, features, 2 + draw(8), false))
  const made = readOnnx(forestModel(trees, features)).graph.node[0] as OnnxNode
  const isClassifier = kind !== 'regressor' && kind !== 'two targets'
  const several = kind === 'two targets' ? 2 : kind === 'softmax' ? 3 : 1
  const attributes = made.attribute.map((each) => {
    const own = each.name === 'target_ids' ? { ...each, ints: each.ints.map((_, i) => i % several) } : each
    return isClassifier ? { ...own, name: own.name.replace(/^target_/, 'class_') } : own
  })
  const classes = kind === 'softmax' ? [0, 1, 2] : [0, 1]
  const transform = { logistic: 'LOGISTIC', softmax: 'SOFTMAX' }[kind as string] ?? 'NONE'
  return node(
    isClassifier ? 'TreeEnsembleClassifier' : 'TreeEnsembleRegressor',
    [from],
    isClassifier ? ['label', 'scores'] : ['scores'],
    [
      ...attributes.filter(({ name }) => name !== 'n_targets'),
      ...(isClassifier ? [ints('classlabels_int64s', classes)] : [int('n_targets', several)]),
      text('post_transform', transform),
    ],
    'ai.onnx.ml',
  )
}
