import { type ColumnRule, isText } from '../formats/row-schema.ts'
import { name, text, withDuckDb } from './duckdb.ts'
import { typedSelect } from './select.ts'
import type { LocalTable } from './table.ts'

/** What programs read and write tables as. */
export type ProgramFormat = 'csv' | 'parquet'

/**
 * Writes a table for a program, its rows in their order. What is missing is null in parquet and empty in CSV, where
 * commas part cells and the first line names them; numbers are written so that who reads them as float64 has what they
 * were, times as ISO 8601 in UTC with milliseconds.
 */
export async function writeTable(table: LocalTable, format: ProgramFormat, file: string): Promise<void> {
  await withDuckDb(1, async (connection) => {
    const select = await typedSelect(connection, table)
    const cells = table.schema.map((rule) => `${format === 'csv' ? cell(rule) : name(rule.name)} AS ${name(rule.name)}`)
    const options =
      format === 'csv' ? "FORMAT csv, HEADER, DELIMITER ',', NULLSTR ''" : 'FORMAT parquet, COMPRESSION zstd'
    await connection.run(`COPY (SELECT ${cells.join(', ')} FROM (${select})) TO ${text(file)} (${options})`)
  })
}

/** A value of a column as text. */
function cell(rule: ColumnRule): string {
  const column = name(rule.name)
  if (isText(rule)) return column
  if (rule.type === 'timestamp') return `strftime(${column}, '%Y-%m-%dT%H:%M:%S.%gZ')`
  if (rule.type === 'boolean') return `${column}::VARCHAR`
  // Whole numbers as such: DuckDB would write 3 as 3.0.
  const isWhole = `${column} = trunc(${column}) AND abs(${column}) < 1e15 AND NOT (${column} = 0 AND signbit(${column}))`
  return `CASE WHEN ${isWhole} THEN ${column}::BIGINT::VARCHAR ELSE ${column}::VARCHAR END`
}
