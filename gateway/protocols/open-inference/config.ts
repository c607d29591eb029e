import type { ServedVersion } from '../protocol.ts'
import type { ModelMetadata } from './metadata.ts'

/** A model's configuration as Triton has it (extension_model_configuration.md), the part that means something here. */
export interface ModelConfig {
  readonly name: string
  readonly platform: string
  readonly backend: string
  /** 0: sizes of all axes are in `dims`. */
  readonly max_batch_size: 0
  readonly input: readonly ConfiguredTensor[]
  readonly output: readonly ConfiguredTensor[]
  /** What the metadata has under `parameters`: classes, outputs, features. */
  readonly parameters: Readonly<Record<string, { readonly string_value: string }>>
}

interface ConfiguredTensor {
  readonly name: string
  readonly data_type: string
  readonly dims: readonly number[]
  readonly optional?: boolean
}

/** @param version one of rows, whose columns may be missing; undefined for a model of tensors, which needs them all */
export function modelConfig(metadata: ModelMetadata, version: ServedVersion | undefined): ModelConfig {
  const { name, platform, inputs, outputs, parameters = {} } = metadata
  const optional = new Set(version?.facts.inputs.filter(({ nullable }) => nullable).map((rule) => rule.name))
  return {
    name,
    platform,
    backend: 'slipway',
    max_batch_size: 0,
    input: inputs.map((tensor) => ({ ...configured(tensor), ...(optional.has(tensor.name) && { optional: true }) })),
    output: outputs.map(configured),
    parameters: Object.fromEntries(Object.entries(parameters).map(([key, value]) => [key, { string_value: value }])),
  }
}

const configured = ({ name, datatype, shape }: ModelMetadata['inputs'][number]): ConfiguredTensor => ({
  name,
  data_type: `TYPE_${datatype === 'BYTES' ? 'STRING' : datatype}`,
  dims: shape,
})
