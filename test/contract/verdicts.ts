import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { brokenTable, findBroken, mistypedIn } from '../../lib/data/broken-rows.ts'
import { rowsOf, withDuckDb } from '../../lib/data/duckdb.ts'
import { selectOf } from '../../lib/data/select.ts'
import { type LocalTable, openTable } from '../../lib/data/table.ts'
import type { RowSchema } from '../../lib/formats/row-schema.ts'

/** The numbers (from 0) of the rows of one file that a scan sets aside. */
export async function brokenRows(
  table: Pick<LocalTable, 'files' | 'format'>,
  schema: RowSchema,
): Promise<ReadonlySet<number>> {
  return withDuckDb(1, async (connection) => {
    const open = await openTable(connection, { ...table, schema })
    await findBroken(connection, {
      sql: `(${selectOf(open, { raw: true, position: true })})`,
      schema,
      mistyped: mistypedIn(open),
      mayHaveProblems: table.format !== 'parquet',
    })
    const rows = await rowsOf(connection, `SELECT DISTINCT row FROM ${brokenTable}`)
    return new Set(rows.map(({ row }) => Number(row) - 1))
  })
}

/** One column of values as lines of JSON. */
export function jsonFile(folder: string, values: readonly unknown[]): string {
  const file = join(folder, `${Math.random().toString(36).slice(2)}.json`)
  writeFileSync(file, values.map((x) => `${JSON.stringify({ x })}\n`).join(''))
  return file
}

/** One column of cells as CSV, every one quoted. */
export function csvFile(folder: string, cells: readonly string[]): string {
  const file = join(folder, `${Math.random().toString(36).slice(2)}.csv`)
  writeFileSync(file, `"x","y"\n${cells.map((cell) => `"${cell.replaceAll('"', '""')}",1\n`).join('')}`)
  return file
}

/** One column of numbers, NaN and infinities too, as parquet. */
export async function parquetFile(
  folder: string,
  values: readonly number[],
  type: 'DOUBLE' | 'FLOAT',
): Promise<string> {
  const file = join(folder, `${Math.random().toString(36).slice(2)}.parquet`)
  const texts = csvFile(folder, values.map(String))
  await withDuckDb(1, async (connection) => {
    await connection.run(
      `COPY (SELECT x::${type} AS x FROM read_csv('${texts}', header = true, all_varchar = true)) TO '${file}' (FORMAT parquet)`,
    )
  })
  return file
}
