import type { Feature } from '../code/run-features.ts'
import type { Column } from '../pipelines/columns.ts'

/** Raw rows, which the packaged feature code sees first, or features ready for the model. */
export type InputKind = 'rows' | 'features'
export type InputColumns = Readonly<Record<string, Column | Feature>>

/** Why a version gave no answer: a class of its telemetry. */
export class ScoringFailure extends Error {
  override readonly name = 'ScoringFailure'
  readonly kind: 'features' | 'model' | 'timeout' | 'injected'
  constructor(kind: ScoringFailure['kind'], message: string) {
    super(message)
    this.kind = kind
  }
}
