import { halfOf } from '../../formats/half.ts'
import { datatypeOf, sizeOf, type TensorData, type TensorSpec, type TensorValue } from '../../formats/tensors.ts'
import { invalidTensor } from './check-shapes.ts'

/** Nested arrays as JSON has them, flattened; what is not rectangular is told by its number of elements. */
const flat = (data: readonly unknown[]): readonly unknown[] =>
  data.some(Array.isArray) ? data.flat(Number.POSITIVE_INFINITY) : data

/**
 * A tensor from elements as JSON has them, flat or nested. `null` is NaN of floating-point numbers; truth values may be
 * 0 and 1.
 * @throws SlipwayError REQUEST_INVALID that says which element is none of the datatype
 */
export function tensorFromJson(
  { name, datatype }: Pick<TensorSpec, 'name' | 'datatype'>,
  shape: readonly number[],
  data: unknown,
  path: string,
): TensorValue {
  if (!Array.isArray(data)) throw invalidTensor(`input "${name}" needs data, an array`, path)
  const elements = flat(data)
  const size = sizeOf(shape)
  if (elements.length !== size)
    throw invalidTensor(`input "${name}": the shape asks for ${size} elements, data has ${elements.length}`, path)
  const read = readerOf(datatype)
  const values = datatypeOf(datatype).of(size)
  for (let i = 0; i < size; i++) {
    const value = read(elements[i])
    if (value === undefined)
      throw invalidTensor(`${show(elements[i])} is no ${datatype}${hint(datatype, elements[i])}`, `${path}.data[${i}]`)
    values[i] = value as never
  }
  return { shape, data: values }
}

/** onnxruntime-node reads a text up to its first U+0000 only: such a text would be answered as another one. */
export const isText = (value: unknown): value is string => typeof value === 'string' && !value.includes('\u0000')

type Read = (value: unknown) => number | bigint | string | undefined

function readerOf(datatype: TensorSpec['datatype']): Read {
  if (datatype === 'BYTES') return (value) => (isText(value) ? value : undefined)
  if (datatype === 'BOOL')
    return (value) => (value === true || value === 1 ? 1 : value === false || value === 0 ? 0 : undefined)
  const { whole } = datatypeOf(datatype)
  if (whole === undefined) {
    const number = (value: unknown): number | undefined =>
      value === null ? Number.NaN : typeof value === 'number' ? value : undefined
    if (datatype !== 'FP16') return number
    return (value) => {
      const read = number(value)
      return read === undefined ? undefined : halfOf(read)
    }
  }
  const isWide = datatype.endsWith('64')
  const [least, most] = whole
  return (value) => {
    if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < least || value > most) return undefined
    return isWide ? BigInt(value) : value
  }
}

const show = (value: unknown): string => {
  const text = JSON.stringify(value) ?? String(value)
  return text.length > 40 ? `${text.slice(0, 40)}…` : text
}

/** JSON has lost the digits of large whole numbers when they come here. */
const hint = (datatype: string, value: unknown): string =>
  datatype.endsWith('64') && typeof value === 'number' && Math.abs(value) > Number.MAX_SAFE_INTEGER
    ? '; past 2^53 send binary data, for JSON loses digits'
    : ''

/** Elements `from` to `to` of the first axis, without a copy where there are no texts. */
export function itemsFrom({ shape, data }: TensorValue, from: number, to: number): TensorValue {
  const each = sizeOf(shape.slice(1))
  const part = Array.isArray(data)
    ? data.slice(from * each, to * each)
    : (data.subarray(from * each, to * each) as TensorData)
  return { shape: [to - from, ...shape.slice(1)], data: part }
}
