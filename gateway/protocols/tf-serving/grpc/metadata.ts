import { invalid } from '../../../../lib/models/rows.ts'
import { metadataOf } from '../../open-inference/repository.ts'
import type { Served } from '../../protocol.ts'
import { signatureName } from '../request.ts'
import { answeredSpec, askedIn, encode, type Specified } from './messages.ts'
import { dtypeOf } from './tensors.ts'

/** The only kind of metadata that there is. */
const signatureDef = 'signature_def'

/** A version that can be asked (get_model_status.proto). */
const available = 30

/**
 * Every version that is loaded, or the one that is asked for.
 * @throws SlipwayError NOT_FOUND
 */
export function modelStatus({ find }: Served, request: Specified): object {
  const { name, version } = askedIn(request)
  const { number, numbers } = find(name, version)
  const told = version === undefined ? numbers.toReversed() : [number]
  return {
    model_version_status: told.map((each) => ({ version: each, state: available, status: {} })),
  }
}

/**
 * The signature of a version, a SignatureDefMap in its envelope.
 * @throws SlipwayError NOT_FOUND, REQUEST_INVALID for other metadata than that
 */
export function modelMetadata(
  { find }: Served,
  request: Specified & { readonly metadata_field: readonly string[] },
): object {
  const { metadata_field: fields } = request
  const other = fields.find((field) => field !== signatureDef)
  if (other !== undefined || fields.length === 0)
    throw invalid(`there is no metadata ${JSON.stringify(other ?? '')}; ask for "${signatureDef}"`, 'metadata_field')
  const { name, version } = askedIn(request)
  const found = find(name, version)
  const { inputs, outputs } = metadataOf(name, found)
  const signature = { inputs: infos(inputs), outputs: infos(outputs), method_name: 'tensorflow/serving/predict' }
  return {
    model_spec: answeredSpec(request, found.number),
    metadata: {
      [signatureDef]: {
        type_url: 'type.googleapis.com/tensorflow.serving.SignatureDefMap',
        value: encode('SignatureDefMap', { signature_def: { [signatureName]: signature } }),
      },
    },
  }
}

interface Tensor {
  readonly name: string
  readonly datatype: string
  readonly shape: readonly number[]
}

const infos = (tensors: readonly Tensor[]): object =>
  Object.fromEntries(
    tensors.map(({ name, datatype, shape }) => [
      name,
      { name, dtype: dtypeOf(datatype), tensor_shape: { dim: shape.map((size) => ({ size })) } },
    ]),
  )
