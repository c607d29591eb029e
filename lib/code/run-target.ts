import { type TargetRef, targetColumns } from '../formats/code-ref.ts'
import type { Column, UserFunction } from '../formats/columns.ts'
import { SlipwayError } from '../formats/errors.ts'
import { isRelevance, mostRelevance } from '../formats/groups.ts'
import type { Task } from '../formats/plan.ts'
import { describe, isPromise } from './run-features.ts'
import { withUserFunction } from './user-fault.ts'

/** What labels are, in words, as columns hold them and as functions return them. */
const labelKinds: Readonly<Record<Task, { readonly held: string; readonly returned: string }>> = {
  binary: { held: '0 and 1, or truth values', returned: '0 or 1' },
  regression: { held: 'a number', returned: 'a number' },
  quantiles: { held: 'a number', returned: 'a number' },
  ranking: {
    held: `a whole number from 0 to ${mostRelevance}`,
    returned: `a whole number from 0 to ${mostRelevance}`,
  },
  multiclass: { held: 'text or whole numbers', returned: 'a text or a whole number' },
}

/**
 * The labels of a chunk: the target's column as it is, or through its function. Binary ones are 0 and 1, those of a
 * ranking whole numbers.
 * @throws SlipwayError TARGET_INVALID
 */
export function runTarget(
  userFunction: UserFunction | undefined,
  task: Task,
  columnName: string,
  column: Column,
  firstRow = 1,
): Float64Array {
  const labelled = { task, columnName, rows: column.length, firstRow }
  if (userFunction === undefined) return labelsOf(column, labelled, nextOfColumn(labelKinds[task].held))
  const next = `return ${labelKinds[task].returned} for every row`
  return asked(userFunction, labelled, next, () => labelsOf(userFunction(column), labelled, next))
}

/**
 * The labels of rows whose columns are known by name: of several targets one each, row by row [rows · targets].
 * @throws SlipwayError TARGET_INVALID
 */
export function labelsOfRows(
  target: Pick<TargetRef, 'column' | 'columns'>,
  columns: Readonly<Record<string, Column>>,
  {
    code,
    task,
    firstRow = 1,
  }: { readonly code: UserFunction | undefined; readonly task: Task; readonly firstRow?: number },
): Float64Array {
  const names = targetColumns(target)
  const labels = names.map((name) => runTarget(code, task, name, columns[name] as Column, firstRow))
  const [first] = labels as [Float64Array]
  if (labels.length === 1) return first
  return Float64Array.from(
    { length: first.length * labels.length },
    (_, i) => labels[i % labels.length]?.[Math.floor(i / labels.length)] as number,
  )
}

/**
 * The classes of a chunk's rows, as `classes.ts` has them.
 * @throws SlipwayError TARGET_INVALID
 */
export function runClasses(
  userFunction: UserFunction | undefined,
  columnName: string,
  column: Column,
  firstRow = 1,
): string[] {
  const labelled = { task: 'multiclass', columnName, rows: column.length, firstRow } as const
  if (userFunction === undefined) return classesOf(column, labelled, nextOfColumn(labelKinds.multiclass.held))
  const next = `return ${labelKinds.multiclass.returned} for every row`
  return asked(userFunction, labelled, next, () => classesOf(userFunction(column), labelled, next))
}

/**
 * Which group each row of a chunk is of, as its column says it.
 * @throws SlipwayError TARGET_INVALID where one has none
 */
export function groupsOf(columnName: string, column: Column, firstRow = 1): (string | number)[] {
  return Array.from(column as ArrayLike<string | number | null>, (value, i) => {
    if ((typeof value === 'string' && value !== '') || Number.isFinite(value)) return value as string | number
    throw new SlipwayError('TARGET_INVALID', `row ${firstRow + i} has no group: its "${columnName}" is missing`, {
      next: `every row must have a ${columnName}: leave others out before the split`,
    })
  })
}

const nextOfColumn = (values: string): string =>
  `the column must hold ${values} in every row; or give the target a function`

function asked<Made>(
  userFunction: UserFunction,
  { columnName, firstRow, rows }: Labelled,
  next: string,
  make: () => Made,
): Made {
  const where = `target "${columnName}": its function throws on rows ${firstRow} to ${firstRow + rows - 1}`
  return withUserFunction(userFunction, 'TARGET_INVALID', where, next, make)
}

/** Rows that labels are made for. */
interface Labelled {
  readonly task: Task
  readonly columnName: string
  readonly rows: number
  readonly firstRow: number
}

function isLabel(task: Task, label: number): boolean {
  if (task === 'binary') return label === 0 || label === 1
  return task === 'ranking' ? isRelevance(label) : Number.isFinite(label)
}

function labelsOf(given: unknown, labelled: Labelled, next: string): Float64Array {
  const { task, rows } = labelled
  const values = valuesOf(given, labelled, next)
  const labels = Float64Array.from(values as ArrayLike<number>, labelOf)
  for (let i = 0; i < rows; i++) {
    const label = labels[i] as number
    if (!isLabel(task, label)) throw wrong(values, i, labelled, next)
  }
  return labels
}

function classesOf(given: unknown, labelled: Labelled, next: string): string[] {
  const values = valuesOf(given, labelled, next)
  return Array.from(values, (value, i) => {
    if (typeof value === 'string' && value !== '') return value
    if (Number.isSafeInteger(value)) return String(value)
    throw wrong(values, i, labelled, next)
  })
}

/** What a target gave, a value a row. */
function valuesOf(given: unknown, { columnName, rows }: Labelled, next: string): ArrayLike<unknown> {
  const fail = (why: string): never => {
    throw new SlipwayError('TARGET_INVALID', `target "${columnName}": ${why}`, { next })
  }
  if (isPromise(given)) fail('its function returns a Promise: target functions are synchronous')
  if (typeof given !== 'object' || typeof (given as ArrayLike<unknown> | null)?.length !== 'number')
    fail(`${describe(given)} for ${rows} rows`)
  const values = given as ArrayLike<unknown>
  return values.length === rows ? values : fail(`${values.length} labels for ${rows} rows`)
}

const wrong = (values: ArrayLike<unknown>, row: number, { columnName, firstRow }: Labelled, next: string) => {
  const what = `target "${columnName}": the label of row ${firstRow + row} is `
  const value = values[row]
  const plain = typeof value === 'number' && !Number.isFinite(value) ? String(value) : describe(value)
  return new SlipwayError('TARGET_INVALID', `${what}${plain}`, { inFull: `${what}${describeLabel(value)}`, next })
}

/** `Number` would take nothing for 0. */
const labelOf = (value: unknown): number => (value === null || value === '' ? Number.NaN : Number(value))

const describeLabel = (value: unknown): string =>
  typeof value === 'string'
    ? JSON.stringify(value.slice(0, 50))
    : typeof value === 'number'
      ? String(value)
      : describe(value)
