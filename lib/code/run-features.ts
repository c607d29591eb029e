import type { UserFunction } from '../formats/columns.ts'
import { type Column, type Numbers, rowCount } from '../formats/columns.ts'
import { SlipwayError } from '../formats/errors.ts'
import type { RowSchema } from '../formats/row-schema.ts'
import { withUserFunction } from './user-fault.ts'

/** A feature ready for the model: numbers (NaN for missing) or text (null for missing). */
export type Feature = Numbers | readonly (string | null)[]
export type Features = Readonly<Record<string, Feature>>

/** A feature as the graph takes it: float32 of what is left of it in float64 after its offset. */
export function lessOffset(values: Numbers, offset: number | undefined): Float32Array {
  if (offset !== undefined) return Float32Array.from(values, (value) => value - offset)
  return values instanceof Float32Array ? values : Float32Array.from(values)
}

export const isNumbers = (feature: Feature): feature is Numbers => ArrayBuffer.isView(feature)

/**
 * Runs a feature function and checks what it returns.
 * @param columns all of one length; what the schema declares
 * @param firstRow number of the first row, from 1, for messages
 * @param staysExact which features keep the float64 the function gave them; others become float32
 * @throws SlipwayError FEATURES_FAILED, FEATURES_TYPE, FEATURES_LENGTH, FEATURES_NOT_FINITE
 */
export function runFeatures(
  userFunction: UserFunction,
  functionName: string,
  columns: Readonly<Record<string, Column>>,
  firstRow = 1,
  staysExact: (feature: string) => boolean = () => false,
): Features {
  const rows = rowCount(columns)
  return withUserFunction(
    userFunction,
    'FEATURES_FAILED',
    `${functionName} throws on rows ${firstRow} to ${firstRow + rows - 1}`,
    'mend the function, or tighten the schema so that such rows do not reach it',
    () => checkedFeatures(userFunction, functionName, columns, firstRow, staysExact),
  )
}

function checkedFeatures(
  userFunction: UserFunction,
  functionName: string,
  columns: Readonly<Record<string, Column>>,
  firstRow: number,
  staysExact: (feature: string) => boolean,
): Features {
  const rows = rowCount(columns)
  const returned = userFunction(columns)
  if (isPromise(returned))
    throw new SlipwayError('FEATURES_TYPE', `${functionName} returns a Promise`, {
      next: 'feature functions are synchronous: take `async` away',
    })
  if (typeof returned !== 'object' || returned === null || Array.isArray(returned) || ArrayBuffer.isView(returned)) {
    throw new SlipwayError('FEATURES_TYPE', `${functionName} returns ${describe(returned)}, not an object of columns`, {
      next: 'return { name: Float32Array | string[], … }',
    })
  }
  const features: Record<string, Feature> = {}
  const made = { functionName, hasMissing: missingIn(columns), rows, firstRow, staysExact }
  for (const [name, column] of Object.entries(returned)) features[name] = checked(name, column, made)
  if (Object.keys(features).length === 0)
    throw new SlipwayError('FEATURES_TYPE', `${functionName} returns no columns`, {
      next: 'return { name: Float32Array | string[], … }',
    })
  return features
}

/** What features were made of, and by whom. */
interface Making {
  readonly functionName: string
  readonly hasMissing: (row: number) => boolean
  readonly rows: number
  readonly firstRow: number
  readonly staysExact: (feature: string) => boolean
}

function checked(
  name: string,
  column: unknown,
  { functionName, hasMissing, rows, firstRow, staysExact }: Making,
): Feature {
  if (!Array.isArray(column) && !ArrayBuffer.isView(column)) {
    throw new SlipwayError(
      'FEATURES_TYPE',
      `${functionName}: feature "${name}" is ${describe(column)}, not a typed array or string[]`,
      { next: 'return numbers as a Float32Array or Float64Array, text as string[]' },
    )
  }
  const { length } = column as unknown as ArrayLike<unknown>
  if (length !== rows) {
    throw new SlipwayError(
      'FEATURES_LENGTH',
      `${functionName}: feature "${name}" has ${length} rows for ${rows} rows given`,
      { next: 'return one value for every row' },
    )
  }
  if (Array.isArray(column)) {
    const wrong = column.findIndex((value) => typeof value !== 'string' && value !== null)
    if (wrong < 0) return column as (string | null)[]
    throw new SlipwayError(
      'FEATURES_TYPE',
      `${functionName}: feature "${name}" holds ${describe(column[wrong])} in row ${firstRow + wrong}`,
      {
        next: 'return numbers as a Float32Array or Float64Array, text as string[]',
      },
    )
  }
  if (
    !(
      column instanceof Float64Array ||
      column instanceof Float32Array ||
      column instanceof Int32Array ||
      column instanceof Uint8Array
    )
  ) {
    throw new SlipwayError('FEATURES_TYPE', `${functionName}: feature "${name}" is ${describe(column)}`, {
      next: 'return a Float32Array, Float64Array, Int32Array or Uint8Array',
    })
  }
  const values = asNumbers(column, staysExact(name))
  for (let i = 0; i < rows; i++) {
    const value = values[i] as number
    // A missing value may be passed on; it may not be made. What float32 cannot hold counts as infinite.
    if (Number.isFinite(Math.fround(value)) || (Number.isNaN(value) && hasMissing(i))) continue
    throw new SlipwayError(
      'FEATURES_NOT_FINITE',
      `${functionName}: feature "${name}" is ${Number.isFinite(value) ? 'too large for float32' : value} in row ${firstRow + i}, where no input is missing`,
      {
        next: 'look for a division by zero or a logarithm of a negative number',
      },
    )
  }
  return values
}

function asNumbers(column: Numbers | Int32Array | Uint8Array, isExact: boolean): Numbers {
  if (column instanceof Float32Array || (isExact && column instanceof Float64Array)) return column
  return isExact ? Float64Array.from(column) : Float32Array.from(column)
}

/** Tells whether a row of some columns has a missing value; looked at once a row, however many features ask. */
function missingIn(inputs: Readonly<Record<string, Column>>): (row: number) => boolean {
  let known: Map<number, boolean> | undefined
  return (row) => {
    known ??= new Map()
    let isMissing = known.get(row)
    if (isMissing === undefined) {
      isMissing = Object.values(inputs).some((column) => column[row] === null || Number.isNaN(column[row]))
      known.set(row, isMissing)
    }
    return isMissing
  }
}

/** Whether something is awaited by an async function. */
export const isPromise = (value: unknown): boolean =>
  typeof (value as PromiseLike<unknown> | undefined)?.then === 'function'

export function describe(value: unknown): string {
  if (value === null || value === undefined) return String(value)
  return typeof value === 'object' ? `a ${value.constructor?.name ?? 'object'}` : `a ${typeof value}`
}

/**
 * Makes sure that features do not depend on how rows are cut into chunks: the sample as a whole, row by row, and in
 * sevens must give the same bits. Otherwise serving one row would differ from training on many.
 * @throws SlipwayError FEATURES_DEPEND_ON_CHUNKS
 */
export function requireChunkInvariance(
  userFunction: UserFunction,
  functionName: string,
  columns: Readonly<Record<string, Column>>,
): void {
  const next = 'a feature may use its own row only: no means, ranks or encodings over the rows given'
  withUserFunction(userFunction, 'FEATURES_FAILED', `${functionName} throws`, next, () =>
    compareChunks(userFunction, functionName, columns, next),
  )
}

function compareChunks(
  userFunction: UserFunction,
  functionName: string,
  columns: Readonly<Record<string, Column>>,
  next: string,
): void {
  const rows = rowCount(columns)
  const whole = runFeatures(userFunction, functionName, columns, 1, () => true)
  for (const [size, until] of [
    [1, Math.min(rows, 64)],
    [7, rows],
  ] as const) {
    for (let from = 0; from < until; from += size) {
      const to = Math.min(from + size, rows)
      const piece = runFeatures(userFunction, functionName, sliceColumns(columns, from, to), from + 1, () => true)
      for (const [name, values] of Object.entries(whole)) {
        for (let i = from; i < to; i++) {
          if (Object.is(values[i], piece[name]?.[i - from])) continue
          throw new SlipwayError(
            'FEATURES_DEPEND_ON_CHUNKS',
            `${functionName}: feature "${name}" of row ${i + 1} is another among ${rows} rows than among ${to - from}`,
            {
              inFull: `${functionName}: feature "${name}" of row ${i + 1} is ${values[i]} among ${rows} rows and ${piece[name]?.[i - from]} among ${to - from}`,
              next,
            },
          )
        }
      }
    }
  }
}

export function sliceColumns(
  columns: Readonly<Record<string, Column>>,
  from: number,
  to: number,
): Record<string, Column> {
  return Object.fromEntries(Object.entries(columns).map(([name, column]) => [name, column.slice(from, to)]))
}

/** The schema of a target's column. */
export function ruleOf(schema: RowSchema, column: string): RowSchema[number] {
  const rule = schema.find(({ name }) => name === column)
  if (rule === undefined) throw new SlipwayError('COLUMN_MISSING', `the table has no column "${column}"`)
  return rule
}
