import { classesIn } from '../../../lib/formats/answers.ts'
import { decisionOutput } from '../../../lib/formats/decisions.ts'
import type { TensorFacts, TensorSpec } from '../../../lib/formats/tensors.ts'
import { isMadeFloat64 } from '../../../lib/models/graph-inputs.ts'
import type { ModelFacts } from '../../../lib/models/model.ts'
import type { ServedVersion } from '../protocol.ts'
import { outputName, outputType } from '../write.ts'
import { decisionTypes } from './write-outputs.ts'

const datatypeOf = {
  number: 'FP64',
  integer: 'INT64',
  bigint: 'INT64',
  boolean: 'BOOL',
  string: 'BYTES',
  timestamp: 'BYTES',
} as const

export interface ModelMetadata {
  readonly name: string
  readonly versions: readonly string[]
  readonly platform: string
  readonly inputs: readonly TensorMetadata[]
  readonly outputs: readonly TensorMetadata[]
  readonly parameters?: Readonly<Record<string, string>>
}
interface TensorMetadata {
  readonly name: string
  readonly datatype: string
  readonly shape: readonly number[]
}

/**
 * The metadata of a model: its row schema as tensors, and under `parameters` the features that may be sent instead, and
 * the classes whose probabilities it answers, or what the numbers of a row are called, as JSON.
 */
export function modelMetadata(name: string, versions: readonly number[], version: ServedVersion): ModelMetadata {
  const { facts } = version
  return {
    name,
    versions: versions.map(String),
    platform: 'onnx_onnxv1',
    inputs: facts.inputs.map((rule) => ({ name: rule.name, datatype: datatypeOf[rule.type], shape: [-1] })),
    outputs: outputsOf(version),
    parameters: {
      ...(facts.outputs !== undefined && {
        [facts.task === 'multiclass' ? 'classes' : 'outputs']: JSON.stringify(facts.outputs),
      }),
      // A function that answers sees rows: there is none to send features to.
      ...(facts.decision === undefined && { features: featuresOf(facts) }),
    },
  }
}

const featuresOf = ({ features }: ModelFacts): string =>
  features
    .map(
      (feature) =>
        `${feature.name}:${feature.kind === 'category' ? 'BYTES' : isMadeFloat64(feature) ? 'FP64' : 'FP32'}`,
    )
    .join(',')

function outputsOf(version: ServedVersion): TensorMetadata[] {
  const { outputs, decision } = version.facts
  const numbers = { name: outputName(version), datatype: outputType(version) }
  const decided =
    decision === undefined ? [] : [{ name: decisionOutput, datatype: decisionTypes[decision.kind], shape: [-1] }]
  if (outputs === undefined) return [{ ...numbers, shape: [-1] }, ...decided]
  const several = { ...numbers, shape: [-1, outputs.length] }
  if (classesIn(version.facts) === undefined) return [several, ...decided]
  return [{ name: 'label', datatype: 'BYTES', shape: [-1] }, several, ...decided]
}

/** The metadata of a model of tensors: those of its graph. Axes that may be any size are -1, as are unknown shapes. */
export const tensorMetadata = (
  name: string,
  versions: readonly number[],
  { inputs, outputs }: TensorFacts,
): ModelMetadata => ({
  name,
  versions: versions.map(String),
  platform: 'onnx_onnxv1',
  inputs: inputs.map(describe),
  outputs: outputs.map(describe),
})

const describe = ({ name, datatype, shape = [''] }: TensorSpec): TensorMetadata => ({
  name,
  datatype,
  shape: shape.map((axis) => (typeof axis === 'number' ? axis : -1)),
})

export const serverMetadata = (slipway: string) => ({
  name: 'slipway',
  version: slipway,
  extensions: ['binary_tensor_data', 'model_configuration', 'model_repository', 'statistics'],
})
