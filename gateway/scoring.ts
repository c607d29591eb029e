import type { Feature } from '../lib/code/run-features.ts'
import type { Column, Numbers } from '../lib/formats/columns.ts'
import type { Decisions } from '../lib/formats/decisions.ts'
import { type BundlePosition, SlipwayError } from '../lib/formats/errors.ts'
import type { Tensors } from '../lib/formats/tensors.ts'
import type { LoadedModel } from '../lib/models/model.ts'
import type { Packed } from './bodies/packed.ts'
import type { LookupReport } from './lookups/report.ts'

/** Raw rows, which the packaged feature code sees first, or features ready for the model. */
export type InputKind = 'rows' | 'features'
export type InputColumns = Readonly<Record<string, Column | Feature>>

/** What a model makes of rows. */
export interface Scored {
  /** [rows · width] */
  readonly predictions: Numbers
  /** What a function of the user's answers, [rows]; undefined where none does. */
  readonly decisions: Decisions | undefined
}

/** What a request asks, read for the version that is to answer. */
export interface Input {
  readonly kind: InputKind
  /** Packed where the request is large. */
  readonly columns: InputColumns | Packed<InputColumns>
  /** The first rows of packed columns. */
  readonly head?: InputColumns
  readonly rows: number
  /** Names that came along and that the model does not know. */
  readonly ignored?: readonly string[]
  /** What came of looking columns up, where some were. */
  readonly lookups?: {
    readonly reports: readonly LookupReport[]
    /** Tells the snapshots from others: with others, the same request has other rows. */
    readonly snapshots: string
  }
}

/** The same of a model of tensors. */
export interface TensorInput extends Pick<Input, 'ignored'> {
  readonly kind: 'tensors'
  /** Packed where the request is large. */
  readonly tensors: Tensors | Packed<Tensors>
  /** How many items it is about. */
  readonly rows: number
  readonly lookups?: undefined
}
export type AnyInput = Input | TensorInput

/** What is answered to rows; features are none, and a version that answers by a function takes no features. */
export const decisionsOf = (
  { decide }: Pick<LoadedModel, 'decide'>,
  kind: InputKind,
  columns: InputColumns,
  predictions: Numbers,
): Decisions | undefined =>
  kind === 'rows' ? decide?.(predictions, columns as Readonly<Record<string, Column>>) : undefined

/** Why a version gave no answer: a class of its telemetry. */
export class ScoringFailure extends Error {
  override readonly name = 'ScoringFailure'
  /** `request`: the request is to blame, and the version is not. */
  readonly kind: 'features' | 'model' | 'timeout' | 'injected' | 'request'
  /** Where in the version's code; for the log, not for clients. */
  readonly inBundle: readonly BundlePosition[]
  constructor(kind: ScoringFailure['kind'], message: string, inBundle: readonly BundlePosition[] = []) {
    super(message)
    this.kind = kind
    this.inBundle = inBundle
  }
}

/** What a version's code or its model threw, as the failure it is. */
export function failureOf(thrown: unknown): ScoringFailure {
  if (thrown instanceof SlipwayError) return new ScoringFailure('features', thrown.message, thrown.facts.inBundle)
  return new ScoringFailure('model', thrown instanceof Error ? thrown.message : String(thrown))
}
