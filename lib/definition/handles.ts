import type { Task } from '../formats/plan.ts'
import type { RowSchema } from '../formats/row-schema.ts'
import type { Duration } from './duration.ts'

export interface Handle<Kind extends string> {
  readonly kind: Kind
  readonly id: string
}
/** A table, whatever its rows. */
export interface AnyTable extends Handle<'table'> {
  /** What SQL and functions call it where they are given no other name. */
  readonly name: string
  readonly schema: RowSchema
}
/** Rows of a source, or of a table made of some. */
export interface Table<Row> extends AnyTable {
  readonly row?: (row: Row) => Row
}
/** A derived table that pipelines share by its name. */
export interface View<Row, Key extends string> extends Table<Row> {
  /** Columns that name a row. */
  readonly key: readonly Key[]
  /** Column of times: when a row became known; null where a key has one row. */
  readonly known: string | null
}
/** Something else that a step of one's own made. */
export interface Artifact<Name extends string> extends Handle<'artifact'> {
  readonly name: Name
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
/** A trained model that was not packaged: it cannot be gated or served. `Seen` is what its features see of a row. */
export interface Model<Row, T extends Task, Seen = Row> extends Handle<'model'> {
  readonly of?: (row: Row, task: T, seen: Seen) => void
}
/** A packaged model: what gates, approvals and endpoints work on. */
export interface Package<Row, T extends Task> extends Handle<'package'> {
  readonly of?: (row: Row, task: T) => void
}

/** The package of a model of tensors alone: it has no rows that could be judged or scored in batches. */
export type TensorPackage = Package<never, never>

/** A served name: what monitors and batch scoring work on. */
export interface Endpoint<Row, T extends Task> extends Handle<'endpoint'> {
  readonly endpoint: string
  readonly of?: (row: Row, task: T) => void
}

/** Columns that hold such values. */
export type Names<Row, Value> = { [Field in keyof Row]: Row[Field] extends Value ? Field : never }[keyof Row] & string

interface ByTime<Row> {
  by: Names<Row, Date>
  /** ISO date (UTC): earlier rows train. */
  validationFrom: string
  /** ISO date (UTC): earlier rows that do not train validate, the others test. */
  testFrom: string
}
interface ByAge<Row> {
  by: Names<Row, Date>
  /**
   * The newest rows, and those before them: the split moves with the data. `run --as-of` sets the day that counts as
   * today.
   */
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
