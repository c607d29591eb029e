import { join } from 'node:path'
import { withDuckDb } from '../../data/duckdb.ts'
import { writeDuplicates } from '../../data/duplicates.ts'
import { dialectOf } from '../../data/local-table.ts'
import type { TableFile } from '../../data/table-file.ts'
import { type ArtifactRef, mediaTypes } from '../../formats/artifact.ts'
import type { BatchPolicy } from '../../formats/batch-policy.ts'
import type { BatchFile, Shard } from '../../formats/batch-records.ts'
import type { RowSchema } from '../../formats/row-schema.ts'
import { cutShards } from '../../formats/shards.ts'
import { fetchInput } from '../../sources/inputs.ts'
import { rowGroupsOf } from '../../sources/row-groups.ts'
import { putFile } from '../../store/objects.ts'
import type { Store } from '../../store/store.ts'

/** Footers read at once. */
const footersAtOnce = 32

/**
 * The files that hold something, and the shards they are cut into: text by file, parquet by row groups, of which only
 * footers are read.
 */
export async function cutInputs(
  store: Store,
  { format }: BatchPolicy,
  inputs: readonly BatchFile[],
): Promise<{ files: BatchFile[]; shards: Shard[] }> {
  const files: BatchFile[] = []
  const shards: Shard[] = []
  const whole = inputs.filter(({ size }) => size > 0)
  for (let at = 0; at < whole.length; at += footersAtOnce) {
    const some = whole.slice(at, at + footersAtOnce)
    const groups = format === 'parquet' ? await Promise.all(some.map((file) => rowGroupsOf(store, file))) : []
    for (const [i, file] of some.entries()) {
      const own = groups[i]
      shards.push(...(own === undefined ? [{ file: files.length, from: 0, to: null }] : cutShards(files.length, own)))
      files.push(own === undefined ? file : { ...file, rows: own.reduce((sum, rows) => sum + rows, 0) })
    }
  }
  return { files, shards }
}

/**
 * Finds rows whose keys occurred before, over all files, among the rows that keep the model's contract; null where
 * there are none, or no keys.
 * @throws SlipwayError COLUMN_MISSING, COLUMN_TYPE, SOURCE_UNREADABLE
 */
export async function findDuplicates(
  store: Store,
  policy: BatchPolicy,
  files: readonly BatchFile[],
  schema: RowSchema,
  folder: string,
): Promise<ArtifactRef | null> {
  if (policy.keys.length === 0) return null
  const local: TableFile[] = []
  for (const file of files) {
    const { path } = await fetchInput(store, file)
    local.push({ path, name: file.uri, compression: file.compression, partition: file.partition })
  }
  const table = { files: local, format: policy.format, dialect: dialectOf(policy), schema, rows: 0 }
  const found = join(folder, 'duplicates.parquet')
  const count = await withDuckDb(1, (connection) => writeDuplicates(connection, table, policy.keys, found))
  return count === 0 ? null : putFile(store, found, mediaTypes.parquet)
}
