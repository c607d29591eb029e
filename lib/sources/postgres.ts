import { createReadStream } from 'node:fs'
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { basename, join } from 'node:path'
import type { Readable } from 'node:stream'
import { SlipwayError } from '../formats/errors.ts'
import { digestOfFile } from '../store/digest.ts'
import { parseAddress, plainAddress } from './postgres/address.ts'
import { type PartLimits, readSnapshot } from './postgres/snapshot.ts'
import type { FoundFile, Source } from './source.ts'

/** Four of DuckDB's row groups; or less where rows are long. */
const partLimits: PartLimits = { rows: 491_520, bytes: 64 * 1024 * 1024 }
/** Long: a server that sorts before its first row is silent meanwhile. */
const patience = 600_000

/**
 * Tables and queries of PostgreSQL: `postgres://user@host/database?table=schema.name` or `?query=select …`. Finding reads them
 * whole, in one snapshot, into parquet files in a scratch folder: a database has no files that could be opened later.
 * @param options.scratch folder for the files; whoever gives it removes it
 * @param options.silence ms without a byte from the server after which it counts as gone
 */
export function postgresSource({
  scratch,
  silence = patience,
  limits = partLimits,
}: {
  readonly scratch: string
  readonly silence?: number
  readonly limits?: PartLimits
}): Source {
  /** Where the files lie that were found here. */
  const paths = new Map<string, string>()
  const keyOf = ({ uri, version }: FoundFile): string => `${version} ${uri}`
  const find = async (uri: string): Promise<FoundFile[]> => {
    const address = parseAddress(uri, process.env)
    await mkdir(scratch, { recursive: true })
    const folder = await mkdtemp(join(scratch, 'postgres-'))
    try {
      const { name, version, files } = await readSnapshot(address, folder, { silence, limits })
      const found = await Promise.all(
        files.map(async (path): Promise<FoundFile> => {
          const part = basename(path)
          const { digest, size } = await digestOfFile(path)
          const uri = `${plainAddress(address)}#${part}`
          return { uri, name: `${name}/${part}`, size, version, digest, compression: 'none', partition: {} }
        }),
      )
      for (const [i, file] of found.entries()) paths.set(keyOf(file), files[i] as string)
      return found
    } catch (error) {
      await rm(folder, { recursive: true, force: true })
      throw error
    }
  }
  return {
    name: 'PostgreSQL',
    schemes: ['postgres', 'postgresql'],
    find(uri, window) {
      if (window === undefined) return find(uri)
      throw new SlipwayError('DEFINITION_INVALID', 'a table of Postgres has no days in its address', {
        next: 'say which in the query: ?query=select … where day >= …',
      })
    },
    async open(file): Promise<Readable> {
      const path = paths.get(keyOf(file))
      if (path !== undefined) return createReadStream(path)
      throw new SlipwayError('SOURCE_CHANGED', `${file.name} was read in a snapshot that is over`, {
        next: 'find it again: that reads what is there now',
      })
    },
    localPath: (file) => paths.get(keyOf(file)),
  }
}
