import type { TableFile } from '../lib/data/table-file.ts'
import { fetchFile } from '../lib/sources/fetch-file.ts'
import type { FoundFile, Source } from '../lib/sources/source.ts'
import type { FoundSource } from '../lib/sources/take.ts'
import type { Store } from '../lib/store/store.ts'

/** The largest file of another machine that is fetched only to look at its beginning, bytes. */
const mostBytes = 64 << 20

/** The files of a source that a plan is tried on. */
export interface FirstFiles {
  /** What messages call the source. */
  readonly from: string
  /** None where looking would mean fetching much. */
  readonly files: readonly TableFile[]
  /** Whether the source has others. */
  readonly isPart: boolean
}

/** Files of this machine all; of others the first that holds something, if it is small. It is fetched once. */
export async function firstFiles(store: Store, { from, source, files }: FoundSource): Promise<FirstFiles> {
  const here = files.flatMap((file) => {
    const path = source.localPath?.(file)
    return path === undefined ? [] : [tableFileOf(file, path)]
  })
  if (here.length === files.length) return { from, files: here, isPart: false }
  const first = files.find(({ size }) => size !== 0)
  if (first === undefined || first.size === null || first.size > mostBytes) return { from, files: [], isPart: true }
  return { from, files: [await copyOf(store, source, first)], isPart: files.length > 1 }
}

/** All files of a source, on this machine. */
export function allFiles(store: Store, { source, files }: FoundSource): Promise<TableFile[]> {
  return Promise.all(files.map((file) => copyOf(store, source, file)))
}

async function copyOf(store: Store, source: Source, file: FoundFile): Promise<TableFile> {
  const path = source.localPath?.(file) ?? (await fetchFile(store, source, file)).path
  return tableFileOf(file, path)
}

const tableFileOf = ({ name, compression, partition }: FoundFile, path: string): TableFile => ({
  path,
  name,
  ...(compression === 'none' ? {} : { compression }),
  ...(Object.keys(partition).length === 0 ? {} : { partition }),
})
