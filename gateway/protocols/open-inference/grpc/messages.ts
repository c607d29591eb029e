import protobuf from 'protobufjs'
import { openInferenceProto } from './proto.ts'

/** A whole number of 64 bits, as protobufjs reads it; what is written may be a number. */
export interface Wide {
  readonly low: number
  readonly high: number
  toNumber(): number
}

/** Of its fields one is set. */
export interface InferParameter {
  readonly bool_param?: boolean
  readonly int64_param?: Wide | number
  readonly string_param?: string
  readonly double_param?: number
  readonly uint64_param?: Wide | number
}
export type Parameters = Readonly<Record<string, InferParameter>>

/** Elements in the field of their datatype. */
export interface Contents {
  readonly bool_contents?: readonly boolean[]
  readonly int_contents?: ArrayLike<number>
  readonly int64_contents?: readonly Wide[]
  readonly uint_contents?: ArrayLike<number>
  readonly uint64_contents?: readonly Wide[]
  readonly fp32_contents?: ArrayLike<number>
  readonly fp64_contents?: ArrayLike<number>
  readonly bytes_contents?: readonly Uint8Array[]
}

export interface InferTensor {
  readonly name: string
  readonly datatype: string
  readonly shape: readonly (Wide | number)[]
  readonly parameters?: Parameters
  readonly contents?: Contents | null
}

export interface ModelInferRequest {
  readonly model_name: string
  readonly model_version: string
  readonly id: string
  readonly parameters: Parameters
  readonly inputs: readonly InferTensor[]
  readonly outputs: readonly { readonly name: string; readonly parameters: Parameters }[]
  readonly raw_input_contents: readonly Buffer[]
}

export interface ModelInferResponse {
  readonly model_name: string
  readonly model_version: string
  readonly id: string
  readonly parameters: Parameters
  readonly outputs: readonly InferTensor[]
  readonly raw_output_contents: readonly Uint8Array[]
}

/** A message that can be read and written. */
export interface Codec<Message> {
  /** @throws what protobufjs throws for bytes that are no such message */
  decode(bytes: Uint8Array): Message
  encode(message: Message): Buffer
}

export const { root } = protobuf.parse(openInferenceProto, { keepCase: true })

function codec<Message>(name: string): Codec<Message> {
  const type = root.lookupType(`inference.${name}`)
  return {
    decode: (bytes) => type.decode(bytes) as unknown as Message,
    encode: (message) => type.encode(message as never).finish() as Buffer,
  }
}

export const inferRequest = codec<ModelInferRequest>('ModelInferRequest')
export const inferResponse = codec<ModelInferResponse>('ModelInferResponse')

/** A message that says what was wrong, or has an answer. */
export const streamResponse = codec<{ error_message?: string; infer_response?: ModelInferResponse }>(
  'ModelStreamInferResponse',
)
