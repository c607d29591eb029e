/** Every way a command can end, with its exit code: one table for the CLI, the docs and the tests. */
export const exitCodes = {
  done: 0,
  internal: 1,
  invalid: 2,
  wouldRun: 3,
  dataContract: 10,
  trainingFailed: 11,
  gateFailed: 12,
  rejected: 13,
  rolledBack: 14,
  inconclusive: 15,
  verification: 16,
  drift: 17,
  badRows: 18,
  unreachable: 20,
  waitTimedOut: 124,
  interrupted: 130,
} as const

/** Stable error codes and the exit code each leads to. A code is never renamed once released. */
export const errorCodes = {
  INTERNAL: exitCodes.internal,
  USAGE: exitCodes.invalid,
  PIPELINE_UNKNOWN: exitCodes.invalid,
  DEFINITION_INVALID: exitCodes.invalid,
  DEFINITION_SYNTAX: exitCodes.invalid,
  CODE_IMPURE: exitCodes.invalid,
  CODE_NOT_EXPORTED: exitCodes.invalid,
  SQL_INVALID: exitCodes.invalid,
  HOST_MISMATCH: exitCodes.invalid,
  MODEL_INVALID: exitCodes.invalid,
  MODEL_OF_TENSORS: exitCodes.invalid,
  SIGNATURE_BREAKING: exitCodes.invalid,
  VIEW_DISAGREES: exitCodes.invalid,
  NOT_FOUND: exitCodes.invalid,
  ROUTE_CONFLICT: exitCodes.invalid,
  VIEW_UNPUBLISHED: exitCodes.invalid,
  LOOKUP_TOO_LARGE: exitCodes.invalid,
  KEY_UNKNOWN: exitCodes.invalid,
  EXPLAIN_UNAVAILABLE: exitCodes.invalid,
  REQUEST_INVALID: exitCodes.invalid,
  REQUEST_TOO_LARGE: exitCodes.invalid,
  MEDIA_UNSUPPORTED: exitCodes.invalid,
  NOT_ACCEPTABLE: exitCodes.invalid,
  SAGEMAKER_REFUSED: exitCodes.invalid,
  SAGEMAKER_NAME_TAKEN: exitCodes.invalid,
  UNAUTHORIZED: exitCodes.invalid,
  PAYLOAD_TOO_LARGE: exitCodes.internal,
  SOURCE_MISSING: exitCodes.dataContract,
  SOURCE_UNREADABLE: exitCodes.dataContract,
  SOURCE_EMPTY: exitCodes.dataContract,
  COLUMN_MISSING: exitCodes.dataContract,
  COLUMN_TYPE: exitCodes.dataContract,
  DATA_CONTRACT: exitCodes.dataContract,
  TABLE_SCHEMA: exitCodes.dataContract,
  TABLE_FAILED: exitCodes.dataContract,
  SOURCE_CHANGED: exitCodes.dataContract,
  SPLIT_EMPTY: exitCodes.dataContract,
  STEP_FAILED: exitCodes.trainingFailed,
  FEATURES_FAILED: exitCodes.trainingFailed,
  FEATURES_LENGTH: exitCodes.trainingFailed,
  FEATURES_NOT_FINITE: exitCodes.trainingFailed,
  FEATURES_TYPE: exitCodes.trainingFailed,
  FEATURES_DEPEND_ON_CHUNKS: exitCodes.trainingFailed,
  FEATURES_NOT_REPEATABLE: exitCodes.trainingFailed,
  TARGET_INVALID: exitCodes.trainingFailed,
  ANSWER_INVALID: exitCodes.trainingFailed,
  MEASURE_FAILED: exitCodes.trainingFailed,
  SINGLE_CLASS: exitCodes.trainingFailed,
  CLASS_UNSEEN: exitCodes.trainingFailed,
  GROUP_TORN: exitCodes.trainingFailed,
  TRAINING_TOO_LARGE: exitCodes.trainingFailed,
  WEIGHTS_INVALID: exitCodes.trainingFailed,
  PARITY: exitCodes.trainingFailed,
  EXPLAIN_UNSUITABLE: exitCodes.trainingFailed,
  OPTIMISE_UNSUITABLE: exitCodes.trainingFailed,
  PROGRAM_FAILED: exitCodes.trainingFailed,
  PROGRAM_LIMIT: exitCodes.trainingFailed,
  ENVIRONMENT_FAILED: exitCodes.trainingFailed,
  SAGEMAKER_JOB_FAILED: exitCodes.trainingFailed,
  SAGEMAKER_JOB_STOPPED: exitCodes.trainingFailed,
  SAGEMAKER_JOB_LIMIT: exitCodes.trainingFailed,
  SAGEMAKER_OUTPUT: exitCodes.trainingFailed,
  GATE_FAILED: exitCodes.gateFailed,
  OPTIMISE_LOSS: exitCodes.gateFailed,
  CHAMPION_MOVED: exitCodes.gateFailed,
  REJECTED: exitCodes.rejected,
  APPROVAL_EXPIRED: exitCodes.rejected,
  ROLLED_BACK: exitCodes.rolledBack,
  ROLLOUT_INCONCLUSIVE: exitCodes.inconclusive,
  LATENCY_UNDECIDED: exitCodes.inconclusive,
  DIGEST_MISMATCH: exitCodes.verification,
  SIGNATURE_INVALID: exitCodes.verification,
  OBJECT_MISSING: exitCodes.verification,
  DOCUMENT_BROKEN: exitCodes.verification,
  CLIENT_STALE: exitCodes.verification,
  NOT_MONITORED: exitCodes.invalid,
  BATCH_EXISTS: exitCodes.invalid,
  OUTPUT_OCCUPIED: exitCodes.invalid,
  OUTPUT_UNWRITABLE: exitCodes.unreachable,
  BAD_ROWS: exitCodes.badRows,
  ALERT_UNDELIVERED: exitCodes.internal,
  REF_CONFLICT: exitCodes.internal,
  STORE_UNREACHABLE: exitCodes.unreachable,
  STORE_DENIED: exitCodes.unreachable,
  STORE_UNSUITABLE: exitCodes.unreachable,
  STORE_CHANGED: exitCodes.unreachable,
  TEMPORAL_UNREACHABLE: exitCodes.unreachable,
  PLATFORM_MISSING: exitCodes.unreachable,
  DISK_FULL: exitCodes.unreachable,
  TOO_MANY_FILES: exitCodes.unreachable,
  OUT_OF_MEMORY: exitCodes.unreachable,
  OVERLOADED: exitCodes.unreachable,
  DEADLINE_EXCEEDED: exitCodes.unreachable,
  GATEWAY_UNREACHABLE: exitCodes.unreachable,
  TARGET_FAILED: exitCodes.unreachable,
  SAGEMAKER_UNREACHABLE: exitCodes.unreachable,
  SAGEMAKER_DENIED: exitCodes.unreachable,
  SAGEMAKER_QUOTA: exitCodes.unreachable,
  SAGEMAKER_THROTTLED: exitCodes.unreachable,
  PREDICTION_FAILED: exitCodes.internal,
  WAIT_TIMED_OUT: exitCodes.waitTimedOut,
  INTERRUPTED: exitCodes.interrupted,
  CANCELLED: exitCodes.interrupted,
} as const

export type ErrorCode = keyof typeof errorCodes

/** Codes that a later attempt may cure by itself; everything else fails at once. */
const passing: ReadonlySet<ErrorCode> = new Set([
  'INTERNAL',
  'STORE_UNREACHABLE',
  'TEMPORAL_UNREACHABLE',
  'SAGEMAKER_UNREACHABLE',
  'REF_CONFLICT',
  'ALERT_UNDELIVERED',
  'DISK_FULL',
  'TOO_MANY_FILES',
  'OUT_OF_MEMORY',
])

/** A place in the user's own sources. Line and column count from 1; the file's path starts at the project. */
export interface SourcePlace {
  readonly file: string
  readonly line: number
  readonly column: number
  /** The line as it is written, if it is known. */
  readonly text: string | null
}

/** A position in a bundle of user code: see `lib/code/source-map.ts` for the way back to the sources. */
export interface BundlePosition {
  /** Digest of the bundle. */
  readonly code: string
  readonly line: number
  readonly column: number
}

/**
 * Where a value stands that an error is about, for whoever may read the store: rows count from 1 in their file, or in
 * the table where that has only one.
 */
export interface Cell {
  /** Digest of the table, or of the rows that were set aside. */
  readonly table: string
  readonly file?: string | undefined
  readonly row: number
  readonly column: string
}

export interface ErrorFacts {
  /**
   * The message with values of the user's rows in it, where there are any. It goes no further than the process and its
   * terminal: messages travel into histories, records and logs, and hold rule, row and column only.
   */
  readonly inFull?: string | undefined
  /** Where that value can be read. */
  readonly cell?: Cell | undefined
  /** What the user can do next: a command or an edit, one line. */
  readonly next?: string | undefined
  /** Where in the user's sources it went wrong; the message begins with it. */
  readonly at?: SourcePlace | undefined
  /** Where in bundles, innermost first, until that is turned into `at`. */
  readonly inBundle?: readonly BundlePosition[] | undefined
  readonly [fact: string]: unknown
}

/**
 * The one error class of Slipway. `message` says what was given and what was expected; `facts.next` says what to do.
 * A user never sees a stack trace of it unless asked for with `--verbose`.
 */
export class SlipwayError extends Error {
  override readonly name = 'SlipwayError'
  readonly code: ErrorCode
  readonly facts: ErrorFacts

  constructor(code: ErrorCode, message: string, facts: ErrorFacts = {}, options?: { cause?: unknown }) {
    super(message, options)
    this.code = code
    this.facts = facts
  }

  get exitCode(): number {
    return errorCodes[this.code]
  }

  /** Whether trying again may help (a store that is away) or never can (a missing column). */
  get retryable(): boolean {
    return passing.has(this.code)
  }
}

/** An error without values of rows: of tables with masked columns, which are shown to nobody. */
export function withoutFull(error: unknown): unknown {
  if (!(error instanceof SlipwayError) || error.facts.inFull === undefined) return error
  const { inFull: _, ...facts } = error.facts
  const plain = new SlipwayError(error.code, error.message, facts)
  if (error.stack !== undefined) plain.stack = error.stack
  return plain
}

export function isErrorCode(code: unknown): code is ErrorCode {
  return typeof code === 'string' && Object.hasOwn(errorCodes, code)
}
