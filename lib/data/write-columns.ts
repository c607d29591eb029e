import { DOUBLE, type DuckDBConnection, DuckDBDataChunk, VARCHAR } from '@duckdb/node-api'
import { SlipwayError } from '../formats/errors.ts'
import { type ColumnRule, isText, type RowSchema } from '../formats/row-schema.ts'
import { name, text, withDuckDb } from './duckdb.ts'
import { requireColumnsOf } from './result-columns.ts'

/** Rows of a data chunk, DuckDB's vector size. */
const vectorRows = 2_048
/** The latest time of JavaScript's, ms since 1970. */
const latestTime = 8.64e15

/** SQL that turns a number as functions have it into the type of its column; NaN is a missing value. */
const fromNumber: Readonly<Record<string, (column: string) => string>> = {
  number: (column) => column,
  integer: (column) => column,
  boolean: (column) => `${column}::BOOLEAN`,
  timestamp: (column) => `make_timestamp((${column} * 1000)::BIGINT)`,
}

/**
 * Writes columns that a function of the user made as a table of a schema: numbers, dates (milliseconds since 1970) and
 * booleans (0 and 1, or truth values) as numbers, texts and whole numbers of any size as texts; NaN and null are
 * missing.
 * @param made what the function gave back
 * @param what what messages call the table
 * @param file where it is written, parquet
 * @returns its rows
 * @throws SlipwayError TABLE_SCHEMA
 */
export async function writeColumns(made: unknown, schema: RowSchema, what: string, file: string): Promise<number> {
  const columns = requireColumns(made, schema, what)
  const [first] = schema as [ColumnRule]
  const rows = columns[first.name]?.length as number
  await withDuckDb(1, async (connection) => {
    await append(connection, columns, schema, rows, what)
    const select = schema.map((rule) => `${typedValue(rule)} AS ${name(rule.name)}`)
    await connection.run(
      `COPY (SELECT ${select.join(', ')} FROM made) TO ${text(file)} (FORMAT parquet, COMPRESSION zstd)`,
    )
  })
  return rows
}

type Made = Readonly<Record<string, ArrayLike<unknown>>>

/** @throws SlipwayError TABLE_SCHEMA */
function requireColumns(made: unknown, schema: RowSchema, what: string): Made {
  const isColumn = (value: unknown): value is ArrayLike<unknown> =>
    Array.isArray(value) || (ArrayBuffer.isView(value) && !(value instanceof DataView))
  if (typeof made !== 'object' || made === null || isColumn(made))
    throw wrong(`${what} is made of ${wordOf(made)}, not of columns`, 'return { name: [values], … }, a column a name')
  const columns = Object.entries(made).map(([name, column]) => ({ name, type: isColumn(column) ? '' : wordOf(column) }))
  requireColumnsOf(schema, columns, what, (_, type) => type === '')
  const all = made as Made
  const rows = Object.values(all)[0]?.length
  for (const [column, values] of Object.entries(all))
    if (values.length !== rows)
      throw wrong(
        `${what} has ${rows} values in "${Object.keys(all)[0]}" and ${values.length} in "${column}"`,
        'return columns of one length',
      )
  return all
}

const wrong = (message: string, next: string): SlipwayError => new SlipwayError('TABLE_SCHEMA', message, { next })

function wordOf(value: unknown): string {
  if (value === null || value === undefined) return 'nothing'
  if (value instanceof Promise) return 'a Promise'
  return Array.isArray(value) ? 'a list' : `a ${typeof value}`
}

/** Fills the temporary table `made`, two thousand rows at a time. */
async function append(
  connection: DuckDBConnection,
  columns: Made,
  schema: RowSchema,
  rows: number,
  what: string,
): Promise<void> {
  const types = schema.map((rule) => (isText(rule) ? VARCHAR : DOUBLE))
  const declared = schema.map((rule, i) => `${name(rule.name)} ${types[i]}`)
  await connection.run(`CREATE TEMP TABLE made (${declared.join(', ')})`)
  const appender = await connection.createAppender('made')
  for (let at = 0; at < rows; at += vectorRows) {
    const chunk = DuckDBDataChunk.create(types, Math.min(vectorRows, rows - at))
    for (const [i, rule] of schema.entries()) {
      const column = columns[rule.name] as ArrayLike<unknown>
      const read = isText(rule) ? asText : asNumber
      const values = Array.from({ length: chunk.rowCount }, (_, n) => {
        const value = read(column[at + n], rule)
        if (value !== undefined) return value
        const shown = JSON.stringify(column[at + n]) ?? String(column[at + n])
        const says = `in "${rule.name}" at row ${at + n + 1}, the schema says ${rule.type}`
        throw new SlipwayError('TABLE_SCHEMA', `${what} holds ${wordOf(column[at + n])} ${says}`, {
          inFull: rule.masked === true ? undefined : `${what} holds ${shown} ${says}`,
          next: hintOf(rule),
        })
      })
      chunk.setColumnValues(i, values)
    }
    appender.appendDataChunk(chunk)
  }
  appender.closeSync()
}

const hintOf = ({ type }: ColumnRule): string =>
  type === 'timestamp'
    ? 'return milliseconds since 1970'
    : type === 'bigint'
      ? 'return its digits as text'
      : 'return values of that type'

/** Undefined for what is no text. */
function asText(value: unknown): string | null | undefined {
  if (value === null || value === undefined) return null
  return typeof value === 'string' ? value : undefined
}

/** Undefined for what is no value of a column that numbers are written to. */
function asNumber(value: unknown, { type }: ColumnRule): number | null | undefined {
  if (value === null || value === undefined || Number.isNaN(value)) return null
  if (type === 'boolean') return value === true || value === 1 ? 1 : value === false || value === 0 ? 0 : undefined
  if (typeof value !== 'number') return undefined
  return type === 'timestamp' && !(Math.abs(value) <= latestTime) ? undefined : value
}

/** A column of `made` in the type of its rule. */
function typedValue(rule: ColumnRule): string {
  const column = name(rule.name)
  return isText(rule) ? column : (fromNumber[rule.type]?.(column) ?? column)
}
