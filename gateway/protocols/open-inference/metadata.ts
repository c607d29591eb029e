import { isMadeFloat64 } from '../../../lib/models/model.ts'
import type { ServedVersion } from '../protocol.ts'
import { outputName, outputType } from '../write.ts'

const datatypeOf = {
  number: 'FP64',
  integer: 'INT64',
  bigint: 'INT64',
  boolean: 'BOOL',
  string: 'BYTES',
  timestamp: 'BYTES',
} as const

/** The metadata of a model: its row schema as tensors, and under `parameters` the features that may be sent instead. */
export function modelMetadata(name: string, versions: readonly number[], version: ServedVersion): object {
  const { facts } = version
  return {
    name,
    versions: versions.map(String),
    platform: 'onnx_onnxv1',
    inputs: facts.inputs.map((rule) => ({ name: rule.name, datatype: datatypeOf[rule.type], shape: [-1] })),
    outputs: [{ name: outputName(version), datatype: outputType(version), shape: [-1] }],
    parameters: {
      features: facts.features
        .map(
          (feature) =>
            `${feature.name}:${feature.kind === 'category' ? 'BYTES' : isMadeFloat64(feature) ? 'FP64' : 'FP32'}`,
        )
        .join(','),
    },
  }
}

export const serverMetadata = (slipway: string): object => ({
  name: 'slipway',
  version: slipway,
  extensions: ['binary_tensor_data'],
})
