import { tmpdir } from 'node:os'
import { firstFiles } from '../../client/first-files.ts'
import type { TableFile } from '../../lib/data/table-file.ts'
import { openSources } from '../../lib/sources/open-sources.ts'
import { findSource } from '../../lib/sources/take.ts'
import { createStore } from '../../lib/store/store.ts'

/** A store that is not there: whoever asks it fails. */
export const noStore = createStore({
  endpoint: 'http://127.0.0.1:1',
  bucket: 'none',
  region: 'us-east-1',
  cacheFolder: tmpdir(),
  credentials: { accessKeyId: 'a', secretAccessKey: 'b' },
})

/** The files of a project that a path, a folder or a glob names, as tables are read from them. */
export async function sourceFiles(root: string, from: string): Promise<readonly TableFile[]> {
  const found = await findSource(openSources(noStore, { root, confined: false }), { from })
  return (await firstFiles(noStore, found)).files
}
