import { kindOf } from '../../../lib/definition/contract/read.ts'
import { invalid } from '../../rows.ts'
import { isObject } from '../json.ts'
import { datatypes } from './datatypes.ts'

/** One tensor of a request: a column. */
export interface Tensor {
  readonly name: string
  readonly datatype: string
  readonly rows: number
  readonly values: ArrayLike<unknown>
  readonly path: string
}

/** Tensors by name. @param binary data of those that give a `binary_data_size`, one after another */
export function readTensors(inputs: readonly unknown[], binary: Buffer): Map<string, Tensor> {
  const tensors = new Map<string, Tensor>()
  let at = 0
  for (const [i, input] of inputs.entries()) {
    const path = `inputs[${i}]`
    if (!isObject(input)) throw invalid('expected a tensor: { name, shape, datatype, data }', path)
    const { name, datatype, shape, data, parameters } = input
    if (typeof name !== 'string' || name === '') throw invalid('a tensor needs a name', path)
    if (tensors.has(name)) throw invalid(`a second tensor "${name}"`, path)
    const decode = typeof datatype === 'string' && Object.hasOwn(datatypes, datatype) ? datatypes[datatype] : undefined
    if (decode === undefined)
      throw invalid(`datatype is ${kindOf(datatype)}; known are ${Object.keys(datatypes).join(', ')}`, path)
    const rows = rowsOf(shape, path)
    const size = isObject(parameters) ? parameters.binary_data_size : undefined
    let values: ArrayLike<unknown>
    if (size !== undefined) {
      if (typeof size !== 'number' || !Number.isInteger(size) || size < 0 || at + size > binary.length)
        throw invalid('the binary data is shorter than binary_data_size says', path)
      values = decode(binary.subarray(at, at + size), rows, path)
      at += size
    } else {
      if (!Array.isArray(data)) throw invalid('a tensor needs data, an array', path)
      values = data.length > 0 && Array.isArray(data[0]) ? data.flat() : data
      if (values.length !== rows) throw invalid(`the shape asks for ${rows} elements, data has ${values.length}`, path)
    }
    tensors.set(name, { name, datatype: datatype as string, rows, values, path })
  }
  if (at !== binary.length) throw invalid(`${binary.length - at} bytes more than the tensors name`)
  return tensors
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
