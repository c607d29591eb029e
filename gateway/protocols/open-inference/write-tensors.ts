import { kindOf } from '../../../lib/definition/contract/read.ts'
import { fromHalf } from '../../../lib/formats/half.ts'
import type { DatatypeName, TensorFacts, TensorSpec, TensorValue } from '../../../lib/formats/tensors.ts'
import { invalid } from '../../../lib/models/rows.ts'
import { isObject } from '../json.ts'
import type { TensorPrediction, Written } from '../protocol.ts'

/** Length of the JSON in front of binary data. */
const lengthHeader = 'inference-header-content-length'

/** An output that is asked for, and whether as binary data. */
interface WantedOutput {
  readonly spec: TensorSpec
  readonly isBinary: boolean
}

/**
 * The outputs that a request asks for, in its order; all where it names none.
 * @param isBinary where an output does not say itself
 * @throws SlipwayError REQUEST_INVALID that names an output that there is not
 */
export function outputsWanted(
  { outputs }: Pick<TensorFacts, 'outputs'>,
  named: readonly unknown[],
  isBinary: boolean,
): WantedOutput[] {
  if (named.length === 0) return outputs.map((spec) => ({ spec, isBinary }))
  return named.map((output) => {
    const { name, parameters } = isObject(output) ? output : { name: undefined, parameters: undefined }
    const spec = outputs.find((each) => each.name === name)
    if (spec === undefined)
      throw invalid(
        `there is no output ${kindOf(name)}; the model has ${outputs.map((each) => `"${each.name}"`).join(', ')}`,
        'outputs',
      )
    const own = isObject(parameters) ? parameters.binary_data : undefined
    return { spec, isBinary: typeof own === 'boolean' ? own : isBinary }
  })
}

/** Writes answers as the protocol has them: elements in JSON, or behind it as binary data. */
export function writeTensors(
  { answeredBy, outputs }: TensorPrediction,
  id: string,
  wanted: readonly WantedOutput[],
): Written {
  const binary: Buffer[] = []
  const tensors = wanted.map(({ spec: { name, datatype }, isBinary }) => {
    const value = outputs[name] as TensorValue
    const head = `{"name":${JSON.stringify(name)},"datatype":"${datatype}","shape":[${value.shape.join(',')}],`
    if (!isBinary) return `${head}"data":${elementsJson(value, datatype)}}`
    const bytes = bytesOf(value)
    binary.push(bytes)
    return `${head}"parameters":{"binary_data_size":${bytes.length}}}`
  })
  const { model, version } = answeredBy
  const json = `{"model_name":${JSON.stringify(model)},"model_version":"${version}","id":${JSON.stringify(id)},"outputs":[${tensors.join(',')}]}`
  if (binary.length === 0) return { contentType: 'application/json', body: json }
  const front = Buffer.from(json)
  return {
    contentType: 'application/octet-stream',
    body: Buffer.concat([front, ...binary]),
    headers: { [lengthHeader]: String(front.length) },
  }
}

/** Elements as JSON has them, flat. NaN and infinities, which it does not know, are null: binary data has them. */
function elementsJson({ data }: TensorValue, datatype: DatatypeName): string {
  if (Array.isArray(data)) return JSON.stringify(data)
  if (datatype === 'BOOL') return `[${Array.from(data as Uint8Array, (value) => value !== 0).join(',')}]`
  if (!datatype.startsWith('FP')) return `[${data.join(',')}]`
  const numbers =
    datatype === 'FP16' ? Array.from(data as Uint16Array, fromHalf) : (data as Float32Array | Float64Array)
  let text = '['
  for (let i = 0; i < numbers.length; i++) {
    const value = numbers[i] as number
    text += `${i === 0 ? '' : ','}${Number.isFinite(value) ? value : null}`
  }
  return `${text}]`
}

/** Elements as they lie in binary tensor data: little-endian, as they are held here; texts behind their length. */
export function bytesOf({ data }: TensorValue): Buffer {
  if (!Array.isArray(data)) return Buffer.from(data.buffer as ArrayBuffer, data.byteOffset, data.byteLength)
  return Buffer.concat(
    data.flatMap((text) => {
      const bytes = Buffer.from(text)
      const length = Buffer.alloc(4)
      length.writeUInt32LE(bytes.length)
      return [length, bytes]
    }),
  )
}
