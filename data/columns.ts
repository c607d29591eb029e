import type { DuckDBConnection } from '@duckdb/node-api'
import type { Column } from '../pipelines/columns.ts'
import type { RowSchema } from '../pipelines/row-schema.ts'
import { name, text } from './duckdb.ts'
import { type LocalTable, typedSelect } from './table.ts'

/** Rows a chunk holds. */
export const chunkRows = 65_536

/**
 * Reads columns of a table in chunks of `chunkRows` rows, without row objects: numbers, dates (milliseconds since 1970) and
 * booleans as typed arrays, text as strings. A nullable boolean is a Float64Array with NaN.
 */
export function readColumns(
  connection: DuckDBConnection,
  table: LocalTable,
  columns: RowSchema,
): AsyncGenerator<Record<string, Column>> {
  return readWith(
    connection,
    `(${typedSelect(table)})`,
    table.rows,
    columns.map((rule) => ({ rule, values: undefined })),
  )
}

/** The most different values of a text column for which it is read by number. */
const mostValues = 65_536

/**
 * The same of a table in memory, which may be looked at twice: text with few different values is read as numbers of values that are
 * made once, several times quicker than text.
 */
export async function* readMemory(
  connection: DuckDBConnection,
  table: string,
  rows: number,
  columns: RowSchema,
): AsyncGenerator<Record<string, Column>> {
  const read: ReadColumn[] = []
  for (const [i, rule] of columns.entries()) {
    const values = rule.type === 'string' ? await distinctValues(connection, table, rule.name) : undefined
    if (values !== undefined && values.length > 0)
      await connection.run(`CREATE OR REPLACE TYPE values_${i} AS ENUM (${values.map(text).join(', ')})`)
    read.push({ rule, values })
  }
  yield* readWith(connection, table, rows, read)
}

async function distinctValues(
  connection: DuckDBConnection,
  table: string,
  column: string,
): Promise<readonly string[] | undefined> {
  const found = await connection.runAndReadAll(
    `SELECT DISTINCT ${name(column)} FROM ${table} WHERE ${name(column)} IS NOT NULL LIMIT ${mostValues + 1}`,
  )
  const values = found.getColumns()[0] as string[] | undefined
  return (values?.length ?? 0) > mostValues ? undefined : (values ?? [])
}

/** A column to read; text whose values are known is read by their numbers. */
interface ReadColumn {
  readonly rule: RowSchema[number]
  readonly values: readonly string[] | undefined
}

function selected({ rule, values }: ReadColumn, i: number): string {
  const column = name(rule.name)
  if (rule.type === 'timestamp') return `epoch_ms(${column})::DOUBLE`
  if (rule.type !== 'string') return `${column}::DOUBLE`
  if (values === undefined) return column
  return values.length === 0 ? '-1' : `coalesce(enum_code(${column}::values_${i})::INTEGER, -1)`
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
  let vectors: (readonly unknown[])[][] = columns.map(() => [])
  let gathered = 0
  let total = 0
  for (;;) {
    const chunk = await result.fetchChunk()
    const done = chunk === null || chunk.rowCount === 0
    if (!done) {
      for (const [i, vector] of vectors.entries()) vector.push(chunk.getColumnValues(i))
      gathered += chunk.rowCount
      total += chunk.rowCount
    }
    if (gathered >= chunkRows || (done && gathered > 0)) {
      yield Object.fromEntries(
        columns.map((column, i) => [column.rule.name, toColumn(column, vectors[i] ?? [], gathered)]),
      )
      vectors = columns.map(() => [])
      gathered = 0
    }
    if (done) break
  }
  if (total !== rows) throw new Error(`read ${total} rows of ${rows}: the stream ended early`)
}

function toColumn({ rule, values }: ReadColumn, vectors: readonly (readonly unknown[])[], rows: number): Column {
  if (rule.type === 'string') {
    const texts = new Array<string | null>(rows)
    let row = 0
    for (const vector of vectors)
      for (const value of vector)
        texts[row++] = values === undefined ? (value as string | null) : (values[value as number] ?? null)
    return texts
  }
  const column = rule.type === 'boolean' && !rule.nullable ? new Uint8Array(rows) : new Float64Array(rows)
  let at = 0
  for (const vector of vectors)
    for (const value of vector) column[at++] = value === null ? Number.NaN : (value as number)
  return column
}
