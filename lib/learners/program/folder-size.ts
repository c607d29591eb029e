import { lstat, readdir } from 'node:fs/promises'
import { join } from 'node:path'

/** Bytes of all files in a folder as they lie on the disk; files that go meanwhile do not count. */
export async function sizeOfFolder(folder: string): Promise<number> {
  let size = 0
  for (const entry of await readdir(folder, { withFileTypes: true }).catch(() => [])) {
    const path = join(folder, entry.name)
    if (entry.isDirectory()) size += await sizeOfFolder(path)
    else size += ((await lstat(path).catch(() => undefined))?.blocks ?? 0) * 512
  }
  return size
}
