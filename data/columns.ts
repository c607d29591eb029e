import type { DuckDBConnection } from '@duckdb/node-api'
import type { Column } from '../pipelines/columns.ts'
import type { RowSchema } from '../pipelines/row-schema.ts'
import { name } from './duckdb.ts'
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
  return readRelation(connection, `(${typedSelect(table)})`, table.rows, columns)
}

/**
 * The same of anything that can stand behind FROM and has the columns with their types.
 * @param rows how many there are; another count is an error
 */
export async function* readRelation(
  connection: DuckDBConnection,
  relation: string,
  rows: number,
  columns: RowSchema,
): AsyncGenerator<Record<string, Column>> {
  const select = columns.map((rule) => {
    if (rule.type === 'timestamp') return `epoch_ms(${name(rule.name)})::DOUBLE`
    return rule.type === 'string' ? name(rule.name) : `${name(rule.name)}::DOUBLE`
  })
  // Nothing else may use this connection meanwhile: an appender's flush would end the stream without an error.
  const result = await connection.stream(`SELECT ${select.join(', ')} FROM ${relation}`)
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
      yield Object.fromEntries(columns.map((rule, i) => [rule.name, toColumn(rule, vectors[i] ?? [], gathered)]))
      vectors = columns.map(() => [])
      gathered = 0
    }
    if (done) break
  }
  if (total !== rows) throw new Error(`read ${total} rows of ${rows}: the stream ended early`)
}

function toColumn(rule: RowSchema[number], vectors: readonly (readonly unknown[])[], rows: number): Column {
  if (rule.type === 'string') return vectors.flat() as (string | null)[]
  const column = rule.type === 'boolean' && !rule.nullable ? new Uint8Array(rows) : new Float64Array(rows)
  let at = 0
  for (const vector of vectors)
    for (const value of vector) column[at++] = value === null ? Number.NaN : (value as number)
  return column
}
