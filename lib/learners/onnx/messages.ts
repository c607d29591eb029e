import type { Numbers } from '../../formats/columns.ts'
import type { ModelInput } from '../learner.ts'
import { MessageWriter } from './protobuf.ts'

// Numbers of onnx.proto3 (github.com/onnx/onnx), the few that are needed here.
const elementType = { float: 1, uint8: 2, int64: 7, string: 8, double: 11 } as const
const attributeType = { float: 1, int: 2, string: 3, tensor: 4, floats: 6, ints: 7, strings: 8 } as const

export type Attribute = readonly [
  name: string,
  type: keyof typeof attributeType,
  value: number | string | readonly number[] | readonly string[] | Float32Array | Uint8Array,
]

/** Numbers under a name: a value of an attribute, or a constant of the graph. */
export interface Tensor {
  readonly name: string
  readonly values: Numbers | Uint8Array | BigInt64Array | readonly string[]
  readonly dimensions: readonly number[]
}

/** An operator of the graph. It reads inputs of the model as such, and values in between by name. */
export interface GraphNode {
  readonly operator: string
  readonly domain: string
  readonly inputs: readonly GraphValue[]
  readonly outputs: readonly string[]
  readonly attributes: readonly Attribute[]
}
export type GraphValue = string | Pick<ModelInput, 'name'>

/** What becomes of the features: nodes in order, and the constants they need. */
export interface GraphPart {
  readonly nodes: readonly GraphNode[]
  readonly constants: readonly Tensor[]
}

export const node = (
  operator: string,
  domain: string,
  inputs: readonly GraphValue[],
  outputs: readonly string[],
  attributes: readonly Attribute[],
): GraphNode => ({ operator, domain, inputs, outputs, attributes })

/** A tensor, of one dimension unless they are said. */
export const tensor = (
  name: string,
  values: Tensor['values'],
  dimensions: readonly number[] = [values.length],
): Tensor => ({ name, values, dimensions })

/** @param nameOf the name that a value has in the graph */
export function nodeMessage(
  { operator, domain, inputs, outputs, attributes }: GraphNode,
  nameOf: (value: GraphValue) => string,
): MessageWriter {
  const message = new MessageWriter()
  for (const input of inputs) message.bytes(1, nameOf(input))
  for (const output of outputs) message.bytes(2, nameOf(output))
  message.bytes(3, nameOf(outputs[0] as string)).bytes(4, operator)
  for (const each of attributes) message.bytes(5, attributeMessage(each))
  return message.bytes(7, domain)
}

function attributeMessage([name, type, value]: Attribute): MessageWriter {
  const message = new MessageWriter().bytes(1, name)
  if (type === 'float') message.float(2, value as number)
  else if (type === 'int') message.int(3, value as number)
  else if (type === 'string') message.bytes(4, value as string)
  else if (type === 'tensor') message.bytes(5, tensorMessage(tensor(name, value as Float32Array | Uint8Array)))
  else if (type === 'floats') message.packedFloats(7, value as Float32Array)
  else if (type === 'ints') message.packedInts(8, value as number[])
  else for (const text of value as string[]) message.bytes(9, text)
  return message.int(20, attributeType[type])
}

export function tensorMessage({ name, values, dimensions }: Tensor): MessageWriter {
  const message = new MessageWriter().packedInts(1, dimensions)
  if (!ArrayBuffer.isView(values)) {
    message.int(2, elementType.string)
    for (const text of values) message.bytes(6, text)
    return message.bytes(8, name)
  }
  return message
    .int(2, elementType[typeOf(values)])
    .bytes(8, name)
    .bytes(9, new Uint8Array(values.buffer, values.byteOffset, values.byteLength))
}

function typeOf(values: Exclude<Tensor['values'], readonly string[]>): keyof typeof elementType {
  if (values instanceof Float32Array) return 'float'
  if (values instanceof Float64Array) return 'double'
  return values instanceof Uint8Array ? 'uint8' : 'int64'
}

/** A tensor of shape [rows, columns] (or [rows]). */
export function valueInfo(name: string, type: keyof typeof elementType, columns: number | undefined): MessageWriter {
  const shape = new MessageWriter().bytes(1, new MessageWriter().bytes(2, 'rows'))
  if (columns !== undefined) shape.bytes(1, new MessageWriter().int(1, columns))
  const described = new MessageWriter().int(1, elementType[type]).bytes(2, shape)
  return new MessageWriter().bytes(1, name).bytes(2, new MessageWriter().bytes(1, described))
}
