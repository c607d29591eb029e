import type { Task } from '../formats/plan.ts'

/**
 * What a model predicts: one column of the source, as it is or through a function of it. That column is not a feature.
 */
export interface Target<Column extends string, Value, T extends Task, Cell = unknown> {
  readonly task: T
  readonly column: Column
  readonly code: ((column: Value) => ArrayLike<number> | readonly boolean[] | readonly string[]) | undefined
  /** What a row may hold in that column. */
  readonly cell?: (cell: Cell) => void
}

/** What a yes/no column without a function may hold: 0 and 1, or truth values. */
type YesNo = number | boolean | null | undefined

/**
 * A yes/no target: a column of 0 and 1 or of truth values as it is, `binary('late')`; or `binary('delay', late)` with
 * `late` a named export `(delay) => Uint8Array` of zeros and ones. A row with anything else fails the run
 * (`TARGET_INVALID`).
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

/** What a column of classes without a function may hold: texts, whole numbers or truth values. */
type ClassCell = string | number | bigint | boolean | null | undefined

/**
 * One of several classes: a column of texts or of whole numbers as it is, `multiclass('species')`; or
 * `multiclass('minutes', howLate)` with `howLate` a named export that gives a text or a whole number for every row. The
 * classes are those of the training rows, texts in the order of their code units, numbers ascending. A row with
 * anything else fails the run (`TARGET_INVALID`), and so does a class that is in other rows only (`CLASS_UNSEEN`).
 */
export function multiclass<const Column extends string>(
  column: Column,
): Target<Column, Float64Array | Uint8Array | readonly (string | null)[], 'multiclass', ClassCell>
export function multiclass<const Column extends string, Value>(
  column: Column,
  code: (column: Value) => ArrayLike<number> | readonly string[],
): Target<Column, Value, 'multiclass'>
export function multiclass(
  column: string,
  code?: (column: never) => ArrayLike<number> | readonly string[],
): Target<string, never, 'multiclass', never> {
  return { task: 'multiclass', column, code }
}

/** A number to predict: a numeric column as it is, or a function of it. */
export function regression<const Column extends string, Value = Float64Array>(
  column: Column,
  code?: (column: Value) => ArrayLike<number>,
): Target<Column, Value, 'regression'> {
  return { task: 'regression', column, code }
}
