import type { Numbers } from '../../formats/columns.ts'
import { MessageWriter } from './protobuf.ts'

// Numbers of onnx.proto3 (github.com/onnx/onnx), the few that are needed here.
const elementType = { float: 1, uint8: 2, int64: 7, string: 8, double: 11 } as const
const attributeType = { float: 1, int: 2, string: 3, tensor: 4, floats: 6, ints: 7, strings: 8 } as const

export type Attribute = readonly [
  name: string,
  type: keyof typeof attributeType,
  value: number | string | readonly number[] | readonly string[] | Float32Array | Uint8Array,
]

function attribute([name, type, value]: Attribute): MessageWriter {
  const message = new MessageWriter().bytes(1, name)
  if (type === 'float') message.float(2, value as number)
  else if (type === 'int') message.int(3, value as number)
  else if (type === 'string') message.bytes(4, value as string)
  else if (type === 'tensor') message.bytes(5, tensor(name, value as Float32Array | Uint8Array))
  else if (type === 'floats') message.packedFloats(7, value as Float32Array)
  else if (type === 'ints') message.packedInts(8, value as number[])
  else for (const text of value as string[]) message.bytes(9, text)
  return message.int(20, attributeType[type])
}

/** A tensor, of one dimension unless they are said: a value of an attribute, or a constant of the graph. */
export function tensor(
  name: string,
  values: Numbers | Uint8Array | BigInt64Array,
  dimensions: readonly number[] = [values.length],
): MessageWriter {
  const type = typeOf(values)
  return new MessageWriter()
    .packedInts(1, dimensions)
    .int(2, elementType[type])
    .bytes(8, name)
    .bytes(9, new Uint8Array(values.buffer, values.byteOffset, values.byteLength))
}

function typeOf(values: Numbers | Uint8Array | BigInt64Array): keyof typeof elementType {
  if (values instanceof Float32Array) return 'float'
  if (values instanceof Float64Array) return 'double'
  return values instanceof Uint8Array ? 'uint8' : 'int64'
}

export function node(
  operator: string,
  domain: string,
  inputs: readonly string[],
  outputs: readonly string[],
  attributes: readonly Attribute[],
): MessageWriter {
  const message = new MessageWriter()
  for (const input of inputs) message.bytes(1, input)
  for (const output of outputs) message.bytes(2, output)
  message.bytes(3, outputs[0] as string).bytes(4, operator)
  for (const each of attributes) message.bytes(5, attribute(each))
  return message.bytes(7, domain)
}

/** A tensor of shape [rows, columns] (or [rows]). */
export function valueInfo(name: string, type: keyof typeof elementType, columns: number | undefined): MessageWriter {
  const shape = new MessageWriter().bytes(1, new MessageWriter().bytes(2, 'rows'))
  if (columns !== undefined) shape.bytes(1, new MessageWriter().int(1, columns))
  const tensor = new MessageWriter().int(1, elementType[type]).bytes(2, shape)
  return new MessageWriter().bytes(1, name).bytes(2, new MessageWriter().bytes(1, tensor))
}

/** What becomes of the features: nodes in order, and the constants they need. */
export interface GraphPart {
  readonly nodes: readonly MessageWriter[]
  readonly constants: readonly MessageWriter[]
}
