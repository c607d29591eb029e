import type { Task } from '../../formats/plan.ts'
import type { ModelInput } from '../learner.ts'
import { type GraphNode, node, nodeMessage, tensor, tensorMessage, valueInfo } from './messages.ts'
import { MessageWriter } from './protobuf.ts'
import { type FieldRewrites, numberOf, rewriteMessage, valuesOf } from './rewrite.ts'

/** How a model from outside is asked, and which of its outputs is the prediction. */
export interface ForeignModel {
  /** Inputs that it wants, those with values of their own left out. */
  readonly inputs: readonly string[]
  /** One matrix of all features, or an input a feature by its name. */
  readonly takes: 'matrix' | 'columns'
  readonly matrix: 'float32' | 'float64'
  readonly output: {
    readonly name: string
    readonly type: 'float32' | 'float64'
    /** Two probabilities; one column; or no columns, just rows. */
    readonly columns: 2 | 1 | 0
  }
}

/** Numbers of onnx.proto3's messages (github.com/onnx/onnx) that hold names of values. */
const inModel = { graph: 7, opset: 8 } as const
const inGraph = { node: 1, initializer: 5, input: 11, output: 12, valueInfo: 13, annotation: 14, sparse: 15 } as const
const inNode = { input: 1, output: 2, name: 3, operator: 4, attribute: 5, domain: 7 } as const
const inAttribute = { graph: 6, graphs: 11 } as const
const tensorName = 8
const inSparse = { values: 1, indices: 2 } as const

const float = 1
const mlDomain = 'ai.onnx.ml'

/**
 * Makes of a model from outside one as learners make them: a tensor [rows, 1] an input by name, and `probabilities` or `prediction`.
 * What it computes stays as it is; the names of its values get a prefix, so that none of them is a feature's.
 * @param inputs the features, in the order of the matrix
 * @throws Error where its operators are older than what texts need
 */
export function adaptGraph(
  onnx: Uint8Array,
  model: ForeignModel,
  inputs: readonly ModelInput[],
  task: Task,
): Uint8Array {
  const { takes, output } = model
  const wanted = task === 'binary' ? 'probabilities' : 'prediction'
  const isWhole = output.columns === (task === 'binary' ? 2 : 1) && (task !== 'binary' || output.type === 'float32')
  const own = ownNames(inputs)
  const kept = new Set(takes === 'columns' ? model.inputs : [])
  const rename = (name: string): string => {
    if (name === '' || kept.has(name)) return name
    return isWhole && name === output.name ? wanted : own(`given/${name}`)
  }
  const before = takes === 'matrix' ? matrixOf(inputs, model.matrix, rename(model.inputs[0] as string), own) : []
  const after = isWhole ? { nodes: [], constants: [] } : answerOf(task, output, rename(output.name), own)
  const fed = new Set(model.inputs)
  const graph = valuesOf(onnx, inModel.graph)[0] ?? new Uint8Array()
  const body = rewriteMessage(graph, {
    ...renaming(rename, own),
    // Values with a constant of their own may be listed as inputs.
    [inGraph.input]: (value) => (fed.has(nameIn(value)) ? undefined : renameValue(value, rename)),
    [inGraph.output]: () => undefined,
  })
  const writer = new MessageWriter()
  for (const each of before) writer.bytes(inGraph.node, nodeMessage(each, String))
  const head = writer.finish()
  const tail = new MessageWriter()
  for (const each of after.nodes) tail.bytes(inGraph.node, nodeMessage(each, String))
  for (const each of after.constants) tail.bytes(inGraph.initializer, tensorMessage(each))
  for (const input of inputs)
    tail.bytes(inGraph.input, valueInfo(input.name, input.kind === 'number' ? 'float' : 'string', 1))
  const type = task === 'regression' && output.type === 'float64' ? 'double' : 'float'
  tail.bytes(inGraph.output, valueInfo(wanted, type, task === 'binary' ? 2 : 1))
  const adapted = Buffer.concat([head, body, tail.finish()])
  const encodes = takes === 'matrix' && inputs.some(({ kind }) => kind === 'category')
  return withOperators(rewriteMessage(onnx, { [inModel.graph]: () => adapted }), graph, encodes)
}

/** Names of values that no feature has: they all begin with what none of those begins with. */
function ownNames(inputs: readonly ModelInput[]): (name: string) => string {
  let prefix = 'program/'
  while (inputs.some(({ name }) => name.startsWith(prefix))) prefix = `:${prefix}`
  return (name) => `${prefix}${name}`
}

/** Renames values wherever a graph, or one inside it, says a name. What is only said about values is left out. */
function renaming(rename: (name: string) => string, own: (name: string) => string): FieldRewrites {
  const text = (value: Uint8Array): Uint8Array => Buffer.from(rename(Buffer.from(value).toString()))
  const nodeName = (value: Uint8Array): Uint8Array => Buffer.concat([Buffer.from(own('given/')), value])
  const named = (value: Uint8Array): Uint8Array => rewriteMessage(value, { [tensorName]: text })
  const inner = (value: Uint8Array): Uint8Array => rewriteMessage(value, rewrites)
  const attribute = (value: Uint8Array): Uint8Array =>
    rewriteMessage(value, { [inAttribute.graph]: inner, [inAttribute.graphs]: inner })
  const rewrites: FieldRewrites = {
    [inGraph.node]: (value) =>
      rewriteMessage(value, {
        [inNode.input]: text,
        [inNode.output]: text,
        [inNode.name]: nodeName,
        [inNode.attribute]: attribute,
      }),
    [inGraph.initializer]: named,
    [inGraph.sparse]: (value) => rewriteMessage(value, { [inSparse.values]: named, [inSparse.indices]: named }),
    [inGraph.input]: (value) => renameValue(value, rename),
    [inGraph.output]: (value) => renameValue(value, rename),
    [inGraph.valueInfo]: () => undefined,
    [inGraph.annotation]: () => undefined,
  }
  return rewrites
}

const nameIn = (value: Uint8Array): string => Buffer.from(valuesOf(value, 1)[0] ?? []).toString()
const renameValue = (value: Uint8Array, rename: (name: string) => string): Uint8Array =>
  rewriteMessage(value, { 1: (name) => Buffer.from(rename(Buffer.from(name).toString())) })

/** The matrix of all features: numbers as they are, of texts their place among the values that are known, NaN for others. */
function matrixOf(
  inputs: readonly ModelInput[],
  type: 'float32' | 'float64',
  into: string,
  own: (name: string) => string,
): GraphNode[] {
  const encoders = inputs.flatMap((input) =>
    input.kind === 'number'
      ? []
      : [
          node(
            'LabelEncoder',
            mlDomain,
            [input.name],
            [own(`code/${input.name}`)],
            [
              ['default_float', 'float', Number.NaN],
              ['keys_strings', 'strings', input.categories],
              ['values_floats', 'floats', Float32Array.from(input.categories, (_, code) => code)],
            ],
          ),
        ],
  )
  const columns = inputs.map(({ name, kind }) => (kind === 'number' ? name : own(`code/${name}`)))
  const joined = type === 'float32' ? into : own('matrix')
  return [
    ...encoders,
    node('Concat', '', columns, [joined], [['axis', 'int', 1]]),
    ...(type === 'float32' ? [] : [node('Cast', '', [joined], [into], [['to', 'int', 11]])]),
  ]
}

/** What is left to do to an output until it is what models answer. */
function answerOf(task: Task, { type, columns }: ForeignModel['output'], from: string, own: (name: string) => string) {
  const nodes: GraphNode[] = []
  let at = from
  const then = (
    operator: string,
    more: readonly string[],
    to: string,
    ...rest: Parameters<typeof node>[4][number][]
  ): void => {
    nodes.push(node(operator, '', [at, ...more], [to], rest))
    at = to
  }
  if (task === 'regression') {
    then('Reshape', [own('column')], 'prediction')
    return { nodes, constants: [tensor(own('column'), BigInt64Array.of(-1n, 1n))] }
  }
  if (columns === 2) {
    then('Cast', [], 'probabilities', ['to', 'int', float])
    return { nodes, constants: [] }
  }
  then('Reshape', [own('column')], own('positive'))
  if (type === 'float64') then('Cast', [], own('positive32'), ['to', 'int', float])
  nodes.push(
    node('Sub', '', [own('one'), at], [own('negative')], []),
    node('Concat', '', [own('negative'), at], ['probabilities'], [['axis', 'int', 1]]),
  )
  return {
    nodes,
    constants: [tensor(own('column'), BigInt64Array.of(-1n, 1n)), tensor(own('one'), Float32Array.of(1))],
  }
}

/** A model that knows the operators which were added. */
function withOperators(onnx: Uint8Array, graph: Uint8Array, encodes: boolean): Uint8Array {
  const opsets = new Map(valuesOf(onnx, inModel.opset).map((each) => [nameIn(each), numberOf(each, 2)]))
  const ml = opsets.get(mlDomain)
  const isTooOld = encodes && ml !== undefined && ml < 2
  if (isTooOld && usesLabelEncoder(graph))
    throw new Error(`it uses operators of ${mlDomain} ${ml}, too old for features of text: export it with version 3`)
  const opset = (domain: string, version: number): MessageWriter => new MessageWriter().bytes(1, domain).int(2, version)
  const added = new MessageWriter()
  if (!opsets.has('') && !opsets.has('ai.onnx')) added.bytes(inModel.opset, opset('', 13))
  if (encodes && (ml === undefined || isTooOld)) added.bytes(inModel.opset, opset(mlDomain, 3))
  const kept = isTooOld
    ? rewriteMessage(onnx, { [inModel.opset]: (each) => (nameIn(each) === mlDomain ? undefined : each) })
    : onnx
  return Buffer.concat([kept, added.finish()])
}

const usesLabelEncoder = (graph: Uint8Array): boolean =>
  valuesOf(graph, inGraph.node).some(
    (each) => Buffer.from(valuesOf(each, inNode.operator)[0] ?? []).toString() === 'LabelEncoder',
  )
