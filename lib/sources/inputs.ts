import { randomUUID } from 'node:crypto'
import { createWriteStream } from 'node:fs'
import { mkdir, rename, rm, stat } from 'node:fs/promises'
import { join, relative } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { GetObjectCommand } from '@aws-sdk/client-s3'
import { type AsyncBuffer, parquetMetadataAsync } from 'hyparquet'
import picomatch from 'picomatch'
import { z } from 'zod'
import { Digest, mediaTypes } from '../formats/artifact.ts'
import type { BatchFile } from '../formats/batch-records.ts'
import { SlipwayError } from '../formats/errors.ts'
import { partitionOf } from '../formats/shards.ts'
import { compressionOf } from '../formats/table-format.ts'
import { passOver } from '../store/broken.ts'
import { digestOfFile, digestOfJson, hexOf } from '../store/digest.ts'
import { listObjects, publishOnce, readDocument } from '../store/documents.ts'
import { blobKey, localFile, putFile, writeHashed } from '../store/objects.ts'
import { parseS3 } from '../store/s3-address.ts'
import { atBucket, type Store, statusOf, storeError } from '../store/store.ts'
import { anyFile, fixedPart, isData, isGlob, readSource, readSourceBelow } from './sources.ts'

/**
 * Finds the files of an input without reading them: those in S3 stay where they are; those of a project or behind an address go to
 * the store, for other workers can reach neither.
 * @param where.root folder that paths start at; undefined where none may be opened
 * @param where.confined whether nothing outside of it may be opened, whatever links lead there
 * @param where.scratch folder for what is fetched
 * @throws SlipwayError SOURCE_MISSING, SOURCE_UNREADABLE, STORE_DENIED
 */
export async function findInputs(
  store: Store,
  from: string,
  { root, confined, scratch }: { root: string | undefined; confined: boolean; scratch: string },
): Promise<BatchFile[]> {
  if (from.startsWith('s3://')) return findObjects(store, from)
  if (/^https?:\/\//.test(from)) return [await fetchAddress(store, from, scratch)]
  if (root === undefined)
    throw new SlipwayError('SOURCE_MISSING', `this worker may not read "${from}": it has no folder for sources`, {
      next: 'set SLIPWAY_SOURCES for the worker, or read from S3',
    })
  const { files } = await (confined ? readSourceBelow : readSource)(root, from)
  return Promise.all(
    files.map(async ({ path, digest, size }) => {
      await putFile(store, path, mediaTypes.binary)
      const inside = relative(root, path)
      return fileOf(inside.startsWith('..') ? path : inside, path, { size, digest, etag: null })
    }),
  )
}

/** A file with what its path tells: compression, and columns that its folders name. */
function fileOf(uri: string, path: string, what: Pick<BatchFile, 'size' | 'digest' | 'etag'>): BatchFile {
  return { uri, ...what, compression: compressionOf(path), partition: partitionOf(path), rows: null }
}

function nothingAt(from: string): SlipwayError {
  return new SlipwayError('SOURCE_MISSING', `no file is at "${from}"`, {
    next: 'check that the data of that day has arrived, and the path',
  })
}

async function findObjects(store: Store, from: string): Promise<BatchFile[]> {
  const { bucket, key } = parseS3(from)
  const pattern = key === '' || key.endsWith('/') ? `${key}${anyFile}` : key
  const matches = isGlob(pattern) ? picomatch(pattern) : (path: string) => path === pattern
  const prefix = fixedPart(pattern)
  const objects = await listObjects(atBucket(store, bucket), prefix).catch((error) => {
    if (!(error instanceof SlipwayError && error.code === 'OBJECT_MISSING')) throw error
    throw new SlipwayError('SOURCE_MISSING', `there is no bucket "${bucket}" (${from})`, {
      next: 'check the name of the bucket',
    })
  })
  const files = objects.flatMap(({ Key = '', Size = 0, ETag = '' }) =>
    matches(Key) && !Key.endsWith('/') && isData(Key.slice(prefix.lastIndexOf('/') + 1))
      ? [fileOf(`s3://${bucket}/${Key}`, Key, { size: Size, digest: null, etag: ETag })]
      : [],
  )
  if (files.length === 0) throw nothingAt(from)
  return files.sort((a, b) => (a.uri < b.uri ? -1 : 1))
}

async function fetchAddress(store: Store, address: string, scratch: string): Promise<BatchFile> {
  const answer = await fetch(address).catch((error: Error) => {
    throw new SlipwayError('STORE_UNREACHABLE', `${address} does not answer: ${error.message}`, {
      next: 'check the address, and whether this worker may reach it',
    })
  })
  if (!answer.ok || answer.body === null)
    throw new SlipwayError(
      answer.status >= 500 ? 'STORE_UNREACHABLE' : 'SOURCE_MISSING',
      `${address} answers ${answer.status}`,
      { next: 'check the address' },
    )
  const file = join(scratch, randomUUID())
  await pipeline(Readable.fromWeb(answer.body as never), createWriteStream(file))
  const { digest, size } = await putFile(store, file, mediaTypes.binary)
  await rm(file)
  return fileOf(address, new URL(address).pathname, { size, digest, etag: null })
}

/**
 * Rows of each row group of a parquet file, from its footer alone.
 * @throws SlipwayError SOURCE_UNREADABLE
 */
export async function rowGroupsOf(store: Store, file: BatchFile): Promise<number[]> {
  const { bucket, key } = file.digest === null ? parseS3(file.uri) : { ...store, key: blobKey(file.digest) }
  const place = atBucket(store, bucket)
  const buffer: AsyncBuffer = {
    byteLength: file.size,
    async slice(start, end = file.size) {
      const answer = await store.client
        .send(new GetObjectCommand({ Bucket: bucket, Key: key, Range: `bytes=${start}-${end - 1}` }))
        .catch((error) => {
          throw storeError(place, error, key)
        })
      return (await answer.Body?.transformToByteArray())?.slice().buffer ?? new ArrayBuffer(0)
    },
  }
  try {
    const { row_groups: groups } = await parquetMetadataAsync(buffer)
    return groups.map(({ num_rows: rows }) => Number(rows))
  } catch (error) {
    if (error instanceof SlipwayError) throw error
    throw new SlipwayError(
      'SOURCE_UNREADABLE',
      `${file.uri} cannot be read as parquet: ${(error as Error).message.split('\n')[0]}`,
      { next: 'check that the file is whole' },
    )
  }
}

const Read = z.object({ digest: Digest, size: z.int() })
const readKey = ({ uri, etag, size }: BatchFile): string => `inputs/${hexOf(digestOfJson({ uri, etag, size }))}.json`

/** The digest of a file, if it was ever read: S3 gives changed objects another ETag. */
export async function knownDigest(store: Store, file: BatchFile): Promise<Digest | undefined> {
  if (file.digest !== null) return file.digest
  // What cannot be read of a cache is read anew.
  return (await passOver(readDocument(store, readKey(file), Read)))?.value.digest
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

/**
 * A file of an input on this machine, with its digest. One in S3 is read as it was when the batch began, or not at all.
 * @throws SlipwayError SOURCE_CHANGED
 */
export async function fetchInput(store: Store, file: BatchFile): Promise<{ path: string; digest: Digest }> {
  const known = await knownDigest(store, file)
  if (known !== undefined) {
    const path = await keptCopy(store, known)
    if (path !== undefined) return { path, digest: known }
  }
  if (file.digest !== null) {
    const path = await localFile(store, file.digest)
    await markVerified(path, file.digest)
    return { path, digest: file.digest }
  }
  const { bucket, key } = parseS3(file.uri)
  await mkdir(store.cacheFolder, { recursive: true, mode: 0o700 })
  const partial = join(store.cacheFolder, `${randomUUID()}.part`)
  try {
    const answer = await store.client
      .send(new GetObjectCommand({ Bucket: bucket, Key: key, IfMatch: file.etag ?? undefined }))
      .catch((error) => {
        if (statusOf(error) === 412 || statusOf(error) === 404)
          throw new SlipwayError('SOURCE_CHANGED', `${file.uri} was changed or removed while the batch was scored`, {
            next: 'run the batch again: it takes the file as it is now',
          })
        throw storeError(atBucket(store, bucket), error, key)
      })
    const digest = await writeHashed(answer.Body as Readable, partial)
    const { size } = await stat(partial)
    if (size !== file.size || (known !== undefined && known !== digest))
      throw new SlipwayError('SOURCE_CHANGED', `${file.uri} holds other bytes than when the batch began`, {
        next: 'run the batch again: it takes the file as it is now',
      })
    await publishOnce(store, readKey(file), Read, { digest, size })
    const path = join(store.cacheFolder, hexOf(digest))
    await rename(partial, path)
    await markVerified(path, digest)
    return { path, digest }
  } finally {
    await rm(partial, { force: true })
  }
}
