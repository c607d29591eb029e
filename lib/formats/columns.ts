/**
 * A column as feature functions see it. Dates are milliseconds since 1970 (UTC); a missing number is NaN, a missing
 * string null.
 */
export type Column = Float64Array | Float32Array | Int32Array | Uint8Array | readonly (string | null)[]

/** Numbers of rows: float32, or float64 where they lie too far from zero for it. */
export type Numbers = Float32Array | Float64Array

type Present<T> = Exclude<T, null | undefined>

/**
 * The column type of a row's field: numbers and dates `Float64Array`, booleans `Uint8Array` (0, 1), text `string[]`,
 * whole numbers of any size (`z.int64()`, `z.bigint()`) their digits as `string[]`.
 */
export type ColumnOf<T> = [Present<T>] extends [number | Date]
  ? Float64Array
  : [Present<T>] extends [boolean]
    ? null extends T
      ? Float64Array
      : Uint8Array
    : null extends T
      ? readonly (string | null)[]
      : readonly string[]

/** A table of rows turned by ninety degrees: every field a column of equal length. */
export type ColumnsOf<Row> = { readonly [Field in keyof Row]: ColumnOf<Row[Field]> }

/** What a feature function returns: columns of the same length as the ones it got. */
export type FeatureColumns = Readonly<Record<string, Column>>

/** Number of rows of a set of columns (0 for none). */
export function rowCount(columns: Readonly<Record<string, Column>>): number {
  for (const name in columns) return (columns[name] as Column).length
  return 0
}

// biome-ignore lint/suspicious/noExplicitAny: the one place where functions of all column types meet
export type UserFunction = (...args: any[]) => unknown
