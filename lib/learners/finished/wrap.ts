import { isOfClasses } from '../../formats/code-ref.ts'
import type { Task } from '../../formats/plan.ts'
import { type Attribute, node, nodeMessage, tensor, tensorMessage, valueInfo } from '../onnx/messages.ts'
import { MessageWriter } from '../onnx/protobuf.ts'
import { double, float, text } from './elements.ts'
import { encoderOpset, type Feed } from './feeds.ts'
import { changedGraph, graphFields, modelFields, withGraph } from './graph-changes.ts'
import { type FinishedGraph, mlDomain, opsetOf } from './read-graph.ts'
import type { Answering, ScoreSource } from './score.ts'
import { fieldOf, fieldsOf, rewritten, textOf, written } from './wire.ts'

/** How a finished model is served: what feeds it, and which of its numbers is the answer. */
export interface Wrapping extends Answering {
  readonly task: Task
  readonly feeds: readonly Feed[]
  /** Features that the graph takes as float64. */
  readonly exact: ReadonlySet<string>
  /** Features that are text. */
  readonly texts: ReadonlySet<string>
  readonly score: ScoreSource
}

/** From here on ai.onnx knows the operators written here as they are written: Sub repeats what has one row. */
export const oldestOpset = 7
const usualOpset = 17
/** From here on TopK finds the smallest, too. */
export const sortingOpset = 11

/**
 * A finished model as Slipway's own are: a tensor [rows, 1] an input, by the name of a feature, float32, float64 where
 * float32 would lose something, or string; `label` and `probabilities` of classes, else `prediction`. All of the
 * model between them stays as it is, byte for byte, but for names that would be there twice.
 */
export function wrapped(model: Uint8Array, graph: FinishedGraph, wrapping: Wrapping): Uint8Array {
  const { feeds, texts, exact, task } = wrapping
  const features = [...new Set(feeds.flatMap((feed) => feed.features))]
  const taken = new Set([...features, ...(isOfClasses(task) ? ['label', 'probabilities'] : ['prediction'])])
  const free = freeNames(graph.names)
  const renamed = new Map(
    [...graph.names].filter((name) => taken.has(name)).map((name) => [name, free(`given:${name}`)]),
  )
  const nameOf = (name: string): string => renamed.get(name) ?? name
  const constants: MessageWriter[] = []
  // Nodes are called as what they make.
  const ours = new Set<string>()
  const write: Writer = {
    node(operator, inputs, attributes = [], output = free('made')) {
      ours.add(output)
      const made = node(operator, operator === 'LabelEncoder' ? mlDomain : '', inputs, [output], attributes)
      return { name: output, message: nodeMessage(made, (value) => value as string) }
    },
    sorted(numbers, count) {
      ours.add('prediction')
      const made = node(
        'TopK',
        '',
        [numbers, count],
        ['prediction', free('order')],
        [
          ['axis', 'int', 1],
          ['largest', 'int', 0],
        ],
      )
      return nodeMessage(made, (value) => value as string)
    },
    constant(values, dimensions) {
      const name = free('constant')
      constants.push(tensorMessage(tensor(name, values, dimensions)))
      return name
    },
  }
  const before = feeds.flatMap((feed) => feedNodes(feed, nameOf(feed.name), wrapping, write))
  const after = answerNodes(nameOf(wrapping.score.value), wrapping, write)
  const inputs = features.map((name) =>
    valueInfo(name, texts.has(name) ? 'string' : exact.has(name) ? 'double' : 'float', 1),
  )
  const freeNode = freeNames(new Set([...graph.nodes, ...ours]))
  const nodes = new Map(
    [...graph.nodes].filter((name) => ours.has(name)).map((name) => [name, freeNode(`given:${name}`)]),
  )
  const fed = new Set(graph.inputs.map(({ name }) => nameOf(name)))
  const changed = withGraph(model, (bytes) => {
    const inner = changedGraph(bytes, { name: nameOf, node: (name) => nodes.get(name) ?? name })
    const kept = rewritten(inner, (field) => {
      if (field.number === graphFields.output) return undefined
      if (field.number !== graphFields.input) return field.raw
      return fed.has(textOf(fieldOf(fieldsOf(field.bytes as Uint8Array), 1)?.bytes)) ? undefined : field.raw
    })
    const parts = (number: number, messages: readonly MessageWriter[]): Uint8Array[] =>
      messages.map((message) => written(number, message))
    return Buffer.concat([
      ...parts(graphFields.node, before),
      kept,
      ...parts(graphFields.node, after),
      ...parts(graphFields.initializer, constants),
      ...parts(graphFields.input, inputs),
      ...parts(graphFields.output, outputsOf(wrapping)),
    ])
  })
  return withOperators(
    changed,
    graph,
    feeds.some(({ places }) => places !== undefined),
  )
}

/** A model that knows the operators which were added to it. */
function withOperators(model: Uint8Array, { opsets }: FinishedGraph, encodes: boolean): Uint8Array {
  const opset = (domain: string, version: number): Uint8Array =>
    written(modelFields.opsetImport, new MessageWriter().bytes(1, domain).int(2, version))
  const usual = opsets.has('') ? [] : [opset('', usualOpset)]
  if (!encodes || (opsets.get(mlDomain) ?? 0) >= encoderOpset) return Buffer.concat([model, ...usual])
  // Of what is older and no LabelEncoder all is the same in this version.
  const kept = rewritten(model, (field) =>
    field.number === modelFields.opsetImport && opsetOf(field)[0] === mlDomain ? undefined : field.raw,
  )
  return Buffer.concat([kept, ...usual, opset(mlDomain, encoderOpset)])
}

/** Makes nodes and constants under names of their own. */
interface Writer {
  node(operator: string, inputs: readonly string[], attributes?: readonly Attribute[], output?: string): Made
  /** The numbers of rows in ascending order, as the prediction. */
  sorted(numbers: string, count: string): MessageWriter
  constant(values: Float32Array | BigInt64Array | readonly string[], dimensions?: readonly number[]): string
}
interface Made {
  readonly name: string
  readonly message: MessageWriter
}

/** Names that nothing has yet. */
function freeNames(names: ReadonlySet<string>): (wanted: string) => string {
  const taken = new Set(names)
  return (wanted) => {
    let name = wanted
    for (let number = 2; taken.has(name); number++) name = `${wanted}:${number}`
    taken.add(name)
    return name
  }
}

/**
 * From features to an input: text as its place where it takes numbers, cast where it takes something else, side by
 * side, and without the second axis of a vector.
 */
function feedNodes(
  { element, isVector, features, places }: Feed,
  input: string,
  { exact }: Wrapping,
  write: Writer,
): MessageWriter[] {
  const nodes: MessageWriter[] = []
  const then = ({ name, message }: Made): string => {
    nodes.push(message)
    return name
  }
  const columns = features.map((feature) => {
    const values = places?.get(feature)
    const given = element === text ? text : exact.has(feature) ? double : float
    const column = values === undefined ? feature : then(write.node('LabelEncoder', [feature], encoderOf(values)))
    return given === element ? column : then(write.node('Cast', [column], [['to', 'int', element]]))
  })
  const [first] = columns as [string]
  const matrix = columns.length === 1 ? first : then(write.node('Concat', columns, [['axis', 'int', 1]]))
  if (isVector) then(write.node('Reshape', [matrix, write.constant(BigInt64Array.of(-1n))], [], input))
  else then(write.node('Identity', [matrix], [], input))
  return nodes
}

/** Attributes of what makes texts their places among values. */
const encoderOf = (values: readonly string[]): Attribute[] => [
  ['default_float', 'float', Number.NaN],
  ['keys_strings', 'strings', values],
  ['values_floats', 'floats', Float32Array.from(values, (_, place) => place)],
]

/** From scores to what Slipway's models answer. */
function answerNodes(
  scores: string,
  { task, score, width, columns, classes }: Wrapping,
  write: Writer,
): MessageWriter[] {
  const nodes: MessageWriter[] = []
  const then = ({ name, message }: Made): string => {
    nodes.push(message)
    return name
  }
  // What a regression answers in double precision stays so.
  const answer = !isOfClasses(task) && score.element === double ? double : float
  const cast = score.element === answer ? scores : then(write.node('Cast', [scores], [['to', 'int', answer]]))
  const [column] = columns as [number]
  const chosen = (): string => {
    if (width === undefined) return then(write.node('Reshape', [cast, write.constant(BigInt64Array.of(-1n, 1n))]))
    if (width === 1) return cast
    const index = write.constant(BigInt64Array.of(BigInt(column)))
    return then(write.node('Gather', [cast, index], [['axis', 'int', 1]]))
  }
  if (!isOfClasses(task)) {
    const numbers = columns.length > 1 ? cast : chosen()
    if (task === 'quantiles') {
      const count = write.constant(BigInt64Array.of(BigInt(columns.length)))
      nodes.push(write.sorted(numbers, count))
    } else then(write.node('Identity', [numbers], [], 'prediction'))
    return nodes
  }
  const likeliest: Attribute[] = [
    ['axis', 'int', 1],
    ['keepdims', 'int', 0],
  ]
  if (classes !== undefined) {
    then(write.node('Identity', [cast], [], 'probabilities'))
    const place = then(write.node('ArgMax', ['probabilities'], likeliest))
    then(write.node('Gather', [write.constant(classes), place], [['axis', 'int', 0]], 'label'))
    return nodes
  }
  if (width === 2 && column === 1) then(write.node('Identity', [cast], [], 'probabilities'))
  else {
    const positive = chosen()
    const negative = then(write.node('Sub', [write.constant(Float32Array.of(1)), positive]))
    then(write.node('Concat', [negative, positive], [['axis', 'int', 1]], 'probabilities'))
  }
  then(write.node('ArgMax', ['probabilities'], likeliest, 'label'))
  return nodes
}

function outputsOf({ task, score, classes, columns }: Wrapping): MessageWriter[] {
  if (!isOfClasses(task))
    return [valueInfo('prediction', score.element === double ? 'double' : 'float', columns.length)]
  return [
    valueInfo('label', classes === undefined ? 'int64' : 'string', undefined),
    valueInfo('probabilities', 'float', classes?.length ?? 2),
  ]
}
