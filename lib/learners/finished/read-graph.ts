import { changedGraph, graphFields, graphOf, modelFields, nodeFields, tensorFields } from './graph-changes.ts'
import { type Field, fieldOf, fieldsOf, intsOf, textOf, textsOf } from './wire.ts'

/** What a value of a graph is: a tensor, or something that is none. */
export type ValueType =
  | {
      readonly kind: 'tensor'
      /** Of TensorProto.DataType. */
      readonly element: number
      /** Sizes, undefined where any will do; undefined where the file does not say how many there are. */
      readonly shape: readonly (number | undefined)[] | undefined
      /** Names of its axes, '' of those that have none; missing where no axis has one. */
      readonly axes?: readonly string[]
    }
  | { readonly kind: 'sequence' | 'map' | 'optional' | 'sparse tensor' | 'unknown' }

export interface GraphValue {
  readonly name: string
  readonly type: ValueType
}

/** Maps from class to score for each row: what they are made of. */
export interface ClassMap {
  /** The value that holds the scores [rows, classes]. */
  readonly scores: string
  readonly classes: readonly (number | string)[]
}

/** Operators of classical models, ZipMap and LabelEncoder among them. */
export const mlDomain = 'ai.onnx.ml'

/** What an ONNX file says of itself. */
export interface FinishedGraph {
  /** Version by domain; the empty one is ai.onnx. */
  readonly opsets: ReadonlyMap<string, number>
  /** Those that have to be given: no constants. */
  readonly inputs: readonly GraphValue[]
  readonly outputs: readonly GraphValue[]
  /** By the name of their output. */
  readonly classMaps: ReadonlyMap<string, ClassMap>
  /** The classes that its classifiers name, where they all name the same. */
  readonly labels: readonly (number | string)[] | undefined
  /** Those of its nodes, not of graphs within them. */
  readonly operators: ReadonlySet<string>
  /** All names of values, those of graphs within nodes too. */
  readonly names: ReadonlySet<string>
  /** All names of nodes. */
  readonly nodes: ReadonlySet<string>
}

/** @throws Error where the bytes are no ONNX model */
export function readGraph(model: Uint8Array): FinishedGraph {
  const graph = graphOf(model)
  const fields = fieldsOf(graph)
  const all = (number: number): Uint8Array[] =>
    fields.flatMap((field) => (field.number === number ? (field.bytes ?? []) : []))
  const constants = new Set(
    all(graphFields.initializer).map((each) => textOf(fieldOf(fieldsOf(each), tensorFields.name)?.bytes)),
  )
  const [names, nodes] = [new Set<string>(), new Set<string>()]
  const into = (seen: Set<string>) => (name: string) => {
    seen.add(name)
    return name
  }
  changedGraph(graph, { name: into(names), node: into(nodes) })
  return {
    opsets: new Map(
      fieldsOf(model).flatMap((field) => (field.number === modelFields.opsetImport ? [opsetOf(field)] : [])),
    ),
    inputs: all(graphFields.input)
      .map(graphValueOf)
      .filter(({ name }) => !constants.has(name)),
    outputs: all(graphFields.output).map(graphValueOf),
    classMaps: new Map(all(graphFields.node).flatMap(classMapOf)),
    labels: labelsIn(all(graphFields.node)),
    operators: new Set(
      all(graphFields.node).map((node) => textOf(fieldOf(fieldsOf(node), nodeFields.operator)?.bytes)),
    ),
    names,
    nodes,
  }
}

/** What an import of operators says. */
export function opsetOf({ bytes }: Field): [domain: string, version: number] {
  const fields = fieldsOf(bytes as Uint8Array)
  const domain = textOf(fieldOf(fields, 1)?.bytes)
  return [domain === 'ai.onnx' ? '' : domain, fieldOf(fields, 2)?.int ?? 0]
}

function graphValueOf(message: Uint8Array): GraphValue {
  const fields = fieldsOf(message)
  return { name: textOf(fieldOf(fields, 1)?.bytes), type: typeOf(fieldOf(fields, 2)?.bytes) }
}

const otherTypes: Readonly<Record<number, Exclude<ValueType['kind'], 'tensor'>>> = {
  4: 'sequence',
  5: 'map',
  8: 'sparse tensor',
  9: 'optional',
}

function typeOf(message: Uint8Array | undefined): ValueType {
  const fields = fieldsOf(message ?? new Uint8Array())
  const tensor = fieldOf(fields, 1)?.bytes
  if (tensor === undefined) {
    const other = fields.map(({ number }) => otherTypes[number]).find((kind) => kind !== undefined)
    return { kind: other ?? 'unknown' }
  }
  const said = fieldsOf(tensor)
  const shape = fieldOf(said, 2)?.bytes
  const axes = (shape === undefined ? [] : fieldsOf(shape)).flatMap(({ number, bytes }) =>
    number === 1 ? [bytes] : [],
  )
  const names = axes.map((axis) => textOf(fieldOf(fieldsOf(axis ?? new Uint8Array()), 2)?.bytes))
  return {
    kind: 'tensor',
    element: fieldOf(said, 1)?.int ?? 0,
    shape: shape && axes.map(sizeOf),
    ...(names.some((name) => name !== '') && { axes: names }),
  }
}

/** Some exporters write 0 or -1 for a size that may be any. */
function sizeOf(dimension: Uint8Array | undefined): number | undefined {
  const size = fieldOf(fieldsOf(dimension ?? new Uint8Array()), 1)?.int
  return size !== undefined && size > 0 ? size : undefined
}

/** A node ZipMap, which lays scores and the names of their classes side by side. */
function classMapOf(node: Uint8Array): [output: string, map: ClassMap][] {
  const fields = fieldsOf(node)
  if (textOf(fieldOf(fields, nodeFields.operator)?.bytes) !== 'ZipMap') return []
  const classes = classesOf(fields)
  const [scores] = textsOf(fields, nodeFields.input)
  const [output] = textsOf(fields, nodeFields.output)
  return scores === undefined || output === undefined ? [] : [[output, { scores, classes }]]
}

/** The classes that a node names, if it does. */
function classesOf(node: readonly Field[]): readonly (number | string)[] {
  const attributes = node.flatMap(({ number, bytes }) =>
    number === nodeFields.attribute && bytes !== undefined ? [fieldsOf(bytes)] : [],
  )
  const named = (...names: readonly string[]): Field[] =>
    attributes.find((each) => names.includes(textOf(fieldOf(each, 1)?.bytes))) ?? []
  // SVMClassifier and LinearClassifier call them otherwise than trees do.
  const ints = intsOf(named('classlabels_int64s', 'classlabels_ints'), 8)
  return ints.length > 0 ? ints : textsOf(named('classlabels_strings'), 9)
}

function labelsIn(nodes: readonly Uint8Array[]): readonly (number | string)[] | undefined {
  const named = nodes.map((node) => classesOf(fieldsOf(node))).filter(({ length }) => length > 0)
  const [first] = named
  return named.every((each) => each.join('\0') === first?.join('\0')) ? first : undefined
}
