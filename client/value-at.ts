import { rowsOf, text, withDuckDb } from '../lib/data/duckdb.ts'
import { maskedColumnsOf } from '../lib/data/masked-columns.ts'
import { brief } from '../lib/formats/brief.ts'
import type { Cell } from '../lib/formats/errors.ts'
import { localFile } from '../lib/store/objects.ts'
import type { StoreContext } from './context.ts'

/** Of a long value the beginning is shown. */
const mostShown = 200

/**
 * The value that an error is about, read from the rows that were set aside by whoever may read the store.
 * @returns undefined where it cannot be read, or its column is masked
 */
export async function valueAt(
  { store }: StoreContext,
  { table, file, row, column }: Cell,
): Promise<string | undefined> {
  const path = await localFile(store, table).catch(() => undefined)
  if (path === undefined) return undefined
  return withDuckDb(1, async (connection) => {
    const masked = await maskedColumnsOf(connection, path)
    const columns = column.split(', ')
    if (columns.some((each) => masked.includes(each))) return undefined
    const where = `source_row = ${Math.floor(row)}${file === undefined ? '' : ` AND source_file = ${text(file)}`}`
    const [found] = await rowsOf(connection, `SELECT * FROM read_parquet(${text(path)}) WHERE ${where} LIMIT 1`)
    if (found === undefined) return undefined
    const values = columns
      .map((each) => found[each])
      .map((value) => (value instanceof Date ? value.toISOString() : value))
    return brief(values.map((value) => JSON.stringify(value ?? null)).join(', '), mostShown)
  })
}
