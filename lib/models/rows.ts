import { Broken, cellReader, kindOf, type Reader, valueReader } from '../definition/contract/read.ts'
import type { Column } from '../formats/columns.ts'
import { SlipwayError } from '../formats/errors.ts'
import { type ColumnRule, isText, type RowSchema } from '../formats/row-schema.ts'

/** Rows of a request, checked, as columns. */
export interface Rows {
  readonly rows: number
  readonly columns: Readonly<Record<string, Column>>
}

/** A client's mistake: what was found where, and what was expected. */
export function invalid(message: string, path = ''): SlipwayError {
  return new SlipwayError('REQUEST_INVALID', path === '' ? message : `${path}: ${message}`, { path })
}

/** Where a value stands in what a client sent: made only when something is wrong with it. */
type Place = (row: number, column: string) => string
const inJson =
  (path: string): Place =>
  (row, column) =>
    `${path}[${row}]${column === '' ? '' : `.${column}`}`
/** Rows of CSV count from 1, behind the header, as everywhere. */
const inCsv: Place = (row, column) => `row ${row + 1}, ${column}`

/**
 * Turns what clients send into columns, by the row schema of the model: every element is checked for its type and its
 * rules, as the pipeline checks its source. Fields the schema does not name are ignored.
 */
export interface RowReader {
  readonly schema: RowSchema
  /** `[{ a: 1, b: "x" }, …]` */
  fromRecords(records: unknown, path: string): Rows
  /** `{ a: [1, 2], b: ["x", "y"] }` */
  fromColumns(columns: unknown, path: string): Rows
  /** `names`, and rows as arrays in that order. */
  fromMatrix(names: readonly string[], rows: unknown, path: string): Rows
  /** `names`, and rows of CSV's cells in that order. */
  fromCells(names: readonly string[], rows: readonly (readonly string[])[]): Rows
  /** One column of values that were decoded already (numbers, strings, typed arrays), checked by its rules. */
  column(rule: ColumnRule, values: ArrayLike<unknown>, path: string): Column
}

export function rowReader(schema: RowSchema): RowReader {
  const values = schema.map(valueReader)
  const cells = schema.map(cellReader)
  const read = <From>(
    rows: number,
    readers: readonly Reader<From>[],
    valueAt: (row: number, column: number) => From,
    placeOf: Place,
  ): Rows => {
    const columns: Record<string, Column> = {}
    for (let c = 0; c < schema.length; c++) {
      const rule = schema[c] as ColumnRule
      const target = emptyColumn(rule, rows)
      const reader = readers[c] as Reader<From>
      for (let row = 0; row < rows; row++) {
        const value = reader(valueAt(row, c))
        if (value instanceof Broken) throw invalid(value.what, placeOf(row, rule.name))
        target[row] = value as never
      }
      columns[rule.name] = target
    }
    return { rows, columns }
  }
  const names = schema.map(({ name }) => name)
  return {
    schema,
    fromRecords(records, path) {
      requireRecords(records, names, path)
      // What a record inherits (`toString`) is a function, which no column is.
      return read(records.length, values, (row, c) => records[row]?.[names[c] as string], inJson(path))
    },
    fromColumns(columns, path) {
      const given = columnsOf(columns, names, path)
      const rows = given.find((column) => column !== undefined)?.length ?? 0
      for (const [c, column] of given.entries())
        if (column !== undefined && column.length !== rows)
          throw invalid(`has ${column.length} values, the first column has ${rows}`, `${path}.${names[c]}`)
      return read(rows, values, (row, c) => given[c]?.[row], inJson(path))
    },
    fromMatrix(header, rows, path) {
      requireMatrix(rows, header, path)
      const places = names.map((name) => header.indexOf(name))
      const valueAt = (row: number, c: number): unknown => {
        const place = places[c] as number
        return place < 0 ? undefined : rows[row]?.[place]
      }
      return read(rows.length, values, valueAt, inJson(path))
    },
    fromCells(header, rows) {
      const places = names.map((name) => header.indexOf(name))
      // A column that is not there is missing in every row.
      return read(rows.length, cells, (row, c) => rows[row]?.[places[c] as number] ?? '', inCsv)
    },
    column(rule, given, path) {
      const target = emptyColumn(rule, given.length)
      const reader = values[schema.indexOf(rule)] as Reader<unknown>
      for (let row = 0; row < given.length; row++) {
        const value = reader(given[row])
        if (value instanceof Broken) throw invalid(value.what, inJson(`${path}.data`)(row, ''))
        target[row] = value as never
      }
      return target
    },
  }
}

function requireRecords(
  records: unknown,
  names: readonly string[],
  path: string,
): asserts records is readonly Readonly<Record<string, unknown>>[] {
  if (!Array.isArray(records)) throw invalid(`expected an array of rows, got ${kindOf(records)}`, path)
  for (let row = 0; row < records.length; row++) {
    const record = records[row]
    if (typeof record !== 'object' || record === null || Array.isArray(record))
      throw invalid(`expected an object with ${names.join(', ')}, got ${kindOf(record)}`, `${path}[${row}]`)
  }
}

function requireMatrix(
  rows: unknown,
  header: readonly string[],
  path: string,
): asserts rows is readonly (readonly unknown[])[] {
  if (!Array.isArray(rows)) throw invalid(`expected an array of rows, got ${kindOf(rows)}`, path)
  for (let row = 0; row < rows.length; row++)
    if (!Array.isArray(rows[row]) || rows[row].length !== header.length)
      throw invalid(`expected an array of ${header.length} values (${header.join(', ')})`, `${path}[${row}]`)
}

/** The columns of these names; undefined for those that are not there. */
function columnsOf(columns: unknown, names: readonly string[], path: string): (readonly unknown[] | undefined)[] {
  if (typeof columns !== 'object' || columns === null || Array.isArray(columns))
    throw invalid(`expected an object of columns, got ${kindOf(columns)}`, path)
  return names.map((name) => {
    const column = Object.hasOwn(columns, name) ? (columns as Record<string, unknown>)[name] : undefined
    if (column !== undefined && !Array.isArray(column))
      throw invalid(`expected an array, got ${kindOf(column)}`, `${path}.${name}`)
    return column as unknown[] | undefined
  })
}

/** A missing number is NaN and a missing text null: see `Column`. */
function emptyColumn(rule: ColumnRule, rows: number): (string | null)[] | Float64Array | Uint8Array {
  if (isText(rule)) return new Array<string | null>(rows)
  return rule.type === 'boolean' && !rule.nullable ? new Uint8Array(rows) : new Float64Array(rows)
}
