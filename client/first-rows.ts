import { problemIn } from '../lib/data/broken-rows.ts'
import { rowsOf, text, withDuckDb } from '../lib/data/duckdb.ts'
import { maskedColumnsOf } from '../lib/data/masked-columns.ts'
import { type Mask, readMask } from '../lib/store/mask.ts'
import { localFile } from '../lib/store/objects.ts'
import type { StoreContext } from './context.ts'

/**
 * Rows without the values of masked columns: the reasons of one that is broken as a whole hold all of it, and only what
 * stands before is said.
 */
const masked = (
  rows: readonly Record<string, unknown>[],
  columns: readonly string[],
  mask: Mask,
): Record<string, unknown>[] =>
  rows.map((row) => ({
    ...row,
    ...(typeof row.reasons === 'string' && isWhole(row.reasons) && { reasons: problemIn(row.reasons) }),
    ...Object.fromEntries(columns.map((name) => [name, row[name] == null ? null : mask(name, String(row[name]))])),
  }))

const isWhole = (reasons: string): boolean =>
  /^(text behind a closing quote|\d+ fields instead of \d+|no object): /.test(reasons)

/** The first rows of an artifact that is a parquet file. @param digest all of it */
export async function readFirstRows({ store }: StoreContext, digest: string, most: number) {
  const file = await localFile(store, digest)
  return withDuckDb(1, async (connection) => {
    const rows = await rowsOf(connection, `SELECT * FROM read_parquet(${text(file)}) LIMIT ${Math.floor(most)}`)
    const columns = await maskedColumnsOf(connection, file)
    return columns.length === 0 ? rows : masked(rows, columns, await readMask(store))
  })
}
