import { rowsOf, text, withDuckDb } from '../lib/data/duckdb.ts'
import { localFile } from '../lib/store/objects.ts'
import type { StoreContext } from './context.ts'

/** The first rows of an artifact that is a parquet file. @param digest all of it */
export async function readFirstRows({ store }: StoreContext, digest: string, most: number) {
  const file = await localFile(store, digest)
  return withDuckDb(1, (connection) =>
    rowsOf(connection, `SELECT * FROM read_parquet(${text(file)}) LIMIT ${Math.floor(most)}`),
  )
}
