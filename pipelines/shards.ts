import type { Shard } from './batch-records.ts'

/** Rows a shard should have at least: a second of work or so, against some hundredths for its records. */
export const shardRows = 262_144

/**
 * Cuts a file into shards of whole row groups, so that no two read the same group. The last one takes what is left over.
 * @param groups rows of each row group
 */
export function cutShards(file: number, groups: readonly number[], atLeast = shardRows): Shard[] {
  const shards: Shard[] = []
  let [from, to] = [0, 0]
  for (const rows of groups) {
    to += rows
    if (to - from < atLeast) continue
    shards.push({ file, from, to })
    from = to
  }
  if (to > from) {
    const last = shards.at(-1)
    // A remainder that is small goes with the one before.
    if (last !== undefined && to - from < atLeast / 4) shards[shards.length - 1] = { ...last, to }
    else shards.push({ file, from, to })
  }
  return shards
}

/** Columns that the folders of a path name, as Hive writes them: `region=EU/day=1/x.parquet`. */
export function partitionOf(path: string): Record<string, string> {
  const folders = path.split('/').slice(0, -1)
  return Object.fromEntries(
    folders.flatMap((folder) => {
      const at = folder.indexOf('=')
      return at <= 0 ? [] : [[folder.slice(0, at), decodeURIComponent(folder.slice(at + 1))]]
    }),
  )
}
