import { SlipwayError } from '../../formats/errors.ts'
import type { Place } from './places.ts'

/*
 * A folder on a disk. Nothing of Node's is imported, for browsers load this module too: Node is asked for it.
 */

type Files = Pick<typeof import('node:fs/promises'), 'open' | 'mkdir' | 'readFile' | 'readdir' | 'rename' | 'rm'>
interface Node {
  getBuiltinModule(name: 'node:fs/promises'): Files
  getBuiltinModule(name: 'node:url'): typeof import('node:url')
  readonly pid: number
}

const node = (): Node => {
  const found = (globalThis as { process?: Partial<Node> }).process
  if (typeof found?.getBuiltinModule === 'function') return found as Node
  throw new SlipwayError('USAGE', 'a folder without an address needs Node 20.16, 22.3 or later')
}

export function nodePlace(folder: string | URL): Place {
  const { open, mkdir, readFile, readdir, rename, rm } = node().getBuiltinModule('node:fs/promises')
  const { fileURLToPath } = node().getBuiltinModule('node:url')
  const base = String(folder).startsWith('file:') ? fileURLToPath(folder) : String(folder)
  const updates = `${base}/updates`
  return {
    shipped: (name) =>
      readFile(`${base}/${name}`).catch((error: Error) => {
        throw new SlipwayError('OBJECT_MISSING', `${base}/${name} cannot be read: ${error.message}`)
      }),
    kept: (name) => readFile(`${updates}/${name}`).catch(() => undefined),
    // Written beside it, flushed and renamed: killed at any moment, the name has all of the bytes or none.
    async keep(name, bytes) {
      await mkdir(updates, { recursive: true })
      const partial = `${updates}/${name}.${node().pid}.partial`
      const file = await open(partial, 'w')
      try {
        await file.writeFile(bytes)
        await file.sync()
      } finally {
        await file.close()
      }
      await rename(partial, `${updates}/${name}`)
    },
    async prune(names) {
      for (const name of await readdir(updates).catch(() => []))
        if (!names.has(name)) await rm(`${updates}/${name}`, { force: true })
    },
  }
}
