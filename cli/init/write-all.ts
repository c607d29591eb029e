import { mkdir, readFile, rm, rmdir, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'

/**
 * Writes files, all or none: what was written before one that fails is taken back, folders too.
 * @param files texts or bytes by their paths from the folder
 */
export async function writeAll(root: string, files: ReadonlyMap<string, string | Uint8Array>): Promise<void> {
  const undo: (() => Promise<unknown>)[] = []
  try {
    for (const [file, content] of files) {
      const path = join(root, file)
      const before = await readFile(path).catch(() => undefined)
      const made = await mkdir(dirname(path), { recursive: true })
      if (made !== undefined) undo.push(() => removeFolders(dirname(path), dirname(made)))
      undo.push(() => (before === undefined ? rm(path, { force: true }) : writeFile(path, before)))
      await writeFile(path, content)
    }
  } catch (error) {
    for (const back of undo.reverse()) await back().catch(() => {})
    throw error
  }
}

/** Removes empty folders upwards, from one to the one below another. */
async function removeFolders(from: string, below: string): Promise<void> {
  for (let folder = from; folder !== below && folder !== dirname(folder); folder = dirname(folder)) await rmdir(folder)
}
