import type { z } from 'zod'
import type { ColumnsOf, FeatureColumns, UserFunction } from '../formats/columns.ts'
import { type CodeRef, type Plan, type Task, TreesLearner } from '../formats/plan.ts'
import type { RowSchema } from '../formats/row-schema.ts'
import type { CsvOptions, TableFormat } from '../formats/table-format.ts'
import type { BatchOptions } from './batch.ts'
import { compilePlan } from './compile-plan.ts'
import type { DeployOptions } from './deploy.ts'
import type { Duration } from './duration.ts'
import type { Gate } from './gates.ts'
import type { MonitorOptions } from './monitor.ts'

interface Handle<Kind extends string> {
  readonly kind: Kind
  readonly id: string
}
/** Rows of a source. */
export interface Table<Row> extends Handle<'table'> {
  readonly schema: RowSchema
  readonly row?: (row: Row) => Row
}
/** One part of a split. */
export interface Part<Row> extends Handle<'part'> {
  readonly part: 'train' | 'validation' | 'test'
  readonly row?: (row: Row) => Row
}
export interface Split<Row> extends Handle<'split'> {
  readonly schema: RowSchema
  readonly train: Part<Row>
  readonly validation: Part<Row>
  readonly test: Part<Row>
}
/** A trained model that was not packaged: it cannot be gated or served. */
export interface Model<Row, T extends Task> extends Handle<'model'> {
  readonly of?: (row: Row, task: T) => void
}
/** A packaged model: what gates, approvals and endpoints work on. */
export interface Package<Row, T extends Task> extends Handle<'package'> {
  readonly of?: (row: Row, task: T) => void
}

/** A served name: what monitors and batch scoring work on. */
export interface Endpoint<Row, T extends Task> extends Handle<'endpoint'> {
  readonly endpoint: string
  readonly of?: (row: Row, task: T) => void
}

/** What a model predicts: one column of the source, as it is or through a function of it. That column is not a feature. */
export interface Target<Column extends string, Value, T extends Task, Cell = unknown> {
  readonly task: T
  readonly column: Column
  readonly code: ((column: Value) => ArrayLike<number> | readonly boolean[]) | undefined
  /** What a row may hold in that column. */
  readonly cell?: (cell: Cell) => void
}

/** What a yes/no column without a function may hold: 0 and 1, or truth values. */
type YesNo = number | boolean | null | undefined

/**
 * A yes/no target: a column of 0 and 1 or of truth values as it is, `binary('late')`; or `binary('delay', late)` with `late` a named export
 * `(delay) => Uint8Array` of zeros and ones. A row with anything else fails the run (`TARGET_INVALID`).
 */
export function binary<const Column extends string>(
  column: Column,
): Target<Column, Float64Array | Uint8Array, 'binary', YesNo>
export function binary<const Column extends string, Value>(
  column: Column,
  code: (column: Value) => ArrayLike<number> | readonly boolean[],
): Target<Column, Value, 'binary'>
export function binary(
  column: string,
  code?: (column: never) => ArrayLike<number> | readonly boolean[],
): Target<string, never, 'binary', never> {
  return { task: 'binary', column, code }
}

/** A number to predict: a numeric column as it is, or a function of it. */
export function regression<const Column extends string, Value = Float64Array>(
  column: Column,
  code?: (column: Value) => ArrayLike<number>,
): Target<Column, Value, 'regression'> {
  return { task: 'regression', column, code }
}

/** Gradient-boosted trees, trained in process; see `TreesLearner` for the parameters and their defaults. */
export function trees(options: Omit<z.input<typeof TreesLearner>, 'kind'> = {}): TreesLearner {
  return TreesLearner.parse({ kind: 'trees', ...options })
}

type Names<Row, Value> = { [Field in keyof Row]: Row[Field] extends Value ? Field : never }[keyof Row] & string

interface ByTime<Row> {
  by: Names<Row, Date>
  /** ISO date (UTC): earlier rows train. */
  validationFrom: string
  /** ISO date (UTC): earlier rows that do not train validate, the others test. */
  testFrom: string
}
interface ByAge<Row> {
  by: Names<Row, Date>
  /** The newest rows, and those before them: the split moves with the data. `run --as-of` sets the day that counts as today. */
  test: Duration
  validation: Duration
  /** Rows older than this are left out. */
  window?: Duration
}
interface ByHash<Row> {
  /** Rows with equal values of this column go to the same part. */
  byHashOf: keyof Row & string
  validation: number
  test: number
  seed?: number
}
interface ByStratum<Row> {
  /** Every value of this column is represented equally in each part. */
  stratifiedBy: keyof Row & string
  validation: number
  test: number
  seed?: number
}
export type SplitBy<Row> = ByTime<Row> | ByAge<Row> | ByHash<Row> | ByStratum<Row> | AtRandom
interface AtRandom {
  /** Shares of the rows. Equal rows go to the same part: by a hash of all their values, not by where they stand. */
  random: { validation: number; test: number }
  seed?: number
}

/** Records the steps of a pipeline. Every method returns a typed handle for the next ones. */
export interface Builder {
  /**
   * Fixes the exact bytes a run reads: a file, a folder or a glob of files, in parquet, CSV or JSON, packed or not. Paths start at the
   * project folder; folders such as `year=2024/` are columns. CSV has commas and a header unless it is said; `na` names texts of its cells
   * that stand for a missing value.
   */
  snapshot<S extends z.ZodObject>(
    name: string,
    options: { from: string; schema: S; format?: TableFormat; na?: readonly string[] } & CsvOptions,
  ): Table<z.output<S>>
  /** Checks every row against the schema; bad rows are set aside with their reasons, up to a limit. */
  validate<Row>(
    table: Table<Row>,
    rules?: {
      /** Share of bad rows up to which the run goes on without them. Default 0. */
      maxBadRows?: number
      completeness?: Partial<Record<keyof Row & string, number>>
      unique?: (readonly (keyof Row & string)[])[]
    },
  ): Table<Row>
  /** Cuts the rows into train, validation and test: by time, by age, by a hash, with equal shares of every stratum, or at random. */
  split<Row>(table: Table<Row>, rule: SplitBy<Row>): Split<Row>
  /**
   * Trains a model. `features` and the target's function are named exports of a module (they are bundled and stored by
   * digest); `features` gets every column but the target's and the weight's.
   */
  train<
    Row,
    const Column extends keyof Row & string,
    T extends Task,
    Made extends FeatureColumns,
    const Weight extends Names<Row, number> = never,
  >(
    name: string,
    options: {
      on: Split<Row>
      features: (columns: ColumnsOf<Omit<Row, Column | Weight>>) => Made
      target: Target<Column, ColumnsOf<Row>[Column], T, NoInfer<Row>[Column]>
      /**
       * Sets of features that matter together: the model gets, for each, the mean label of training rows with the same values (out of fold
       * while it trains, so that no row sees its own label). For text and for numbers with few values.
       */
      crosses?: readonly (readonly [keyof Made & string, ...(keyof Made & string)[]])[]
      /** A column that says how much each row counts while the model learns, at least 0; evaluations count every row alike. */
      weight?: Weight
      learner: TreesLearner
      seed: number
    },
  ): Model<Row, T>
  /**
   * Makes the signed model package: ONNX, feature code, schemas, baseline profile, model card. Raise `inputVersion` (default 1)
   * when rows that the champion takes would no longer do.
   */
  package<Row, T extends Task>(
    model: Model<Row, T>,
    options?: { parity?: number; inputVersion?: number },
  ): Package<Row, T>
  /**
   * Scores the package on a part and checks the result; a gate that fails ends the run and keeps the champion. Where no check of a package
   * compares it with the champion, one is added (1 % of the champion's value, confidence 0.9), unless `champion: 'not compared'` says otherwise.
   */
  gate<Row, T extends Task>(
    candidate: Package<Row, T>,
    options: {
      on: Part<Row>
      must: readonly Gate<NoInfer<T>, keyof NoInfer<Row> & string>[]
      champion?: 'not compared'
      seed?: number
    },
  ): void
  /** Waits for a person: `slipway approve <run>`. */
  approve<Row, T extends Task>(
    candidate: Package<Row, T>,
    options: { role: string; within: `${number}${'s' | 'm' | 'h' | 'd'}`; otherwise: 'reject' | 'approve' },
  ): void
  /**
   * Serves the package under a name. The first version takes over at once; every later one by the strategy given, and becomes
   * champion when its rollout says so, not before.
   */
  deploy<Row, T extends Task>(candidate: Package<Row, T>, options: DeployOptions): Endpoint<Row, T>
  /**
   * Watches what is served: every so often the telemetry since the last check is compared with the training rows, and with the labels
   * that came. An alarm is reported, and the supervisor of the pipeline retrains where `retrain` says so.
   */
  monitor<Row, T extends Task>(live: Endpoint<Row, T>, options: MonitorOptions): void
  /**
   * Scores tables with the version that the endpoint's champion is when a batch begins: on a schedule, or by `slipway batch`. Every
   * table comes out whole or not at all.
   */
  batch<Row, T extends Task>(live: Endpoint<Row, T>, name: string, options: BatchOptions): void
}

/** A pipeline as the user's file exports it. */
export interface PipelineDefinition {
  readonly slipway: 'pipeline/1'
  readonly name: string
  /** Makes the plan; `codeOf` says where a user function's bundle is. */
  readonly compile: (codeOf: (userFunction: UserFunction, role: string) => CodeRef) => Plan
}

/**
 * Describes a model's life: `export default pipeline('flights', (p) => { … })` in `pipelines/<name>/pipeline.ts`.
 * The function only records; nothing runs until a worker carries the plan out.
 * @throws SlipwayError DEFINITION_INVALID when the plan is made and a name, column or option is wrong.
 */
export function pipeline(name: string, define: (p: Builder) => void): PipelineDefinition {
  return { slipway: 'pipeline/1', name, compile: (codeOf) => compilePlan(name, define, codeOf) }
}
