import type { DuckDBConnection } from '@duckdb/node-api'
import { name, rowsOf, text, timestamp } from './duckdb.ts'
import { typedSelect } from './select.ts'
import type { LocalTable } from './table.ts'

/** The first and the last value of a time column, ms since 1970. */
export async function timeRange(
  connection: DuckDBConnection,
  table: Pick<LocalTable, 'files' | 'format' | 'schema'>,
  column: string,
): Promise<{ first: number; last: number }> {
  const [row] = await rowsOf(
    connection,
    `SELECT epoch_ms(min(${name(column)}))::DOUBLE AS first, epoch_ms(max(${name(column)}))::DOUBLE AS last FROM (${await typedSelect(connection, table)})`,
  )
  return { first: Number(row?.first), last: Number(row?.last) }
}

/** A sample of the rows between two times, ms since 1970: at most so many. */
export interface Sample {
  readonly column: string
  readonly between: readonly [from: number, to: number]
  readonly rows: number
}

/** Writes a sample of rows as parquet, oldest first; the same sample every time. @returns rows */
export async function sampleBetween(
  connection: DuckDBConnection,
  table: Pick<LocalTable, 'files' | 'format' | 'schema'>,
  { column, between: [from, to], rows }: Sample,
  file: string,
): Promise<number> {
  const stretch = `SELECT * FROM (${await typedSelect(connection, table)}) WHERE ${name(column)} >= ${timestamp(from)} AND ${name(column)} < ${timestamp(to)}`
  await connection.run(
    `COPY (SELECT * FROM (SELECT * FROM (${stretch}) USING SAMPLE reservoir(${rows} ROWS) REPEATABLE (7)) ORDER BY ${name(column)}) TO ${text(file)} (FORMAT parquet)`,
  )
  const [row] = await rowsOf(connection, `SELECT count(*) AS n FROM read_parquet(${text(file)})`)
  return Number(row?.n)
}

/** Writes a table with one numeric column turned around a value (x becomes `around` − x): sabotage, for drills. */
export async function turnColumn(
  connection: DuckDBConnection,
  table: Pick<LocalTable, 'files' | 'format' | 'schema'>,
  column: string,
  around: number,
  file: string,
): Promise<void> {
  await connection.run(
    `COPY (SELECT * REPLACE (${around} - ${name(column)} AS ${name(column)}) FROM (${await typedSelect(connection, table)})) TO ${text(file)} (FORMAT parquet)`,
  )
}
