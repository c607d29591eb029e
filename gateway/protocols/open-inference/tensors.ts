import { kindOf } from '../../../lib/definition/contract/read.ts'
import { invalid } from '../../../lib/models/rows.ts'
import { isObject } from '../json.ts'
import { datatypes, decoderOf } from './datatypes.ts'

/** One tensor of a request: a column. */
export interface Tensor {
  readonly name: string
  readonly datatype: string
  readonly rows: number
  readonly values: ArrayLike<unknown>
  readonly path: string
}

/** One tensor as it was sent: whose shape and elements fit is known by who reads it. */
export interface SentTensor {
  readonly name: string
  readonly datatype: string
  readonly shape: unknown
  /** Elements in JSON; undefined where they are binary. */
  readonly data: unknown
  readonly bytes: Buffer | undefined
  readonly path: string
}

/** Tensors as they were sent. @param binary data of those that give a `binary_data_size`, one after another */
export function sentTensors(inputs: readonly unknown[], binary: Buffer): SentTensor[] {
  const names = new Set<string>()
  let at = 0
  const sent = inputs.map((input, i): SentTensor => {
    const path = `inputs[${i}]`
    if (!isObject(input)) throw invalid('expected a tensor: { name, shape, datatype, data }', path)
    const { name, datatype, shape, data, parameters } = input
    if (typeof name !== 'string' || name === '') throw invalid('a tensor needs a name', path)
    if (names.has(name)) throw invalid(`a second tensor "${name}"`, path)
    names.add(name)
    if (typeof datatype !== 'string' || !Object.hasOwn(datatypes, datatype))
      throw invalid(`datatype is ${kindOf(datatype)}; known are ${Object.keys(datatypes).join(', ')}`, path)
    const size = isObject(parameters) ? parameters.binary_data_size : undefined
    if (size === undefined) return { name, datatype, shape, data, bytes: undefined, path }
    if (typeof size !== 'number' || !Number.isInteger(size) || size < 0 || at + size > binary.length)
      throw invalid('the binary data is shorter than binary_data_size says', path)
    at += size
    return { name, datatype, shape, data, bytes: binary.subarray(at - size, at), path }
  })
  if (at !== binary.length) throw invalid(`${binary.length - at} bytes more than the tensors name`)
  return sent
}

/** Tensors as columns, by name. */
export function columnTensors(sent: readonly SentTensor[]): Map<string, Tensor> {
  return new Map(
    sent.map(({ name, datatype, shape, data, bytes, path }) => {
      const rows = rowsOf(shape, path)
      const values = bytes === undefined ? inJson(data, rows, path) : decoderOf(datatype)(bytes, rows, path)
      return [name, { name, datatype, rows, values, path }]
    }),
  )
}

function inJson(data: unknown, rows: number, path: string): readonly unknown[] {
  if (!Array.isArray(data)) throw invalid('a tensor needs data, an array', path)
  const values = data.length > 0 && Array.isArray(data[0]) ? data.flat() : data
  if (values.length === rows) return values
  throw invalid(`the shape asks for ${rows} elements, data has ${values.length}`, path)
}

function rowsOf(shape: unknown, path: string): number {
  const isShape =
    Array.isArray(shape) &&
    (shape.length === 1 || (shape.length === 2 && shape[1] === 1)) &&
    Number.isInteger(shape[0]) &&
    shape[0] >= 0
  if (isShape) return shape[0]
  const given = Array.isArray(shape) && shape.length <= 8 ? `[${shape.map(kindOf).join(', ')}]` : kindOf(shape)
  throw invalid(`expected shape [n] or [n, 1], got ${given}`, path)
}
