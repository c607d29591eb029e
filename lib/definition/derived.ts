import type { z } from 'zod'
import type { ColumnsOf } from '../formats/columns.ts'
import type { Duration } from './duration.ts'
import type { AnyTable, Artifact, Part, Table } from './handles.ts'

/** What a derived table is made of: by names, or in a list, where each has the name of its source. */
export type Tables = readonly AnyTable[] | Readonly<Record<string, AnyTable>>

type RowOf<Handle> = Handle extends Table<infer Row> | Part<infer Row> ? Row : never
type ColumnsOfEach<Handles> = { readonly [Name in keyof Handles]: ColumnsOf<RowOf<Handles[Name]>> }

/** What a function over tables gets: all of them by their names; those of a list one by one. */
export type TableArguments<From> = From extends readonly AnyTable[]
  ? ColumnsOfEach<From>
  : [tables: ColumnsOfEach<From>]

type Present<T> = Exclude<T, null | undefined>
type Missing<T> = Extract<T, null | undefined> extends never ? never : null
type MadeColumn<T> = [Present<T>] extends [number | Date]
  ? ArrayLike<number | Missing<T>>
  : [Present<T>] extends [boolean]
    ? ArrayLike<number | boolean | Missing<T>>
    : [Present<T>] extends [bigint]
      ? readonly (string | Missing<T>)[]
      : readonly (Present<T> | Missing<T>)[]

/**
 * The columns of a table as a function makes them, all of one length: numbers, dates (milliseconds since 1970) and
 * booleans (or 0 and 1) in typed arrays or lists, NaN where one is missing; texts, and whole numbers of any size as
 * their digits, in lists.
 */
export type MadeColumns<Row> = { readonly [Field in keyof Row]: MadeColumn<Row[Field]> }

/** What a function over tables is held to; the columns that `dataframe` makes have no names before it runs. */
export type TableFunction<From, Row, Run extends (...tables: never) => unknown> = (
  ...tables: TableArguments<From> extends infer Given extends readonly unknown[] ? Given : never
) => string extends keyof ReturnType<Run> ? unknown : MadeColumns<Row>

/** Columns of two tables that hold values of one type under one name. */
export type SharedKeys<Left, Right> = {
  [Field in keyof Left & keyof Right]: [Present<Left[Field]>] extends [Present<Right[Field]>]
    ? Field
    : [Present<Right[Field]>] extends [Present<Left[Field]>]
      ? Field
      : never
}[keyof Left & keyof Right] &
  string

/** A row of a join: the left one, with the right one's other columns, null where there was none. */
export type Joined<Left, Right, On extends string, Prefix extends string> = Left & {
  [Field in Exclude<keyof Right, On> & string as `${Prefix}${Field}`]: Right[Field] | null
}

/** Columns that hold times, some of them missing perhaps. */
export type Times<Row> = {
  [Field in keyof Row]: [Present<Row[Field]>] extends [Date] ? Field : never
}[keyof Row] &
  string

/** The times of a join: a left row gets the newest right row with `event` and `known` not after its `at`. */
export interface JoinTimes<Left, Right> {
  /** Column of the left table: when each of its rows asks. */
  at: Times<Left>
  /** Column of the right table: when what a row says happened. */
  event: Times<Right>
  /** Column of the right table: when that was known; null says that it was known as it happened. */
  known: Times<Right> | null
  /** How old what happened may be when it is asked for: `30d`; any age where it is not said. Exactly as old counts. */
  within?: Duration
}

/** How rows of a view are told apart. */
export interface ViewRows<Row, Key extends string> {
  /** Columns that name a row. */
  key: Key | readonly Key[]
  /**
   * Column that says when a row became known: a key has a row for each of these times. Without it, a key has one row.
   */
  known?: Times<Row>
}

/** What a step of one's own reads. */
export type StepInputs = Readonly<Record<string, AnyTable | AnyPart | Artifact<string>>>
/** A part of a split, whatever its rows. */
type AnyPart = Omit<Part<never>, 'row'>

/** An artifact as a function gets it. */
export interface ArtifactContent {
  readonly mediaType: string
  readonly bytes: Uint8Array
  readonly text: () => string
}
/** What the function of a step gets: tables as whole columns, other artifacts as their bytes. */
export type StepArguments<Inputs> = {
  readonly [Name in keyof Inputs]: Inputs[Name] extends Artifact<string>
    ? ArtifactContent
    : ColumnsOf<RowOf<Inputs[Name]>>
}

/** What a step of one's own makes: a table of a schema, or something of a media type. */
export type StepOutputs = Readonly<Record<string, z.ZodObject | `${string}/${string}`>>
/** What the function of a step returns. */
export interface StepResult<Outputs> {
  readonly outputs: {
    readonly [Name in keyof Outputs]: Outputs[Name] extends z.ZodObject
      ? MadeColumns<z.output<Outputs[Name]>>
      : string | Uint8Array
  }
  /** For people and for `slipway show`: JSON, at most 10,000 characters. */
  readonly facts?: Readonly<Record<string, unknown>>
}
/** Handles of what a step makes. */
export type StepHandles<Outputs> = {
  readonly [Name in keyof Outputs & string]: Outputs[Name] extends z.ZodObject
    ? Table<z.output<Outputs[Name]>>
    : Artifact<Name>
}
