import protobuf from 'protobufjs'
import { invalid } from '../../../../lib/models/rows.ts'
import { decoderOf } from '../datatypes.ts'
import type { Contents, Wide } from './messages.ts'

type Field = keyof Contents

/** Whole numbers narrower than the field they stand in, from the least to the most. */
const ranges: Readonly<Record<string, readonly [least: number, most: number]>> = {
  INT8: [-0x80, 0x7f],
  INT16: [-0x8000, 0x7fff],
  UINT8: [0, 0xff],
  UINT16: [0, 0xffff],
}

/** Which field elements of a datatype stand in, and how they lie in memory; FP16 and BF16 have no field. */
const fields: Readonly<Record<string, readonly [Field, (elements: never) => ArrayBufferView | Buffer]>> = {
  BOOL: ['bool_contents', (elements: boolean[]) => Uint8Array.from(elements, Number)],
  INT8: ['int_contents', (elements: number[]) => Int8Array.from(elements)],
  INT16: ['int_contents', (elements: number[]) => Int16Array.from(elements)],
  INT32: ['int_contents', (elements: number[]) => Int32Array.from(elements)],
  INT64: ['int64_contents', wideBytes],
  UINT8: ['uint_contents', (elements: number[]) => Uint8Array.from(elements)],
  UINT16: ['uint_contents', (elements: number[]) => Uint16Array.from(elements)],
  UINT32: ['uint_contents', (elements: number[]) => Uint32Array.from(elements)],
  UINT64: ['uint64_contents', wideBytes],
  FP32: ['fp32_contents', (elements: number[]) => Float32Array.from(elements)],
  FP64: ['fp64_contents', (elements: number[]) => Float64Array.from(elements)],
  BYTES: ['bytes_contents', lengthsAndBytes],
}

/**
 * Typed contents as raw ones, so that both are read alike.
 * @param size how many elements the shape asks for; undefined for a shape that is none, which is told by who reads it
 * @throws SlipwayError REQUEST_INVALID for elements of another type's field, and for too few or too many
 */
export function rawOf(contents: Contents | null | undefined, datatype: string, size: number | undefined, path: string) {
  const field = fields[datatype]
  if (field === undefined) throw invalid(`${datatype} has no typed contents: send raw_input_contents`, path)
  const [name] = field
  for (const [other, elements] of Object.entries(contents ?? {}) as [Field, ArrayLike<unknown>][])
    if (other !== name && elements.length > 0)
      throw invalid(`elements of ${datatype} stand in ${name}, and ${other} has ${elements.length}`, path)
  const elements = (contents?.[name] ?? []) as ArrayLike<unknown>
  if (size !== undefined && elements.length !== size)
    throw invalid(`the shape asks for ${size} elements, ${name} has ${elements.length}`, path)
  requireRange(elements, datatype, `${path}.contents.${name}`)
  return memoryOf(datatype, elements)
}

/** Elements of a datatype that has typed contents as raw contents. */
export function memoryOf(datatype: string, elements: ArrayLike<unknown>): Buffer {
  const [, bytesOf] = fields[datatype] as (typeof fields)[string]
  const { buffer, byteOffset, byteLength } = bytesOf(elements as never)
  return Buffer.from(buffer as ArrayBuffer, byteOffset, byteLength)
}

/** @throws SlipwayError REQUEST_INVALID for a whole number that is none of its datatype */
export function requireRange(elements: ArrayLike<unknown>, datatype: string, path: string): void {
  const range = ranges[datatype]
  if (range === undefined) return
  const [least, most] = range
  for (let i = 0; i < elements.length; i++) {
    const element = elements[i] as number
    if (element < least || element > most) throw invalid(`${element} is no ${datatype}`, `${path}[${i}]`)
  }
}

function wideBytes(elements: readonly Wide[]): Int32Array {
  const halves = new Int32Array(elements.length * 2)
  for (const [i, { low, high }] of elements.entries()) {
    halves[i * 2] = low
    halves[i * 2 + 1] = high
  }
  return halves
}

/** BYTES as raw contents have them: four bytes of length, little-endian, before each. */
function lengthsAndBytes(elements: readonly Uint8Array[]): Buffer {
  return Buffer.concat(
    elements.flatMap((bytes) => {
      const length = Buffer.alloc(4)
      length.writeUInt32LE(bytes.length)
      return [length, bytes]
    }),
  )
}

/** Whether a datatype can be answered in typed contents. */
export const hasContents = (datatype: string): boolean => Object.hasOwn(fields, datatype)

/** Raw contents as typed ones. */
export function contentsOf(datatype: string, bytes: Buffer, size: number): Contents {
  const [name] = fields[datatype] as (typeof fields)[string]
  const elements = decoderOf(datatype)(bytes, size, '')
  if (datatype === 'BYTES') return { [name]: Array.from(elements as string[], (text) => Buffer.from(text)) }
  if (!datatype.endsWith('INT64')) return { [name]: elements }
  return { [name]: Array.from(elements as ArrayLike<bigint>, (value) => wideOf(value, datatype === 'UINT64')) }
}

const wideOf = (value: bigint, isUnsigned: boolean): Wide =>
  new protobuf.util.Long(
    Number(BigInt.asIntN(32, value)),
    Number(BigInt.asIntN(32, value >> 32n)),
    isUnsigned,
  ) as unknown as Wide
