import type { Task } from '../formats/plan.ts'

/**
 * What a model predicts: one column of the source, as it is or through a function of it. That column is not a feature.
 */
export interface Target<Column extends string, Value, T extends Task, Cell = unknown, Group extends string = never> {
  readonly task: T
  readonly column: Column
  readonly code: ((column: Value) => ArrayLike<number> | readonly boolean[] | readonly string[]) | undefined
  /** Of several targets: their columns, `column` being each of them to the compiler. */
  readonly columns?: readonly Column[]
  /** Of several quantiles: their levels. */
  readonly levels?: readonly number[]
  /** What a row may hold in that column. */
  readonly cell?: (cell: Cell) => void
  /** Of a ranking: the column that names the group of a row. It is no feature either. */
  readonly group?: Group
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

/**
 * A number to predict: a numeric column as it is, or a function of it. Or several numbers a row, `regression(['price',
 * 'rent'])`: numeric columns as they are, none of which is a feature.
 */
export function regression<const Column extends string, Value = Float64Array>(
  column: Column,
  code?: (column: Value) => ArrayLike<number>,
): Target<Column, Value, 'regression'>
export function regression<const Column extends string>(
  columns: readonly [Column, Column, ...Column[]],
): Target<Column, Float64Array, 'regression'>
export function regression(
  columns: string | readonly [string, string, ...string[]],
  code?: (column: never) => ArrayLike<number>,
): Target<string, never, 'regression'> {
  if (typeof columns === 'string') return { task: 'regression', column: columns, code }
  return { task: 'regression', column: columns[0], code: undefined, columns }
}

/**
 * Several quantiles of a number, so that a prediction says how far off it may be: `quantiles('delay', [0.1, 0.5,
 * 0.9])`, of a numeric column as it is or of a function of it. Levels ascend between 0 and 1, and so do the predictions
 * of every row.
 */
export function quantiles<const Column extends string, Value = Float64Array>(
  column: Column,
  levels: readonly [number, number, ...number[]],
  code?: (column: Value) => ArrayLike<number>,
): Target<Column, Value, 'quantiles'> {
  return { task: 'quantiles', column, code, levels }
}

/** What a column of relevance without a function may hold. */
type GradeCell = number | bigint | null | undefined

/**
 * The order of rows within a group, such as the products that were found by a query: `ranking('relevance', { by:
 * 'query' })`. The column holds how much a row is worth there, a whole number from 0 (nothing) to 30, or a function
 * makes such of it: `ranking('clicks', graded, { by: 'query' })`. `by` is a column of texts or whole numbers; rows of a
 * group need not be together, and all are in one part of the split (else `GROUP_TORN`).
 */
export function ranking<const Column extends string, const By extends string>(
  column: Column,
  options: { by: By },
): Target<Column, Float64Array, 'ranking', GradeCell, By>
export function ranking<const Column extends string, Value, const By extends string>(
  column: Column,
  code: (column: Value) => ArrayLike<number>,
  options: { by: By },
): Target<Column, Value, 'ranking', unknown, By>
export function ranking(
  column: string,
  ...rest: [{ by: string }] | [(column: never) => ArrayLike<number>, { by: string }]
): Target<string, never, 'ranking', never, string> {
  const [code, { by }] = rest.length === 1 ? [undefined, rest[0]] : rest
  return { task: 'ranking', column, code, group: by }
}
