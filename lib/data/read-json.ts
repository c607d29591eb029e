import type { DuckDBConnection } from '@duckdb/node-api'
import { rowsOf, text } from './duckdb.ts'
import { type FoundColumn, type FoundFiles, nameOf, type TableFile } from './table-file.ts'
import { scanJson } from './text-files.ts'

/** RFC 6901. */
const pointer = (key: string): string => `/${key.replaceAll('~', '~0').replaceAll('/', '~1')}`

/**
 * A JSON file as a relation: an array of objects, or an object behind the other. Values stay JSON, so that "1" is text
 * and 1 a number.
 * @throws SlipwayError SOURCE_UNREADABLE
 */
export async function readJson(connection: DuckDBConnection, file: TableFile, number: number): Promise<FoundFiles> {
  const { compression = 'none' } = file
  const { form, rows } = await scanJson({ path: file.path, name: nameOf(file), compression })
  const options = [
    `format = ${text(form === 'array' ? 'array' : 'newline_delimited')}`,
    `compression = ${text(compression === 'none' ? 'uncompressed' : compression)}`,
    'maximum_object_size = 268435456',
  ]
  const objects = `read_json_objects(${text(file.path)}, ${options.join(', ')})`
  const keys = await rowsOf(
    connection,
    `SELECT DISTINCT unnest(json_keys(json)) AS key FROM ${objects} WHERE json_type(json) = 'OBJECT' ORDER BY key`,
  )
  const columns = new Map<string, FoundColumn>()
  for (const [i, { key }] of keys.entries())
    columns.set(String(key), { sql: `"values:"[${i + 1}]`, type: '', carrier: 'json' })
  const values =
    keys.length === 0 ? 'NULL' : `json_extract(json, [${keys.map(({ key }) => text(pointer(String(key)))).join(', ')}])`
  return {
    from: `(SELECT ${values} AS "values:", ${number} AS "file:", row_number() OVER () AS "row:", CASE WHEN json_type(json) <> 'OBJECT' THEN 'no object: ' || left(json::VARCHAR, 1000) END AS "problem:" FROM ${objects})`,
    columns,
    rows,
    files: [file],
  }
}
