import { kindOf } from '../../lib/definition/contract/read.ts'
import type { Column, Numbers } from '../../lib/formats/columns.ts'
import type { ColumnRule } from '../../lib/formats/row-schema.ts'
import type { ModelFacts } from '../../lib/models/model.ts'
import type { InferResult, Input } from '../inference.ts'
import { checkNames } from '../names.ts'
import { invalid } from '../rows.ts'
import type { InputColumns } from '../scoring.ts'
import { utf8Of } from '../text.ts'
import type { LoadedVersion } from '../versions.ts'
import { parseJson } from './json.ts'
import { type Asked, numbersJson, outputName, outputType, type Written } from './protocol.ts'

/*
 * The Open Inference Protocol, version 2, with the binary tensor data extension
 * (github.com/kserve/open-inference-protocol; Triton's extension_binary_data.md). A model takes one tensor of shape [n] or
 * [n, 1] a column: either the columns of its row schema, or the features its ONNX graph takes.
 */

type Decoder = (bytes: Buffer, count: number, path: string) => ArrayLike<unknown>

/** Elements of fixed width, little-endian and unaligned: copied before they are viewed. */
function fixed<T extends ArrayLike<unknown>>(width: number, view: (buffer: ArrayBuffer) => T): Decoder {
  return (bytes, count, path) => {
    if (bytes.length !== count * width) throw invalid(`${bytes.length} bytes for ${count} elements of ${width}`, path)
    return view(Uint8Array.from(bytes).buffer)
  }
}

/** Data types of tensors, and how their bytes are read. */
const datatypes: Readonly<Record<string, Decoder>> = {
  BOOL: fixed(1, (buffer) => Array.from(new Uint8Array(buffer), (byte) => byte !== 0)),
  INT8: fixed(1, (buffer) => new Int8Array(buffer)),
  INT16: fixed(2, (buffer) => new Int16Array(buffer)),
  INT32: fixed(4, (buffer) => new Int32Array(buffer)),
  INT64: fixed(8, (buffer) => new BigInt64Array(buffer)),
  UINT8: fixed(1, (buffer) => new Uint8Array(buffer)),
  UINT16: fixed(2, (buffer) => new Uint16Array(buffer)),
  UINT32: fixed(4, (buffer) => new Uint32Array(buffer)),
  UINT64: fixed(8, (buffer) => new BigUint64Array(buffer)),
  FP16: fixed(2, (buffer) => Float32Array.from(new Uint16Array(buffer), halfAsNumber)),
  // The upper half of a float32.
  BF16: fixed(2, (buffer) => new Float32Array(Uint32Array.from(new Uint16Array(buffer), (bits) => bits << 16).buffer)),
  FP32: fixed(4, (buffer) => new Float32Array(buffer)),
  FP64: fixed(8, (buffer) => new Float64Array(buffer)),
  BYTES: (bytes, count, path) => {
    const texts: string[] = []
    for (let at = 0; at < bytes.length; ) {
      const length = at + 4 <= bytes.length ? bytes.readUInt32LE(at) : Number.POSITIVE_INFINITY
      if (at + 4 + length > bytes.length) throw invalid('the binary data ends in the middle of an element', path)
      const text = utf8Of(bytes.subarray(at + 4, at + 4 + length))
      if (text === undefined) throw invalid(`element ${texts.length} of the binary data is no UTF-8 text`, path)
      texts.push(text)
      at += 4 + length
    }
    if (texts.length !== count)
      throw invalid(`${texts.length} elements in the binary data, ${count} by the shape`, path)
    return texts
  },
}
/** IEEE 754 binary16: sign, 5 bits of exponent, 10 of fraction. */
function halfAsNumber(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1
  const exponent = (bits >> 10) & 0x1f
  const fraction = bits & 0x3ff
  if (exponent === 0) return sign * fraction * 2 ** -24
  if (exponent === 31) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15)
}

const isIntegral = (datatype: string): boolean => /^U?INT/.test(datatype)

interface Tensor {
  readonly name: string
  readonly datatype: string
  readonly rows: number
  readonly values: ArrayLike<unknown>
  readonly path: string
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** @param jsonLength length of the JSON in front of binary data, where there is any: `Inference-Header-Content-Length` */
export function readInferRequest(body: Buffer, jsonLength: string | undefined): Asked {
  const cut = jsonLength === undefined ? body.length : Number(jsonLength)
  if (!Number.isInteger(cut) || cut < 0 || cut > body.length)
    throw invalid(`the body has ${body.length} bytes, less than Inference-Header-Content-Length says`)
  const request = parseJson(body.subarray(0, cut))
  if (!isObject(request) || !Array.isArray(request.inputs))
    throw invalid('expected an object with "inputs", an array of tensors')
  const tensors = readTensors(request.inputs, body.subarray(cut))
  const parameters = isObject(request.parameters) ? request.parameters : {}
  const { id } = request
  const outputs = Array.isArray(request.outputs) ? request.outputs : []
  const asksBinary = outputs.some(
    (output) => isObject(output) && isObject(output.parameters) && output.parameters.binary_data === true,
  )
  const isBinary = asksBinary || (outputs.length === 0 && parameters.binary_data_output === true)
  return {
    read(version) {
      for (const output of outputs) {
        const name = isObject(output) ? output.name : undefined
        if (name !== outputName(version))
          throw invalid(`there is no output ${kindOf(name)}; the model has "${outputName(version)}"`, 'outputs')
      }
      return readInput(tensors, version)
    },
    write: (result, requestId) => writeResponse(result, typeof id === 'string' ? id : requestId, isBinary),
  }
}

function readTensors(inputs: readonly unknown[], binary: Buffer): Map<string, Tensor> {
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

function readInput(tensors: ReadonlyMap<string, Tensor>, version: LoadedVersion): Input {
  const { facts } = version.scorer
  const [first] = tensors.values()
  if (first === undefined) throw invalid('no tensors', 'inputs')
  for (const tensor of tensors.values())
    if (tensor.rows !== first.rows)
      throw invalid(`has ${tensor.rows} rows, ${first.name} has ${first.rows}`, tensor.path)
  const names = [...tensors.keys()]
  if (areFeatures(names, facts)) {
    const columns: Record<string, InputColumns[string]> = {}
    for (const feature of facts.features)
      columns[feature.name] = featureOf(feature, tensors.get(feature.name) as Tensor)
    const ignored = names.filter((name) => !Object.hasOwn(columns, name))
    return { kind: 'features', columns, rows: first.rows, ignored }
  }
  const isSome = (known: readonly { readonly name: string }[]): boolean => known.some(({ name }) => tensors.has(name))
  if (isSome(facts.features) && !isSome(facts.inputs)) {
    const missing = facts.features.filter(({ name }) => !tensors.has(name)).map(({ name }) => name)
    throw invalid(`no tensor for ${missing.join(', ')}; of the features none may be left out`, 'inputs')
  }
  const ignored = checkNames(facts.inputs, names, 'inputs', 'tensor')
  const missing = facts.inputs.filter(({ name, nullable }) => !nullable && !tensors.has(name)).map(({ name }) => name)
  if (missing.length > 0)
    throw invalid(
      `no tensor for ${missing.join(', ')}; the model takes ${facts.inputs.map(({ name }) => name).join(', ')}, or the features ${facts.features.map(({ name }) => name).join(', ')}`,
      'inputs',
    )
  const columns: Record<string, Column> = {}
  for (const rule of facts.inputs) columns[rule.name] = columnOf(rule, tensors.get(rule.name), version, first.rows)
  return { kind: 'rows', columns, rows: first.rows, ignored }
}

/**
 * Whether tensors are the features of a model and not columns of its rows: all features are there, and as rows more of the tensors
 * would be left over, or something would be missing.
 */
export function areFeatures(
  names: readonly string[],
  { inputs, features }: Pick<ModelFacts, 'inputs' | 'features'>,
): boolean {
  const given = new Set(names)
  if (!features.every(({ name }) => given.has(name))) return false
  const leftOver = (known: readonly { readonly name: string }[]): number =>
    names.length - known.filter(({ name }) => given.has(name)).length
  const mayBeRows = inputs.every(({ name, nullable }) => nullable || given.has(name))
  return !mayBeRows || leftOver(features) < leftOver(inputs)
}

function columnOf(rule: ColumnRule, tensor: Tensor | undefined, { reader }: LoadedVersion, rows: number): Column {
  if (tensor === undefined) return reader.column(rule, new Array(rows).fill(null), 'inputs')
  const { datatype, path } = tensor
  const fits =
    rule.type === 'string'
      ? datatype === 'BYTES'
      : rule.type === 'boolean'
        ? datatype === 'BOOL'
        : rule.type === 'timestamp' || rule.type === 'bigint'
          ? datatype !== 'BOOL'
          : datatype !== 'BYTES' && datatype !== 'BOOL'
  if (!fits) throw invalid(`datatype ${datatype} does not fit ${rule.name}, a ${rule.type}`, path)
  requireIntegers(tensor)
  const { values } = tensor
  const isWide = values instanceof BigInt64Array || values instanceof BigUint64Array
  return reader.column(rule, isWide && rule.type !== 'bigint' ? Array.from(values, Number) : values, path)
}

function featureOf({ kind, offset }: ModelFacts['features'][number], tensor: Tensor): Numbers | (string | null)[] {
  const { datatype, values, path } = tensor
  const isText = datatype === 'BYTES'
  if (isText !== (kind === 'category')) throw invalid(`datatype ${datatype} does not fit a ${kind}`, path)
  requireIntegers(tensor)
  const count = values.length
  if (isText) {
    const texts = new Array<string | null>(count)
    for (let i = 0; i < count; i++) {
      const value = values[i]
      if (typeof value !== 'string' && value !== null) throw invalid('expected text or null', `${path}.data[${i}]`)
      texts[i] = value
    }
    return texts
  }
  const numbers = offset === undefined ? new Float32Array(count) : new Float64Array(count)
  for (let i = 0; i < count; i++) {
    const given = values[i]
    const value = typeof given === 'bigint' ? Number(given) : given
    // A missing feature is NaN; only binary tensors and null can say so.
    if (value === null) numbers[i] = Number.NaN
    else if (typeof value === 'number' && (Number.isFinite(value) || Number.isNaN(value))) numbers[i] = value
    else throw invalid('expected a finite number', `${path}.data[${i}]`)
  }
  return numbers
}

function requireIntegers({ datatype, values, path }: Tensor): void {
  if (!isIntegral(datatype) || ArrayBuffer.isView(values)) return
  for (let i = 0; i < values.length; i++) {
    const value = values[i]
    if (value !== null && !Number.isInteger(value)) throw invalid(`is no ${datatype}`, `${path}.data[${i}]`)
  }
}

function writeResponse({ predictions, answeredBy, version }: InferResult, id: string, isBinary: boolean): Written {
  const head = `{"model_name":${JSON.stringify(answeredBy.model)},"model_version":"${answeredBy.version}","id":${JSON.stringify(id)},"outputs":[{"name":"${outputName(version)}","datatype":"${outputType(version)}","shape":[${predictions.length}]`
  if (!isBinary) return { contentType: 'application/json', body: `${head},"data":${numbersJson(predictions)}}]}` }
  const json = Buffer.from(`${head},"parameters":{"binary_data_size":${predictions.byteLength}}}]}`)
  const bytes = Buffer.from(predictions.buffer, predictions.byteOffset, predictions.byteLength)
  return {
    contentType: 'application/octet-stream',
    body: Buffer.concat([json, bytes]),
    headers: { 'inference-header-content-length': String(json.length) },
  }
}

const datatypeOf = {
  number: 'FP64',
  integer: 'INT64',
  bigint: 'INT64',
  boolean: 'BOOL',
  string: 'BYTES',
  timestamp: 'BYTES',
} as const

/** The metadata of a model: its row schema as tensors, and under `parameters` the features that may be sent instead. */
export function modelMetadata(name: string, versions: readonly number[], version: LoadedVersion): object {
  const { facts } = version.scorer
  return {
    name,
    versions: versions.map(String),
    platform: 'onnx_onnxv1',
    inputs: facts.inputs.map((rule) => ({ name: rule.name, datatype: datatypeOf[rule.type], shape: [-1] })),
    outputs: [{ name: outputName(version), datatype: outputType(version), shape: [-1] }],
    parameters: {
      features: facts.features
        .map(
          ({ name, kind, offset }) =>
            `${name}:${kind === 'category' ? 'BYTES' : offset === undefined ? 'FP32' : 'FP64'}`,
        )
        .join(','),
    },
  }
}

export const serverMetadata = (version: string): object => ({
  name: 'slipway',
  version,
  extensions: ['binary_tensor_data'],
})
