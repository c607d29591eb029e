import type { ErrorCode, ErrorFacts } from '../../lib/formats/errors.ts'
import type { TensorFacts, Tensors } from '../../lib/formats/tensors.ts'
import type { ModelFacts } from '../../lib/models/model.ts'
import type { AlertCauses } from '../alertmanager.ts'
import type { LabelledEndpoint, LabelsByEndpoint } from '../feedback.ts'
import type { Prediction, TensorPrediction, Written } from '../protocols/protocol.ts'
import type { Input, InputColumns, TensorInput } from '../scoring.ts'
import type { PackedBytes } from './packed.ts'

/** A large request, for a thread that knows Slipway's own protocols by name. */
export interface ToRead {
  readonly protocol: string
  readonly body: Uint8Array<ArrayBuffer>
  readonly headers: Readonly<Record<string, string>>
}

/** Labels that are to be read. */
export interface ToLabel {
  readonly body: Uint8Array<ArrayBuffer>
  /** Endpoints by name; under '' the one that is meant where none is named. */
  readonly endpoints: ReadonlyMap<string, LabelledEndpoint>
  /** Ms since 1970. */
  readonly now: number
}

/** An answer that is to be written: a version is its facts. */
export type ToWrite = {
  readonly id: string
  readonly prediction: (Omit<Prediction, 'version'> & { readonly facts: ModelFacts }) | TensorPrediction
}

/** What a thread is asked: to read a request, to read it as a version takes it, to write the answer. */
export type BodyQuestion =
  | { readonly read: ToRead }
  | { readonly rows: ModelFacts }
  | { readonly tensors: TensorFacts }
  | { readonly write: ToWrite }
  | { readonly feedback: ToLabel }
  | { readonly alerts: Uint8Array<ArrayBuffer> }

/** What was read, all but what it is about as bytes. */
export type ReadInput =
  | (Omit<Input, 'columns'> & PackedBytes<InputColumns> & { readonly head: InputColumns })
  | (Omit<TensorInput, 'tensors'> & PackedBytes<Tensors>)

export type BodyAnswer =
  | {
      readonly asked: {
        readonly explain: boolean
        readonly version: string | undefined
        readonly takesTensors: boolean
      }
    }
  | { readonly input: ReadInput }
  | { readonly written: Written }
  | { readonly labels: LabelsByEndpoint | { readonly unknown: string | undefined } }
  | { readonly causes: AlertCauses }
  | {
      readonly failed: { readonly code: ErrorCode | undefined; readonly message: string; readonly facts: ErrorFacts }
    }
