import type { DuckDBConnection } from '@duckdb/node-api'
import { hasMaskedColumn, type RowSchema } from '../formats/row-schema.ts'
import { rowsOf, text } from './duckdb.ts'

const key = 'slipway_masked'

/** A parquet file says which of its columns are masked, so that whoever shows its rows knows. SQL, behind a comma. */
export function maskedOption(schema: RowSchema): string {
  if (!hasMaskedColumn(schema)) return ''
  const names = schema.flatMap(({ name, masked }) => (masked === true ? [name] : []))
  return `, KV_METADATA {${key}: ${text(JSON.stringify(names))}}`
}

/** The masked columns of a parquet file that says so. */
export async function maskedColumnsOf(connection: DuckDBConnection, path: string): Promise<readonly string[]> {
  const [found] = await rowsOf(
    connection,
    `SELECT decode(value) AS names FROM parquet_kv_metadata(${text(path)}) WHERE decode(key) = ${text(key)}`,
  )
  return found === undefined ? [] : (JSON.parse(String(found.names)) as string[])
}
