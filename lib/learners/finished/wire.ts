import { MessageWriter } from '../onnx/protobuf.ts'

/** A field of a protobuf message: its number and what it holds, `raw` as it was written. (protobuf.dev, Encoding.) */
export interface Field {
  readonly number: number
  /** Wire type 0. */
  readonly int?: number
  /** Wire type 2: text, bytes, packed numbers, or a nested message. */
  readonly bytes?: Uint8Array
  readonly raw: Uint8Array
}

/**
 * The fields of a message, in their order.
 * @throws Error where the bytes are no message
 */
export function fieldsOf(message: Uint8Array): Field[] {
  const fields: Field[] = []
  const reader = { bytes: message, at: 0 }
  while (reader.at < message.length) {
    const from = reader.at
    const tag = varint(reader)
    const number = Math.floor(tag / 8)
    if (number === 0) throw new Error('a field without a number')
    const value = valueAt(tag % 8, reader)
    fields.push({ number, ...value, raw: message.subarray(from, reader.at) })
  }
  return fields
}

interface Reader {
  readonly bytes: Uint8Array
  at: number
}

function valueAt(type: number, reader: Reader): Pick<Field, 'int' | 'bytes'> {
  if (type === 0) return { int: varint(reader) }
  if (type !== 1 && type !== 2 && type !== 5) throw new Error(`a field of wire type ${type}`)
  const length = type === 1 ? 8 : type === 5 ? 4 : varint(reader)
  const from = reader.at
  if (from + length > reader.bytes.length) throw new Error('it ends within a field')
  reader.at = from + length
  return type === 2 ? { bytes: reader.bytes.subarray(from, reader.at) } : {}
}

/** Negative numbers are ten bytes in two's complement. Those that float64 cannot hold come rounded. */
function varint(reader: Reader): number {
  let value = 0n
  for (let shift = 0n; shift < 70n; shift += 7n) {
    const byte = reader.bytes[reader.at++]
    if (byte === undefined) throw new Error('it ends within a number')
    value |= BigInt(byte & 127) << shift
    if (byte < 128) return Number(BigInt.asIntN(64, value))
  }
  throw new Error('a number of more than ten bytes')
}

/** The numbers of a repeated field of integers, packed or not. */
export function intsOf(fields: readonly Field[], number: number): number[] {
  return fields
    .filter((field) => field.number === number)
    .flatMap(({ int, bytes }) => {
      if (bytes === undefined) return int ?? []
      const numbers: number[] = []
      const reader = { bytes, at: 0 }
      while (reader.at < bytes.length) numbers.push(varint(reader))
      return numbers
    })
}

/** The last field of a number, which is the one that counts. */
export const fieldOf = (fields: readonly Field[], number: number): Field | undefined =>
  fields.findLast((field) => field.number === number)

const decoder = new TextDecoder()
export const textOf = (bytes: Uint8Array | undefined): string => (bytes === undefined ? '' : decoder.decode(bytes))

/** All texts of a repeated field. */
export const textsOf = (fields: readonly Field[], number: number): string[] =>
  fields.filter((field) => field.number === number).map(({ bytes }) => textOf(bytes))

/** A field of text, bytes or a nested message, as it is written. */
export const written = (number: number, value: Uint8Array | string | MessageWriter): Uint8Array =>
  new MessageWriter().bytes(number, value).finish()

/**
 * A message with some fields changed, and all others as they were, byte for byte.
 * @param change what is to be written in a field's place; undefined leaves it out
 */
export function rewritten(message: Uint8Array, change: (field: Field) => Uint8Array | undefined): Uint8Array {
  let isSame = true
  const parts = fieldsOf(message).flatMap((field) => {
    const changed = change(field)
    isSame &&= changed === field.raw
    return changed ?? []
  })
  return isSame ? message : Buffer.concat(parts)
}

/** A nested message changed, in its field. */
export function rewrittenIn(field: Field, change: (message: Uint8Array) => Uint8Array): Uint8Array {
  const { number, bytes, raw } = field
  const changed = bytes && change(bytes)
  return changed === undefined || changed === bytes ? raw : written(number, changed)
}
