import { invalid } from '../../../lib/models/rows.ts'
import { modelMetadata } from '../open-inference/metadata.ts'
import type { Found, Route, Served } from '../protocol.ts'
import { jsonAnswer } from '../write.ts'
import { signatureName } from './request.ts'

/** TensorFlow's names of the types that models of rows have. */
const dtypes: Readonly<Record<string, string>> = {
  FP32: 'DT_FLOAT',
  FP64: 'DT_DOUBLE',
  INT64: 'DT_INT64',
  BOOL: 'DT_BOOL',
  BYTES: 'DT_STRING',
}

interface Tensor {
  readonly name: string
  readonly datatype: string
  readonly shape: readonly number[]
}

/**
 * What clients of TensorFlow Serving look up, and those of KServe's version 1, at the same paths: both kinds of keys
 * stand in the answers. (GetModelStatus, GetModelMetadata: tensorflow.org/tfx/serving/api_rest; KServe:
 * kserve.github.io, V1 protocol.)
 */
export function lookups({ find: findVersion, names }: Served): readonly Route[] {
  const find = (name: string, version: string | undefined) => findVersion(name, version === '0' ? undefined : version)
  const status: Route['answer'] = (_, name = '', version = undefined) => {
    const { number, numbers } = find(name, version)
    const told = version === undefined || version === '0' ? numbers.toReversed() : [number]
    return jsonAnswer(200, { name, ready: true, model_version_status: told.map(available) })
  }
  const metadata: Route['answer'] = (_, name = '', version = undefined) =>
    jsonAnswer(200, metadataOf(name, find(name, version)))
  return [
    { method: 'GET', path: '/v1/models', answer: () => jsonAnswer(200, { models: names() }) },
    { method: 'GET', path: '/v1/models/{name}', answer: status },
    { method: 'GET', path: '/v1/models/{name}/versions/{version}', answer: status },
    { method: 'GET', path: '/v1/models/{name}/labels/{version}', answer: status },
    { method: 'GET', path: '/v1/models/{name}/metadata', answer: metadata },
    { method: 'GET', path: '/v1/models/{name}/versions/{version}/metadata', answer: metadata },
    { method: 'GET', path: '/v1/models/{name}/labels/{version}/metadata', answer: metadata },
  ]
}

/** A version that is loaded; what is not yet, or not any more, is not told. */
const available = (version: number): object => ({
  version: String(version),
  state: 'AVAILABLE',
  status: { error_code: 'OK', error_message: '' },
})

/** @throws SlipwayError REQUEST_INVALID for a model of tensors, which this protocol does not ask */
function metadataOf(name: string, { version, number, numbers }: Found): object {
  if (version === undefined)
    throw invalid(`model ${name} takes tensors: it is described and asked at /v2/models/${name}`)
  const { inputs, outputs } = modelMetadata(name, numbers, version)
  const signature = {
    inputs: infos(inputs),
    outputs: infos(outputs),
    method_name: 'tensorflow/serving/predict',
  }
  return {
    model_spec: { name, signature_name: '', version: String(number) },
    metadata: { signature_def: { signature_def: { [signatureName]: signature } } },
  }
}

const infos = (tensors: readonly Tensor[]): object =>
  Object.fromEntries(
    tensors.map(({ name, datatype, shape }) => [
      name,
      {
        dtype: dtypes[datatype],
        tensor_shape: { dim: shape.map((size) => ({ size: String(size), name: '' })), unknown_rank: false },
        name,
      },
    ]),
  )
