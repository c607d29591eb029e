import { createHash, randomUUID } from 'node:crypto'
import { mkdir, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { Digest } from '../formats/artifact.ts'
import { SlipwayError } from '../formats/errors.ts'
import type { KnownFile } from '../formats/source-contents.ts'
import { digestOfFile, hexOf } from '../store/digest.ts'
import { localFile, writeHashed } from '../store/objects.ts'
import type { Store } from '../store/store.ts'
import { knownFile, remember } from './known.ts'
import type { FoundFile, Source } from './source.ts'

/** A file on this machine and what it holds. */
export interface LocalCopy extends KnownFile {
  readonly path: string
}

/**
 * Reads a file: one of this machine where it lies, any other into the local cache, unless its bytes are there.
 * @throws SlipwayError what the source throws; SOURCE_CHANGED when it holds other bytes than it had with this version
 */
export async function fetchFile(store: Store, source: Source, file: FoundFile): Promise<LocalCopy> {
  const path = source.localPath?.(file)
  if (path !== undefined) return readHere(store, source, file, path)
  const known = await knownFile(store, file)
  if (known !== undefined) {
    const kept = await keptCopy(store, known.digest)
    if (kept !== undefined) return { path: kept, ...known }
  }
  await mkdir(store.cacheFolder, { recursive: true, mode: 0o700 })
  const partial = join(store.cacheFolder, `${randomUUID()}.part`)
  try {
    const digest = await writeHashed(await source.open(file), partial)
    const { size } = await stat(partial)
    if (known !== undefined && known.digest !== digest)
      throw new SlipwayError('SOURCE_CHANGED', `${file.name} holds other bytes than before, with the same version`, {
        next: 'look at who writes it: a source must give what is changed another version',
      })
    await remember(store, file, { digest, size })
    const kept = join(store.cacheFolder, hexOf(digest))
    await rename(partial, kept)
    await markVerified(kept, digest)
    return { path: kept, digest, size }
  } finally {
    await rm(partial, { force: true })
  }
}

async function readHere(store: Store, source: Source, file: FoundFile, path: string): Promise<LocalCopy> {
  if (file.digest !== null && file.size !== null) return { path, digest: file.digest, size: file.size }
  const hash = createHash('sha256')
  let size = 0
  for await (const chunk of (await source.open(file)) as AsyncIterable<Buffer>) {
    hash.update(chunk)
    size += chunk.length
  }
  const digest: Digest = `sha256:${hash.digest('hex')}`
  await remember(store, file, { digest, size })
  return { path, digest, size }
}

/** A blob of the store on this machine; one that was verified here and did not change since is not hashed again. */
export async function fetchBlob(store: Store, digest: Digest): Promise<string> {
  const kept = await keptCopy(store, digest)
  if (kept !== undefined) return kept
  const path = await localFile(store, digest)
  await markVerified(path, digest)
  return path
}

/** Copies this process has verified, as they were then: a large file is not hashed anew for each of its shards. */
const verified = new Map<string, string>()
const stateOf = async (path: string): Promise<string | undefined> =>
  stat(path).then(
    ({ ino, size, mtimeMs }) => `${ino} ${size} ${mtimeMs}`,
    () => undefined,
  )

async function markVerified(path: string, digest: Digest): Promise<void> {
  const state = await stateOf(path)
  if (state !== undefined) verified.set(digest, state)
}

/** The local copy of a file, if it is there and has its bytes. */
async function keptCopy(store: Store, digest: Digest): Promise<string | undefined> {
  const path = join(store.cacheFolder, hexOf(digest))
  const state = await stateOf(path)
  if (state === undefined) return undefined
  if (verified.get(digest) === state) return path
  if ((await digestOfFile(path)).digest !== digest) return undefined
  verified.set(digest, state)
  return path
}
