import protobuf from 'protobufjs'
import { invalid } from '../../../../lib/models/rows.ts'
import type { Incoming } from '../../protocol.ts'
import { signatureName } from '../request.ts'
import { tfServingProtos } from './proto.ts'

/** A whole number of 64 bits, as protobufjs reads it; what is written may be a number. */
export type Wide = number | { readonly low: number; readonly high: number; toNumber(): number }

export interface ModelSpec {
  readonly name: string
  readonly version?: { readonly value: Wide } | null
  readonly version_label?: string
  readonly signature_name: string
}

/** Elements stand in the field of their type, or as bytes in `tensor_content`. */
export interface TensorProto {
  readonly dtype: number
  readonly tensor_shape?: { readonly dim: readonly { readonly size: Wide }[]; readonly unknown_rank?: boolean } | null
  readonly tensor_content?: Uint8Array
  readonly float_val?: ArrayLike<number>
  readonly double_val?: ArrayLike<number>
  readonly int_val?: ArrayLike<number>
  readonly string_val?: ArrayLike<Uint8Array>
  readonly int64_val?: ArrayLike<Wide>
  readonly bool_val?: ArrayLike<boolean>
  readonly half_val?: ArrayLike<number>
  readonly uint32_val?: ArrayLike<number>
  readonly uint64_val?: ArrayLike<Wide>
}

/** What every request has. */
export interface Specified {
  readonly model_spec?: ModelSpec | null
}

export interface PredictRequest extends Specified {
  readonly inputs: Readonly<Record<string, TensorProto>>
  readonly output_filter: readonly string[]
}

/** Of its lists one is set. */
export interface Feature {
  readonly bytes_list?: { readonly value: readonly Uint8Array[] } | null
  readonly float_list?: { readonly value: readonly number[] } | null
  readonly int64_list?: { readonly value: readonly Wide[] } | null
}
export interface Example {
  readonly features?: { readonly feature: Readonly<Record<string, Feature>> } | null
}

/** Rows, for Classify and Regress; of its lists one is set. */
export interface ExamplesRequest extends Specified {
  readonly input?: {
    readonly example_list?: { readonly examples: readonly Example[] } | null
    readonly example_list_with_context?: {
      readonly examples: readonly Example[]
      readonly context?: Example | null
    } | null
  } | null
}

/** A request that came as a message. */
export interface MessageIncoming<Message> extends Incoming {
  readonly message: Message
}

export const root = new protobuf.Root()
for (const proto of tfServingProtos) protobuf.parse(proto, root, { keepCase: true })

/** @throws SlipwayError REQUEST_INVALID for bytes that are no such message */
export function decode<Message>(name: string, bytes: Buffer): Message {
  try {
    return typeOf(name).decode(bytes) as unknown as Message
  } catch (error) {
    throw invalid(`the message is no tensorflow.serving.${name}: ${(error as Error).message}`)
  }
}

export const encode = (name: string, message: object): Buffer => typeOf(name).encode(message).finish() as Buffer

const typeOf = (name: string): protobuf.Type => root.lookupType(`tensorflow.serving.${name}`)

/** TensorFlow's numbers of its types. */
export const dtypes: Readonly<Record<string, number>> = root.lookupEnum('tensorflow.DataType').values

/** What a request is, whether its service has read it or not. */
export const messageOf = <Message>(incoming: Incoming, name: string): Message =>
  'message' in incoming ? (incoming as MessageIncoming<Message>).message : decode(name, incoming.body)

/** Whom a request asks: an endpoint, and a version where it names one; 0 is none, as its clients write it. */
export function askedIn({ model_spec: spec }: Specified): { name: string; version: string | undefined } {
  if (spec == null || spec.name === '') throw invalid('a request names its model', 'model_spec.name')
  if (spec.version_label) return { name: spec.name, version: spec.version_label }
  const version = spec.version == null ? '0' : String(spec.version.value)
  return { name: spec.name, version: version === '0' ? undefined : version }
}

/** @throws SlipwayError REQUEST_INVALID for a signature that there is not */
export function requireSignature({ model_spec: spec }: Specified): void {
  const asked = spec?.signature_name ?? ''
  if (asked !== '' && asked !== signatureName)
    throw invalid(
      `there is no signature ${JSON.stringify(asked)}; the model has "${signatureName}"`,
      'model_spec.signature_name',
    )
}

/** Who answered. */
export const answeredSpec = ({ model_spec: spec }: Specified, version: number): ModelSpec => ({
  name: spec?.name ?? '',
  version: { value: version },
  signature_name: signatureName,
})
