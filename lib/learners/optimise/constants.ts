import { changedGraph, graphFields, tensorFields } from '../finished/graph-changes.ts'
import { fieldOf, fieldsOf, intsOf, textOf } from '../finished/wire.ts'
import { nodeOf } from './node-of.ts'

/** The constants of a graph by name, as messages: initializers, and values of nodes Constant. */
export type Constants = ReadonlyMap<string, Uint8Array>

/** A matrix of float32 [rows, columns]. */
export interface Matrix {
  readonly rows: number
  readonly columns: number
  readonly values: Float32Array
}

/** Of TensorProto.DataType. */
const float32 = 1
const floatData = 4

export function constantsOf(graph: Uint8Array): Constants {
  return new Map(
    fieldsOf(graph).flatMap((field): [string, Uint8Array][] => {
      const { number, bytes } = field
      if (number === graphFields.initializer && bytes !== undefined)
        return [[textOf(fieldOf(fieldsOf(bytes), tensorFields.name)?.bytes), bytes]]
      if (number !== graphFields.node) return []
      const { operator, outputs, attributes } = nodeOf(field)
      const value = operator === 'Constant' ? fieldOf(attributes.get('value') ?? [], 5)?.bytes : undefined
      return value === undefined ? [] : [[outputs[0] as string, value]]
    }),
  )
}

/** A constant that is a matrix of float32; undefined for any other. */
export function matrixOf(constants: Constants, name: string | undefined): Matrix | undefined {
  const tensor = constants.get(name ?? '')
  if (tensor === undefined) return undefined
  const fields = fieldsOf(tensor)
  const [rows, columns, ...more] = intsOf(fields, 1)
  if (fieldOf(fields, tensorFields.type)?.int !== float32 || columns === undefined || more.length > 0) return undefined
  const bytes = fieldOf(fields, tensorFields.raw)?.bytes ?? fieldOf(fields, floatData)?.bytes
  if (rows === undefined || bytes?.length !== rows * columns * 4) return undefined
  return { rows, columns, values: new Float32Array(Uint8Array.from(bytes).buffer) }
}

/** All names that nodes read, in graphs within them too. @param nodes as fields of a graph */
export function namesUsed(nodes: readonly Uint8Array[]): Set<string> {
  const made = new Set<string>()
  const used = new Set<string>()
  for (const raw of nodes) {
    const [field] = fieldsOf(raw)
    const { inputs, outputs } = nodeOf(field as NonNullable<typeof field>)
    for (const name of inputs) used.add(name)
    for (const name of outputs) made.add(name)
    changedGraph(raw, {
      name(name) {
        if (!outputs.includes(name)) used.add(name)
        return name
      },
    })
  }
  return used
}
