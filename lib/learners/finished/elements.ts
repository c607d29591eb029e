import { halfOf } from '../../formats/half.ts'

/** A kind of element that inputs may have. */
export interface Element {
  /** As onnxruntime-node calls it. */
  readonly name: string
  /** What one is called by people. */
  readonly noun: string
  /** It holds more than float32 does: what it is fed keeps the float64 it came in. */
  readonly isExact?: true
  /** It holds whole numbers only, from the first to the last. */
  readonly whole?: readonly [least: number, most: number]
  /** Elements of rows. */
  readonly of: (values: ArrayLike<number>) => unknown
}

const bits = (count: number): [number, number] => [-(2 ** (count - 1)), 2 ** (count - 1) - 1]
const unsigned = (count: number): [number, number] => [0, 2 ** count - 1]
/** Beyond it float64 has no fractions, and not all whole numbers either. */
const safe = Number.MAX_SAFE_INTEGER
const bigInts = (values: ArrayLike<number>): bigint[] => Array.from(values, BigInt)

/** Kinds of elements by their number in TensorProto.DataType. */
export const elements: Readonly<Record<number, Element>> = {
  1: { name: 'float32', noun: 'float32', of: (values) => Float32Array.from(values) },
  2: { name: 'uint8', noun: 'uint8', whole: unsigned(8), of: (values) => Uint8Array.from(values) },
  3: { name: 'int8', noun: 'int8', whole: bits(8), of: (values) => Int8Array.from(values) },
  4: { name: 'uint16', noun: 'uint16', whole: unsigned(16), of: (values) => Uint16Array.from(values) },
  5: { name: 'int16', noun: 'int16', whole: bits(16), of: (values) => Int16Array.from(values) },
  6: { name: 'int32', noun: 'int32', isExact: true, whole: bits(32), of: (values) => Int32Array.from(values) },
  7: {
    name: 'int64',
    noun: 'int64',
    isExact: true,
    whole: [-safe, safe],
    of: (values) => BigInt64Array.from(bigInts(values)),
  },
  9: { name: 'bool', noun: 'truth value', whole: [0, 1], of: (values) => Uint8Array.from(values) },
  10: { name: 'float16', noun: 'float16', of: (values) => Uint16Array.from(values, halfOf) },
  11: { name: 'float64', noun: 'float64', isExact: true, of: (values) => Float64Array.from(values) },
  12: { name: 'uint32', noun: 'uint32', isExact: true, whole: unsigned(32), of: (values) => Uint32Array.from(values) },
  13: {
    name: 'uint64',
    noun: 'uint64',
    isExact: true,
    whole: [0, safe],
    of: (values) => BigUint64Array.from(bigInts(values)),
  },
}
/** Of TensorProto.DataType. */
export const [float, text, half, double] = [1, 8, 10, 11] as const
