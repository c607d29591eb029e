import { sizeOf } from '../../../../lib/formats/tensors.ts'
import { invalid } from '../../../../lib/models/rows.ts'
import { contentsOf, memoryOf, requireRange } from '../../open-inference/grpc/contents.ts'
import type { SentTensor } from '../../open-inference/tensors.ts'
import { dtypes, type TensorProto, type Wide } from './messages.ts'

type Field = Exclude<keyof TensorProto, 'dtype' | 'tensor_shape' | 'tensor_content'>

interface Kind {
  /** As TensorFlow and the Open Inference Protocol name it. */
  readonly dtype: string
  readonly datatype: string
  /** Where its elements stand. */
  readonly field: Field
}

const kind = (dtype: string, datatype: string, field: Field): Kind => ({ dtype, datatype, field })

/** Types that are read (tensorflow/core/framework/tensor.proto); complex and quantised ones are not. */
const kinds: readonly Kind[] = [
  kind('DT_FLOAT', 'FP32', 'float_val'),
  kind('DT_DOUBLE', 'FP64', 'double_val'),
  kind('DT_INT32', 'INT32', 'int_val'),
  kind('DT_UINT8', 'UINT8', 'int_val'),
  kind('DT_INT16', 'INT16', 'int_val'),
  kind('DT_INT8', 'INT8', 'int_val'),
  kind('DT_STRING', 'BYTES', 'string_val'),
  kind('DT_INT64', 'INT64', 'int64_val'),
  kind('DT_BOOL', 'BOOL', 'bool_val'),
  kind('DT_BFLOAT16', 'BF16', 'half_val'),
  kind('DT_UINT16', 'UINT16', 'int_val'),
  kind('DT_HALF', 'FP16', 'half_val'),
  kind('DT_UINT32', 'UINT32', 'uint32_val'),
  kind('DT_UINT64', 'UINT64', 'uint64_val'),
]
const byNumber = new Map(kinds.map((each) => [dtypes[each.dtype] as number, each]))
const byDatatype = new Map(kinds.map((each) => [each.datatype, each]))
const fields = new Set(kinds.map(({ field }) => field))

/** TensorFlow's number of a datatype. */
export const dtypeOf = (datatype: string): number => dtypes[byDatatype.get(datatype)?.dtype ?? ''] ?? 0

/** Elements that one value may stand for: a shape costs its sender nothing. */
const mostRepeated = 1 << 20

/** FP16 and BF16 come as their bits. */
const inFields = (datatype: string): string => (datatype === 'FP16' || datatype === 'BF16' ? 'UINT16' : datatype)

/**
 * A tensor as one of bytes, whichever way its elements came.
 * @throws SlipwayError REQUEST_INVALID
 */
export function sentTensor(name: string, tensor: TensorProto, path: string): SentTensor {
  const found = byNumber.get(tensor.dtype)
  if (found === undefined) {
    const [given = tensor.dtype] = Object.entries(dtypes).flatMap(([each, i]) => (i === tensor.dtype ? [each] : []))
    throw invalid(`dtype is ${given}; known are ${kinds.map(({ dtype }) => dtype).join(', ')}`, path)
  }
  const { datatype } = found
  const shape = shapeOf(tensor, path)
  return { name, datatype, shape, data: undefined, bytes: bytesIn(tensor, found, sizeOf(shape), path), path }
}

function shapeOf({ tensor_shape: shape }: TensorProto, path: string): number[] {
  if (shape == null) return []
  const axes = shape.dim.map(({ size }) => (typeof size === 'number' ? size : size.toNumber()))
  if (shape.unknown_rank === true || axes.some((axis) => axis < 0) || !Number.isSafeInteger(sizeOf(axes)))
    throw invalid('a tensor needs a shape, and each of its axes a size', path)
  return axes
}

function bytesIn(tensor: TensorProto, { dtype, datatype, field }: Kind, size: number, path: string): Buffer {
  const content = tensor.tensor_content ?? new Uint8Array()
  for (const other of fields) {
    const values = tensor[other]
    if (values === undefined || values.length === 0) continue
    if (content.length > 0) throw invalid(`has tensor_content, and there is ${other}: send one of both`, path)
    if (other !== field)
      throw invalid(`elements of ${dtype} stand in ${field}, and ${other} has ${values.length}`, path)
  }
  if (content.length > 0) {
    const bytes = Buffer.from(content.buffer, content.byteOffset, content.length)
    return datatype === 'BYTES' ? textsIn(bytes, size, path) : bytes
  }
  const values = tensor[field] ?? []
  if (values.length > size) throw invalid(`the shape asks for ${size} elements, ${field} has ${values.length}`, path)
  requireRange(values, inFields(datatype), `${path}.${field}`)
  return memoryOf(inFields(datatype), values.length === size ? values : repeated(values, field, size, path))
}

const zeros: Readonly<Partial<Record<Field, unknown>>> = {
  string_val: Buffer.alloc(0),
  int64_val: { low: 0, high: 0 },
  uint64_val: { low: 0, high: 0 },
  bool_val: false,
}

/** Of too few values the last one stands for the rest, and zero where there are none (tensor.cc, FromProtoField). */
function repeated(values: ArrayLike<unknown>, field: Field, size: number, path: string): ArrayLike<unknown> {
  if (size > mostRepeated)
    throw invalid(
      `the shape asks for ${size} elements, ${field} has ${values.length}: one stands for ${mostRepeated} at most`,
      path,
    )
  const last = values.length === 0 ? (zeros[field] ?? 0) : values[values.length - 1]
  return Array.from({ length: size }, (_, i) => (i < values.length ? values[i] : last))
}

/**
 * Texts as TensorFlow packs them, all lengths in front as varints (tensor_coding.cc, DecodeStringList), in the form of
 * the Open Inference Protocol, each behind its length.
 */
function textsIn(bytes: Buffer, size: number, path: string): Buffer {
  const cut = (): never => {
    throw invalid(`tensor_content is no list of ${size} texts`, path)
  }
  // Each length takes a byte at least.
  if (size > bytes.length) cut()
  let at = 0
  const length = (): number => {
    let value = 0
    for (let shift = 0; shift < 32; shift += 7) {
      const byte = bytes[at++] ?? cut()
      value += (byte & 0x7f) * 2 ** shift
      if (byte < 0x80) return value
    }
    return cut()
  }
  const lengths = Array.from({ length: size }, length)
  if (at + lengths.reduce((sum, each) => sum + each, 0) !== bytes.length) cut()
  const texts = lengths.map((each) => {
    at += each
    return bytes.subarray(at - each, at)
  })
  return memoryOf('BYTES', texts)
}

/** A tensor of an answer, in the field of its type, where TensorFlow's server writes it too. */
export function tensorProto(datatype: string, shape: readonly number[], bytes: Buffer): TensorProto {
  const { dtype, field } = byDatatype.get(datatype) as Kind
  const [elements] = Object.values(contentsOf(inFields(datatype), bytes, sizeOf(shape)))
  return {
    dtype: dtypes[dtype] as number,
    tensor_shape: { dim: shape.map((axis) => ({ size: axis as Wide })) },
    [field]: elements,
  }
}
