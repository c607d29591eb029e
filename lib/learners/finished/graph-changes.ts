import { type Field, fieldOf, fieldsOf, rewritten, rewrittenIn, textOf, written } from './wire.ts'

/*
 * Numbers of onnx.proto3 (github.com/onnx/onnx). Whatever is not named here stays as it is: documentation, metadata,
 * functions of the model's own.
 */
export const modelFields = { irVersion: 1, graph: 7, opsetImport: 8 } as const
export const graphFields = {
  node: 1,
  initializer: 5,
  input: 11,
  output: 12,
  valueInfo: 13,
  quantization: 14,
  sparse: 15,
} as const
export const nodeFields = { input: 1, output: 2, name: 3, operator: 4, attribute: 5, domain: 7 } as const
export const tensorFields = { type: 2, name: 8, raw: 9, external: 13, location: 14 } as const
const attributeFields = { tensor: 5, graph: 6, tensors: 10, graphs: 11 } as const

/** What is to be changed of a graph and of those within its nodes. */
export interface GraphChanges {
  /** The name of a value. */
  readonly name?: (name: string) => string
  /** The name of a node. */
  readonly node?: (name: string) => string
  /** A constant, as a message. */
  readonly tensor?: (tensor: Uint8Array) => Uint8Array
}

/**
 * A graph with changes, in all that names a value or holds a constant: its nodes' own graphs see what is around them.
 */
export function changedGraph(graph: Uint8Array, changes: GraphChanges): Uint8Array {
  const tensor = (field: Field): Uint8Array => rewrittenIn(field, changes.tensor ?? same)
  const named = (number: number) => (message: Uint8Array) =>
    rewritten(message, (field) => (field.number === number ? renamed(field, changes.name) : field.raw))
  const attribute = (field: Field): Uint8Array => {
    const { number } = field
    if (number === attributeFields.tensor || number === attributeFields.tensors) return tensor(field)
    if (number === attributeFields.graph || number === attributeFields.graphs)
      return rewrittenIn(field, (inner) => changedGraph(inner, changes))
    return field.raw
  }
  const ofNode = (field: Field): Uint8Array => {
    if (field.number === nodeFields.input || field.number === nodeFields.output) return renamed(field, changes.name)
    if (field.number === nodeFields.name) return renamed(field, changes.node)
    return field.number === nodeFields.attribute
      ? rewrittenIn(field, (message) => rewritten(message, attribute))
      : field.raw
  }
  const initializer = (message: Uint8Array): Uint8Array =>
    named(tensorFields.name)(changes.tensor === undefined ? message : changes.tensor(message))
  const ofGraph: Readonly<Record<number, (message: Uint8Array) => Uint8Array>> = {
    [graphFields.node]: (message) => rewritten(message, ofNode),
    [graphFields.initializer]: initializer,
    [graphFields.input]: named(1),
    [graphFields.output]: named(1),
    [graphFields.valueInfo]: named(1),
    // A tensor's name, and pairs of a parameter and the name of its tensor.
    [graphFields.quantization]: (message) =>
      rewritten(message, (field) =>
        field.number === 1
          ? renamed(field, changes.name)
          : field.number === 2
            ? rewrittenIn(field, named(2))
            : field.raw,
      ),
    [graphFields.sparse]: (message) =>
      rewritten(message, (field) =>
        field.number === 1 || field.number === 2 ? rewrittenIn(field, initializer) : field.raw,
      ),
  }
  return rewritten(graph, (field) => {
    const change = ofGraph[field.number]
    return change === undefined ? field.raw : rewrittenIn(field, change)
  })
}

const same = (message: Uint8Array): Uint8Array => message

function renamed({ number, bytes, raw }: Field, name: GraphChanges['name']): Uint8Array {
  if (name === undefined) return raw
  const before = textOf(bytes)
  const after = name(before)
  return after === before ? raw : written(number, after)
}

/** The graph of a model. @throws Error where there is none */
export function graphOf(model: Uint8Array): Uint8Array {
  const graph = fieldOf(fieldsOf(model), modelFields.graph)?.bytes
  if (graph === undefined) throw new Error('it has no graph')
  return graph
}

/** A model with another graph. */
export const withGraph = (model: Uint8Array, change: (graph: Uint8Array) => Uint8Array): Uint8Array =>
  rewritten(model, (field) => (field.number === modelFields.graph ? rewrittenIn(field, change) : field.raw))
