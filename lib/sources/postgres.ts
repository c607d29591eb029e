import { createReadStream } from 'node:fs'
import { mkdir, mkdtemp, rename, rm, stat } from 'node:fs/promises'
import { basename, join } from 'node:path'
import type { Digest } from '../formats/artifact.ts'
import { SlipwayError } from '../formats/errors.ts'
import { digestOfFile, hexOf } from '../store/digest.ts'
import { parseAddress, plainAddress } from './postgres/address.ts'
import { type PartLimits, readSnapshot } from './postgres/snapshot.ts'
import { sideBySide } from './side-by-side.ts'
import type { FoundFile, Source } from './source.ts'

/** Four of DuckDB's row groups; or less where rows are long. */
const partLimits: PartLimits = { rows: 491_520, bytes: 64 * 1024 * 1024 }
/** Long: a server that sorts before its first row is silent meanwhile. */
const patience = 600_000

/**
 * Tables and queries of PostgreSQL: `postgres://user@host/database?table=schema.name` or `?query=select …`. Finding
 * reads them whole, in one snapshot, into parquet files of the local cache, named by their digests: a database has no
 * files to open later.
 * @param cacheFolder the store's, whose files are known by their digests
 * @param options.silence ms without a byte from the server after which it counts as gone
 */
export function postgresSource(
  cacheFolder: string,
  { silence = patience, limits = partLimits }: { readonly silence?: number; readonly limits?: PartLimits } = {},
): Source {
  const find = async (uri: string): Promise<FoundFile[]> => {
    const address = parseAddress(uri, process.env)
    await mkdir(cacheFolder, { recursive: true, mode: 0o700 })
    const folder = await mkdtemp(join(cacheFolder, 'postgres-'))
    try {
      const { name, files } = await readSnapshot(address, folder, { silence, limits })
      return await sideBySide(files, 2, async (path) => {
        const { digest, size } = await digestOfFile(path)
        await rename(path, pathOf(digest))
        const part = basename(path)
        return {
          uri: `${plainAddress(address)}#${part}`,
          name: `${name}/${part}`,
          // Nothing tells whether a table changed but its rows, and those were read.
          ...{ size, digest, version: null },
          ...{ compression: 'none', partition: {} },
        }
      })
    } finally {
      await rm(folder, { recursive: true, force: true })
    }
  }
  const pathOf = (digest: Digest): string => join(cacheFolder, hexOf(digest))
  return {
    name: 'PostgreSQL',
    schemes: ['postgres', 'postgresql'],
    async find(uri, window) {
      if (window === undefined) return find(uri)
      throw new SlipwayError('DEFINITION_INVALID', 'an address of postgres:// takes no {date}', {
        next: 'say which days in the query: ?query=select … where day >= …',
      })
    },
    async open({ name, digest, size }) {
      const path = pathOf(digest as Digest)
      const found = await stat(path).catch(() => undefined)
      if (found?.size === size) return createReadStream(path)
      throw new SlipwayError('SOURCE_CHANGED', `${name} is no longer in the cache of this machine`, {
        next: 'the same again: the table is read anew, as it is then',
      })
    },
  }
}
