import { z } from 'zod'
import { Digest } from './artifact.ts'
import { SlipwayError } from './errors.ts'
import { OptimisedFacts } from './optimise.ts'

/** Arrays that hold the elements of a tensor, row-major. */
export type TensorData =
  | Float32Array
  | Float64Array
  | Int8Array
  | Int16Array
  | Int32Array
  | BigInt64Array
  | Uint8Array
  | Uint16Array
  | Uint32Array
  | BigUint64Array
  | string[]

/** A type of elements, by the name that the Open Inference Protocol has for it. */
interface Datatype {
  /** In TensorProto.DataType of ONNX. */
  readonly onnx: number
  /** As onnxruntime-node calls it. */
  readonly name: string
  /** Room for so many; FP16 is held as its bits. */
  readonly of: (length: number) => TensorData
  /** Whole numbers, from the first to the last. */
  readonly whole?: readonly [least: bigint, most: bigint]
}

const signed = (bits: bigint): [bigint, bigint] => [-(2n ** (bits - 1n)), 2n ** (bits - 1n) - 1n]
const unsigned = (bits: bigint): [bigint, bigint] => [0n, 2n ** bits - 1n]

export const datatypes = {
  BOOL: { onnx: 9, name: 'bool', of: (length) => new Uint8Array(length) },
  INT8: { onnx: 3, name: 'int8', of: (length) => new Int8Array(length), whole: signed(8n) },
  INT16: { onnx: 5, name: 'int16', of: (length) => new Int16Array(length), whole: signed(16n) },
  INT32: { onnx: 6, name: 'int32', of: (length) => new Int32Array(length), whole: signed(32n) },
  INT64: { onnx: 7, name: 'int64', of: (length) => new BigInt64Array(length), whole: signed(64n) },
  UINT8: { onnx: 2, name: 'uint8', of: (length) => new Uint8Array(length), whole: unsigned(8n) },
  UINT16: { onnx: 4, name: 'uint16', of: (length) => new Uint16Array(length), whole: unsigned(16n) },
  UINT32: { onnx: 12, name: 'uint32', of: (length) => new Uint32Array(length), whole: unsigned(32n) },
  UINT64: { onnx: 13, name: 'uint64', of: (length) => new BigUint64Array(length), whole: unsigned(64n) },
  FP16: { onnx: 10, name: 'float16', of: (length) => new Uint16Array(length) },
  FP32: { onnx: 1, name: 'float32', of: (length) => new Float32Array(length) },
  FP64: { onnx: 11, name: 'float64', of: (length) => new Float64Array(length) },
  BYTES: { onnx: 8, name: 'string', of: (length) => new Array<string>(length).fill('') },
} as const satisfies Readonly<Record<string, Datatype>>
export type DatatypeName = keyof typeof datatypes
export const datatypeOf = (name: DatatypeName): Datatype => datatypes[name]

/** One axis: its size, or the name of one that may be any, the same wherever the name stands; '' where it has none. */
const Axis = z.union([z.int().nonnegative(), z.string()])

/** An input or output of a model of tensors. */
export const TensorSpec = z.object({
  name: z.string().min(1),
  datatype: z.enum(Object.keys(datatypes) as [DatatypeName, ...DatatypeName[]]),
  /** Missing where the graph does not say how many axes there are. */
  shape: z.array(Axis).optional(),
})
export type TensorSpec = z.infer<typeof TensorSpec>

/** What a model of tensors alone is, besides its files: the facts of its bundle. It has no rows and no features. */
export const TensorFacts = z.object({
  kind: z.literal('tensors'),
  name: z.string(),
  inputs: z.array(TensorSpec).min(1),
  outputs: z.array(TensorSpec).min(1),
  /** Whether the first axis of every input and output counts items: then a request may ask about several. */
  isBatched: z.boolean(),
  /** The ONNX file as it was given, with all that it keeps in others. */
  model: Digest,
  /** The sample inputs that its baseline profile is made of; missing where there were none. */
  samples: Digest.optional(),
  signature: z.int().default(1),
  /** What was done to its graph, where the definition asks for it. */
  optimised: OptimisedFacts.optional(),
})
export type TensorFacts = z.infer<typeof TensorFacts>

/** Whether the facts of a model's bundle are of one of tensors. */
export const isOfTensors = (facts: Readonly<Record<string, unknown>>): boolean => facts.kind === 'tensors'

/** @throws SlipwayError MODEL_OF_TENSORS where what is asked is about rows, which a model of tensors has not */
export function requireRows(facts: Readonly<Record<string, unknown>>): void {
  if (!isOfTensors(facts)) return
  throw new SlipwayError('MODEL_OF_TENSORS', `model ${facts.name} takes tensors and no rows, which this is about`, {
    next: 'such a model is served, rolled out and watched on its outputs; ask it by slipway predict',
  })
}

/** A tensor as it is given or answered. */
export interface TensorValue {
  readonly shape: readonly number[]
  readonly data: TensorData
}
/** Tensors by the names of inputs or outputs. */
export type Tensors = Readonly<Record<string, TensorValue>>

/** How many elements a tensor of a shape has; 1 of no axes. */
export const sizeOf = (shape: readonly number[]): number => shape.reduce((size, axis) => size * axis, 1)

/** `[batch, 3, 224, 224]`; what may be anything is `?`. */
export const shapeInWords = (shape: TensorSpec['shape']): string =>
  shape === undefined ? 'any shape' : `[${shape.map((axis) => (axis === '' ? '?' : axis)).join(', ')}]`

/**
 * Whether the first axis of everything counts items: it may be any size everywhere, and nowhere under another name.
 */
export function isBatchedBy(specs: readonly TensorSpec[]): boolean {
  const first = specs.map(({ shape }) => shape?.[0])
  const names = new Set(first.filter((axis) => axis !== ''))
  return first.every((axis) => typeof axis === 'string') && names.size <= 1
}

/** How many items tensors of a model are about. */
export function itemsOf({ isBatched, inputs }: TensorFacts, tensors: Tensors): number {
  return isBatched ? (tensors[inputs[0]?.name ?? '']?.shape[0] ?? 0) : 1
}
