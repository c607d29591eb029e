import type { BigIntStats } from 'node:fs'
import { type FileHandle, open, stat } from 'node:fs/promises'
import { hostname } from 'node:os'
import { relative } from 'node:path'
import { Readable } from 'node:stream'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { partitionOf } from '../formats/shards.ts'
import { compressionOf } from '../formats/table-format.ts'
import { byDay } from './by-day.ts'
import { changedError, nameOfPath, type Place, pathError, pathsOf, requireInside, rootOf } from './paths.ts'
import type { FoundFile, Source } from './source.ts'

/**
 * File systems tell times by steps of up to two seconds, ms: what changed within the last one may change again unseen.
 */
const freshMs = 2_000
/** Bytes read at once: fewer, and the hash waits for the disk. */
const chunkBytes = 1 << 20

/** Addresses of this machine's files: a path means something else on another one. */
export const fileUri = (path: string): string => `file://${hostname()}${pathToFileURL(path).pathname}`
/** The path of such an address. */
export const pathOfUri = (uri: string): string => fileURLToPath(uri.replace(/^file:\/\/[^/]*/, 'file://'))

/**
 * Files of this machine: a path, a folder with a slash behind it, or a glob.
 * @param now the clock, ms since 1970
 */
export function localSource(place: Place, now: () => number = Date.now): Source {
  return {
    name: 'local files',
    schemes: ['file'],
    find: byDay(async (from) => {
      const paths = await pathsOf(place, from)
      return Promise.all(paths.map((path) => foundFile(rootOf(place, from), path, now())))
    }),
    async open(file) {
      const path = pathOfUri(file.uri)
      await requireInside(place, file.name, path)
      return readUnchanged(path, file)
    },
    localPath: ({ uri }) => pathOfUri(uri),
  }
}

async function foundFile(root: string, path: string, now: number): Promise<FoundFile> {
  const info = await stat(path, { bigint: true })
  return {
    uri: fileUri(path),
    name: nameOfPath(root, path),
    size: Number(info.size),
    version: stateOf(info),
    ...(now - Number(info.ctimeMs) < freshMs ? { isFresh: true } : {}),
    digest: null,
    compression: compressionOf(path),
    partition: partitionOf(relative(root, path)),
  }
}

/** What changes with a file's bytes: the time of its last change is one that no program can set. */
const stateOf = ({ ino, mtimeNs, ctimeNs }: BigIntStats): string => `${ino}-${mtimeNs}-${ctimeNs}`

/**
 * The bytes of a file that is now as it was found, and still is when its last byte was read.
 * @throws SlipwayError SOURCE_CHANGED, SOURCE_UNREADABLE; the stream fails with SOURCE_CHANGED
 */
export async function readUnchanged(path: string, file: FoundFile): Promise<Readable> {
  const handle = await open(path).catch((error: NodeJS.ErrnoException) => {
    throw pathError(file.name, error)
  })
  try {
    await requireUnchanged(handle, file)
  } catch (error) {
    await handle.close()
    throw error
  }
  return Readable.from(bytesOf(handle, file), { objectMode: false, highWaterMark: chunkBytes })
}

async function* bytesOf(handle: FileHandle, file: FoundFile): AsyncGenerator<Buffer> {
  try {
    yield* handle.createReadStream({ autoClose: false, highWaterMark: chunkBytes })
    await requireUnchanged(handle, file)
  } finally {
    await handle.close()
  }
}

async function requireUnchanged(handle: FileHandle, file: FoundFile): Promise<void> {
  const info = await handle.stat({ bigint: true })
  if (stateOf(info) !== file.version || Number(info.size) !== file.size) throw changedError(file.name)
}
