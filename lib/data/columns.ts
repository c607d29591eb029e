import type { DuckDBConnection, DuckDBDataChunk, DuckDBVector } from '@duckdb/node-api'
import type { Column } from '../formats/columns.ts'
import { isText, type RowSchema } from '../formats/row-schema.ts'
import { textColumn } from '../formats/texts.ts'
import { name, text } from './duckdb.ts'
import { typedSelect } from './select.ts'
import type { LocalTable } from './table.ts'

/** Rows a chunk holds at most. */
const chunkRows = 65_536
/** Values a chunk holds: a wide table is read a few thousand rows at a time. */
const chunkValues = 8_000_000
/** Rows of a vector of DuckDB's: what comes at once. */
const vectorRows = 2_048

/** Rows of a chunk of a table with so many columns. */
const rowsAtOnce = (columns: number): number =>
  Math.max(vectorRows, Math.min(chunkRows, Math.floor(chunkValues / columns)))

/**
 * Reads columns of a table in chunks of some ten thousand rows, without row objects: numbers, dates (milliseconds since
 * 1970) and booleans as typed arrays, text as strings. A nullable boolean is a Float64Array with NaN.
 */
export async function* readColumns(
  connection: DuckDBConnection,
  table: LocalTable,
  columns: RowSchema,
): AsyncGenerator<Record<string, Column>> {
  yield* readWith(
    connection,
    `(${await typedSelect(connection, table)})`,
    table.rows,
    columns.map((rule) => ({ rule, values: undefined })),
  )
}

/** The most different values of a text column that are looked for. */
const mostValues = 65_536

/** What texts occur in a column, sorted; undefined where they are too many to be worth knowing. */
export type TextValues = { readonly values: readonly string[]; readonly hasNull: boolean } | undefined

/** The ENUM of a column's texts. */
export function textType(column: string): string {
  return name(`text:${column}`)
}

/** Finds the different texts of columns of a relation, and makes a column's, where there are some, its `textType`. */
export async function textValues(
  connection: DuckDBConnection,
  relation: string,
  columns: readonly string[],
): Promise<ReadonlyMap<string, TextValues>> {
  const found = new Map<string, TextValues>()
  for (const column of columns) {
    const result = await connection.runAndReadAll(
      `SELECT DISTINCT ${name(column)}::VARCHAR FROM ${relation} LIMIT ${mostValues + 2}`,
    )
    const all = (result.getColumns()[0] ?? []) as (string | null)[]
    const values = all.filter((value) => value !== null).sort()
    const isKnown = values.length <= mostValues
    found.set(column, isKnown ? { values, hasNull: values.length < all.length } : undefined)
    if (isKnown && values.length > 0)
      await connection.run(`CREATE TEMP TYPE ${textType(column)} AS ENUM (${values.map(text).join(', ')})`)
  }
  return found
}

/**
 * Reads columns of a table in memory as `readColumns` does. Text whose values are known is read by their numbers,
 * several times quicker: each value is made once.
 */
export function readMemory(
  connection: DuckDBConnection,
  table: string,
  rows: number,
  columns: RowSchema,
  texts: ReadonlyMap<string, TextValues>,
): AsyncGenerator<Record<string, Column>> {
  return readWith(
    connection,
    table,
    rows,
    columns.map((rule) => ({ rule, values: texts.get(rule.name)?.values })),
  )
}

/** A column to read; text whose values are known is read by their numbers. */
interface ReadColumn {
  readonly rule: RowSchema[number]
  readonly values: readonly string[] | undefined
}

/**
 * A column of numbers, dates or booleans as a DOUBLE, what is missing as NaN: vectors without nulls can be copied as
 * they lie.
 */
export function numberOf(rule: RowSchema[number]): string {
  const column = name(rule.name)
  return `coalesce(${rule.type === 'timestamp' ? `epoch_ms(${column})` : column}::DOUBLE, 'NaN'::DOUBLE)`
}

function selected({ rule, values }: ReadColumn): string {
  const column = name(rule.name)
  if (!isText(rule)) return numberOf(rule)
  if (values === undefined) return column
  return values.length === 0 ? '0' : `coalesce(enum_code(${column}::${textType(rule.name)})::INTEGER, ${values.length})`
}

/** @param rows how many there are; another count is an error */
async function* readWith(
  connection: DuckDBConnection,
  relation: string,
  rows: number,
  columns: readonly ReadColumn[],
): AsyncGenerator<Record<string, Column>> {
  // Nothing else may use this connection meanwhile: an appender's flush would end the stream without an error.
  const result = await connection.stream(`SELECT ${columns.map(selected).join(', ')} FROM ${relation}`)
  const most = rowsAtOnce(columns.length)
  // A chunk's rows may go past the rows wanted by a vector's.
  const room = Math.min(most, rows) + vectorRows
  const gatherers = columns.map((column) => gatherer(column, room))
  let gathered = 0
  let total = 0
  for (;;) {
    const chunk = await result.fetchChunk()
    const done = chunk === null || chunk.rowCount === 0
    if (!done) {
      for (const [i, { add }] of gatherers.entries()) add(chunk, i, gathered)
      gathered += chunk.rowCount
      total += chunk.rowCount
    }
    if (gathered > 0 && (done || gathered >= most)) {
      yield Object.fromEntries(gatherers.map(({ take }, i) => [(columns[i] as ReadColumn).rule.name, take(gathered)]))
      gathered = 0
    }
    if (done) break
  }
  if (total !== rows) throw new Error(`read ${total} rows of ${rows}: the stream ended early`)
}

/**
 * Gathers a column of chunks: `add` puts the column with a number behind the rows there are, `take` gives them and
 * begins anew.
 */
interface Gatherer {
  add(chunk: DuckDBDataChunk, column: number, at: number): void
  take(rows: number): Column
}

/** @param room rows it must hold */
function gatherer({ rule, values }: ReadColumn, room: number): Gatherer {
  if (!isText(rule)) {
    const numbers = new Float64Array(room)
    const isFlag = rule.type === 'boolean' && !rule.nullable
    return {
      add: (chunk, column, at) => copyNumbers(chunk.getColumnVector(column), numbers, at),
      take: (rows) => (isFlag ? Uint8Array.from(numbers.subarray(0, rows)) : numbers.slice(0, rows)),
    }
  }
  if (values === undefined) {
    let texts: (string | null)[] = []
    return {
      add(chunk, column) {
        for (const value of chunk.getColumnValues(column)) texts.push(value as string | null)
      },
      take() {
        const taken = texts
        texts = []
        return taken
      },
    }
  }
  const numbers = new Int32Array(room)
  const all = [...values, null]
  return {
    add: (chunk, column, at) => copyNumbers(chunk.getColumnVector(column), numbers, at),
    take: (rows) => textColumn({ values: all, numbers: numbers.slice(0, rows) }),
  }
}

/** Copies a vector without nulls: as it lies, where the library has it as we do, else value by value. */
function copyNumbers(vector: DuckDBVector, into: Float64Array | Int32Array, at: number): void {
  const { items } = vector as { items?: unknown }
  if (items instanceof Float64Array || items instanceof Int32Array) into.set(items, at)
  else for (let i = 0; i < vector.itemCount; i++) into[at + i] = vector.getItem(i) as number
}
