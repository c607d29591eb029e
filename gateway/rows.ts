import type { Column } from '../pipelines/columns.ts'
import { SlipwayError } from '../pipelines/errors.ts'
import type { ColumnRule, RowSchema } from '../pipelines/row-schema.ts'

/** Rows of a request, checked, as columns. */
export interface Rows {
  readonly rows: number
  readonly columns: Readonly<Record<string, Column>>
}

/** A client's mistake: what was found where, and what was expected. */
export function invalid(message: string, path = ''): SlipwayError {
  return new SlipwayError('REQUEST_INVALID', path === '' ? message : `${path}: ${message}`, { path })
}

/** Where a cell stands: made once for many cells, and into a path only when something is wrong. */
interface Place {
  readonly path: string
  row: number
  /** The column, where the path does not name it. */
  column: string
}
const pathOf = ({ path, row, column }: Place): string => `${path}[${row}]${column === '' ? '' : `.${column}`}`

type Cell = (value: unknown, place: Place) => number | string | null

/**
 * Turns what clients send into columns, by the row schema of the model: every element is checked for its type and its rules, as
 * the pipeline checks its source. Fields the schema does not name are ignored.
 */
export interface RowReader {
  readonly schema: RowSchema
  /** `[{ a: 1, b: "x" }, …]` */
  fromRecords(records: unknown, path: string): Rows
  /** `{ a: [1, 2], b: ["x", "y"] }` */
  fromColumns(columns: unknown, path: string): Rows
  /** `names`, and rows as arrays in that order. */
  fromMatrix(names: readonly string[], rows: unknown, path: string): Rows
  /** One column of values that were decoded already (numbers, strings, typed arrays), checked by its rules. */
  column(rule: ColumnRule, values: ArrayLike<unknown>, path: string): Column
}

export function rowReader(schema: RowSchema): RowReader {
  const cells = schema.map(cellReader)
  const read = (rows: number, valueAt: (row: number, column: number) => unknown, path: string): Rows => {
    if (rows === 0) throw invalid('no rows', path)
    const columns: Record<string, Column> = {}
    const place: Place = { path, row: 0, column: '' }
    for (let c = 0; c < schema.length; c++) {
      const rule = schema[c] as ColumnRule
      place.column = rule.name
      const target = emptyColumn(rule, rows)
      const cell = cells[c] as Cell
      for (let row = 0; row < rows; row++) {
        place.row = row
        target[row] = cell(valueAt(row, c), place) as never
      }
      columns[rule.name] = target
    }
    return { rows, columns }
  }
  const names = schema.map(({ name }) => name)
  return {
    schema,
    fromRecords(records, path) {
      if (!Array.isArray(records)) throw invalid(`expected an array of rows, got ${kindOf(records)}`, path)
      for (let row = 0; row < records.length; row++) {
        const record = records[row]
        if (typeof record !== 'object' || record === null || Array.isArray(record))
          throw invalid(`expected an object with ${names.join(', ')}, got ${kindOf(record)}`, `${path}[${row}]`)
      }
      return read(
        records.length,
        // What a record inherits (`toString`) is a function, which no column is.
        (row, c) => (records[row] as Record<string, unknown>)[names[c] as string],
        path,
      )
    },
    fromColumns(columns, path) {
      if (typeof columns !== 'object' || columns === null || Array.isArray(columns))
        throw invalid(`expected an object of columns, got ${kindOf(columns)}`, path)
      const given = names.map((name) => {
        const column = Object.hasOwn(columns, name) ? (columns as Record<string, unknown>)[name] : undefined
        if (column !== undefined && !Array.isArray(column))
          throw invalid(`expected an array, got ${kindOf(column)}`, `${path}.${name}`)
        return column as unknown[] | undefined
      })
      const rows = given.find((column) => column !== undefined)?.length ?? 0
      for (const [c, column] of given.entries())
        if (column !== undefined && column.length !== rows)
          throw invalid(`has ${column.length} values, the first column has ${rows}`, `${path}.${names[c]}`)
      return read(rows, (row, c) => given[c]?.[row], path)
    },
    fromMatrix(header, rows, path) {
      if (!Array.isArray(rows)) throw invalid(`expected an array of rows, got ${kindOf(rows)}`, path)
      const places = names.map((name) => header.indexOf(name))
      for (let row = 0; row < rows.length; row++) {
        if (!Array.isArray(rows[row]) || rows[row].length !== header.length)
          throw invalid(`expected an array of ${header.length} values (${header.join(', ')})`, `${path}[${row}]`)
      }
      return read(
        rows.length,
        (row, c) => {
          const place = places[c] as number
          return place < 0 ? undefined : (rows[row] as unknown[])[place]
        },
        path,
      )
    },
    column(rule, values, path) {
      const target = emptyColumn(rule, values.length)
      const cell = cells[schema.indexOf(rule)] as Cell
      const place: Place = { path: `${path}.data`, row: 0, column: '' }
      for (let row = 0; row < values.length; row++) {
        place.row = row
        target[row] = cell(values[row], place) as never
      }
      return target
    },
  }
}

/** A missing number is NaN and a missing text null: see `Column`. */
function emptyColumn(rule: ColumnRule, rows: number): (string | null)[] | Float64Array | Uint8Array {
  if (rule.type === 'string') return new Array<string | null>(rows)
  return rule.type === 'boolean' && !rule.nullable ? new Uint8Array(rows) : new Float64Array(rows)
}

function cellReader(rule: ColumnRule): Cell {
  const absent = rule.type === 'string' ? null : Number.NaN
  const present = presentReader(rule)
  return (value, place) => {
    if (value !== null && value !== undefined && !(typeof value === 'number' && Number.isNaN(value)))
      return present(value, place)
    if (rule.nullable) return absent
    throw invalid(`is missing; ${rule.name} is ${typeInWords(rule)}`, pathOf(place))
  }
}

function presentReader(rule: ColumnRule): (value: unknown, place: Place) => number | string {
  const wrong = (value: unknown, place: Place): never => {
    throw invalid(`expected ${typeInWords(rule)}, got ${kindOf(value)}`, pathOf(place))
  }
  switch (rule.type) {
    case 'string': {
      const { enum: values, pattern, minLength = 0, maxLength = Number.POSITIVE_INFINITY } = rule
      const known = values === undefined ? undefined : new Set(values)
      const form = pattern === undefined ? undefined : new RegExp(pattern, 'u')
      return (value, place) => {
        if (typeof value !== 'string') return wrong(value, place)
        if (value.length < minLength || value.length > maxLength)
          throw invalid(`has ${value.length} characters, ${typeInWords(rule)} is expected`, pathOf(place))
        if (known !== undefined && !known.has(value))
          throw invalid(`"${shorten(value)}" is none of ${(values ?? []).join(', ')}`, pathOf(place))
        if (form !== undefined && !form.test(value))
          throw invalid(`"${shorten(value)}" does not match ${pattern}`, pathOf(place))
        return value
      }
    }
    case 'boolean':
      return (value, place) => {
        if (typeof value !== 'boolean') return wrong(value, place)
        return value ? 1 : 0
      }
    case 'timestamp': {
      const inRange = rangeCheck(rule)
      return (value, place) => {
        const time = typeof value === 'string' ? timeOf(value) : typeof value === 'number' ? value : Number.NaN
        if (!Number.isFinite(time)) return wrong(value, place)
        inRange(time, place)
        return time
      }
    }
    default: {
      const inRange = rangeCheck(rule)
      const isInteger = rule.type === 'integer'
      return (value, place) => {
        const number = typeof value === 'bigint' ? Number(value) : value
        if (typeof number !== 'number' || !Number.isFinite(number) || (isInteger && !Number.isInteger(number)))
          return wrong(value, place)
        inRange(number, place)
        return number
      }
    }
  }
}

function rangeCheck(rule: ColumnRule): (value: number, place: Place) => void {
  const least = rule.minimum ?? Number.NEGATIVE_INFINITY
  const above = rule.exclusiveMinimum ?? Number.NEGATIVE_INFINITY
  const most = rule.maximum ?? Number.POSITIVE_INFINITY
  const below = rule.exclusiveMaximum ?? Number.POSITIVE_INFINITY
  const { multipleOf } = rule
  return (value, place) => {
    if (value < least || value > most || !(value > above) || !(value < below))
      throw invalid(`${value} is out of range: ${rangeInWords(rule)}`, pathOf(place))
    if (multipleOf !== undefined) {
      const times = value / multipleOf
      if (Math.abs(times - Math.round(times)) > 1e-9 * Math.max(1, Math.abs(times)))
        throw invalid(`${value} is no multiple of ${multipleOf}`, pathOf(place))
    }
  }
}

/** ISO 8601, with `T` or a space; what names no time zone is UTC, wherever this runs. NaN for anything else. */
function timeOf(text: string): number {
  const match = /^(\d{4}-\d{2}-\d{2})(?:[T ](\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?))?(Z|[+-]\d{2}:?\d{2})?$/.exec(text)
  if (match === null) return Number.NaN
  const [, day, time = '00:00', zone = 'Z'] = match
  return Date.parse(`${day}T${time.replace(/(\.\d{3})\d+$/, '$1')}${zone}`)
}

const shorten = (text: string): string => (text.length > 40 ? `${text.slice(0, 40)}…` : text)

/** What a value is, short enough for a message whatever a client sends. */
export function kindOf(value: unknown): string {
  if (value === undefined) return 'nothing'
  if (value === null) return 'null'
  if (Array.isArray(value)) return `an array of ${value.length}`
  if (typeof value === 'string') return `the text "${shorten(value)}"`
  return typeof value === 'number' || typeof value === 'boolean' ? String(value) : `a ${typeof value}`
}

function typeInWords(rule: ColumnRule): string {
  const type =
    rule.type === 'timestamp'
      ? 'an ISO 8601 time or milliseconds since 1970'
      : rule.type === 'integer'
        ? 'an integer'
        : `a ${rule.type}`
  return rule.nullable ? `${type} or null` : type
}

function rangeInWords({ minimum, exclusiveMinimum, maximum, exclusiveMaximum }: ColumnRule): string {
  return [
    minimum === undefined ? [] : [`≥ ${minimum}`],
    exclusiveMinimum === undefined ? [] : [`> ${exclusiveMinimum}`],
    maximum === undefined ? [] : [`≤ ${maximum}`],
    exclusiveMaximum === undefined ? [] : [`< ${exclusiveMaximum}`],
  ]
    .flat()
    .join(', ')
}
