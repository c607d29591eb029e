import type { Shard } from './batch-records.ts'

/** Rows a shard should have at least: a second of work or so, against some hundredths for its records. */
export const shardRows = 262_144

/**
 * Cuts a file into shards of whole row groups, so that no two read the same group. The last one takes what is left
 * over.
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

/** The folder of rows whose value is missing, as Hive and all who write like it name it. */
const missing = '__HIVE_DEFAULT_PARTITION__'

/**
 * Columns that the folders of a path name, as Hive writes them: `region=EU/day=1/x.parquet`. Null where the value is
 * missing.
 */
export function partitionOf(path: string): Record<string, string | null> {
  const folders = path.split('/').slice(0, -1)
  return Object.fromEntries(
    folders.flatMap((folder) => {
      const at = folder.indexOf('=')
      if (at <= 0) return []
      const value = folder.slice(at + 1)
      return [[unescaped(folder.slice(0, at)), value === missing ? null : unescaped(value)]]
    }),
  )
}

/** `a%20b` is `a b`; a percent sign that escapes nothing is itself. */
function unescaped(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text.replaceAll(/%[0-9a-fA-F]{2}/g, (code) => String.fromCharCode(Number.parseInt(code.slice(1), 16)))
  }
}
