import type { DuckDBConnection } from '@duckdb/node-api'
import { addRepeated, brokenTable, findBroken, relationToCheck } from './broken-rows.ts'
import { rowsOf, text } from './duckdb.ts'
import { requireColumns } from './inspect.ts'
import { type LocalTable, openTable } from './table.ts'

/**
 * Writes the rows whose keys occurred before, in the order of files and rows, among those that keep the contract. A key
 * with a part that is missing is like no other.
 * @returns how many
 */
export async function writeDuplicates(
  connection: DuckDBConnection,
  table: LocalTable,
  keys: readonly string[],
  file: string,
): Promise<number> {
  const open = await openTable(connection, table)
  await requireColumns(connection, open, keys)
  const relation = await relationToCheck(connection, open, keys)
  const rules = await findBroken(connection, relation)
  await addRepeated(connection, relation, rules, keys)
  await connection.run(
    `COPY (SELECT file, row FROM ${brokenTable} WHERE rule = ${rules.length - 1} ORDER BY file, row) TO ${text(file)} (FORMAT parquet)`,
  )
  const [row] = await rowsOf(connection, `SELECT count(*) AS rows FROM read_parquet(${text(file)})`)
  return Number(row?.rows)
}
