import type { DuckDBConnection } from '@duckdb/node-api'
import { name, rowsOf, text } from './duckdb.ts'
import type { FoundColumn, FoundFiles, TableFile } from './table-file.ts'

/** Rows of one parquet file, from (inclusive) to (exclusive), from 0. */
export interface RowRange {
  readonly from: number
  readonly to: number
}

const list = (files: readonly TableFile[]): string => `[${files.map(({ path }) => text(path)).join(', ')}]`

/**
 * Parquet files as relations, each by its own footer: read together, the first one's types would decide for all.
 * Neighbours with the same columns are one relation.
 */
export async function readParquet(
  connection: DuckDBConnection,
  files: readonly TableFile[],
  range: RowRange | undefined,
): Promise<FoundFiles[]> {
  const counts = await rowsOf(
    connection,
    `SELECT file_name, num_rows AS rows FROM parquet_file_metadata(${list(files)})`,
  )
  const rows = new Map(counts.map((row) => [row.file_name as string, Number(row.rows)]))
  const schemas = await rowsOf(
    connection,
    `SELECT file_name, string_agg(concat_ws(' ', name, type, converted_type, logical_type, num_children, scale, precision), '\n') AS schema FROM parquet_schema(${list(files)}) GROUP BY file_name`,
  )
  const schemaOf = new Map(schemas.map((row) => [row.file_name as string, row.schema as string]))
  const groups: { schema: string; first: number; files: TableFile[] }[] = []
  for (const [i, file] of files.entries()) {
    const schema = `${schemaOf.get(file.path)}\n${JSON.stringify(file.partition ?? {})}`
    const last = groups.at(-1)
    if (last?.schema === schema) last.files.push(file)
    else groups.push({ schema, first: i, files: [file] })
  }
  return Promise.all(groups.map((group) => relationOf(connection, group, rows, range)))
}

async function relationOf(
  connection: DuckDBConnection,
  { first, files }: { first: number; files: readonly TableFile[] },
  rows: ReadonlyMap<string, number>,
  range: RowRange | undefined,
): Promise<FoundFiles> {
  const described = await rowsOf(connection, `DESCRIBE SELECT * FROM read_parquet(${text(files[0]?.path as string)})`)
  const own = await ownNames(connection, files[0] as TableFile)
  const columns = new Map<string, FoundColumn>()
  for (const [i, row] of described.entries())
    columns.set(own[i] ?? (row.column_name as string), {
      sql: name(row.column_name as string),
      type: row.column_type as string,
      carrier: 'typed',
    })
  const where = range === undefined ? '' : ` WHERE file_row_number >= ${range.from} AND file_row_number < ${range.to}`
  const number =
    files.length === 1 ? String(first) : `(${first} + list_position(${list(files)}, filename) - 1)::INTEGER`
  return {
    from: `(SELECT *, ${number} AS "file:", file_row_number + 1 AS "row:", NULL::VARCHAR AS "problem:" FROM read_parquet(${list(files)}, hive_partitioning = false, file_row_number = true${files.length > 1 ? ', filename = true' : ''})${where})`,
    columns,
    rows: range === undefined ? files.reduce((sum, { path }) => sum + (rows.get(path) ?? 0), 0) : range.to - range.from,
    files,
  }
}

/** The columns' names as the file has them, in their order: DuckDB numbers those that differ by case only. */
async function ownNames(connection: DuckDBConnection, file: TableFile): Promise<string[]> {
  const elements = await rowsOf(
    connection,
    `SELECT name, coalesce(num_children, 0) AS children FROM parquet_schema(${text(file.path)})`,
  )
  const names: string[] = []
  // Depth first: what belongs to a nested column is passed over.
  const skip = (at: number): number => {
    let next = at + 1
    for (let i = 0; i < Number(elements[at]?.children); i++) next = skip(next)
    return next
  }
  for (let at = 1; at < elements.length; at = skip(at)) names.push(String(elements[at]?.name))
  return names
}
