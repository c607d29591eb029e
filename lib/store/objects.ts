import { createHash, randomUUID } from 'node:crypto'
import { createReadStream, createWriteStream } from 'node:fs'
import { mkdir, readFile, rename, rm, stat, utimes } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { type Readable, Transform } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { GetObjectCommand, HeadObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3'
import type { z } from 'zod'
import {
  type ArtifactRef,
  type Bundle,
  Bundle as BundleSchema,
  type Digest,
  mediaTypes,
  shortDigest,
} from '../formats/artifact.ts'
import { canonicalJson } from '../formats/canonical.ts'
import { SlipwayError } from '../formats/errors.ts'
import { brokenError, readAs } from './broken.ts'
import { digestOf, digestOfFile, hexOf } from './digest.ts'
import { bodyOf, bytesOf } from './long-calls.ts'
import { isConflict, isMissing, readWhole, type Store, storeError } from './store.ts'

/** Files larger than this are asked for before they are sent (bytes). */
const lookFirstFrom = 256 * 1024
/** Files larger than this go up in parts (bytes). */
const multipartFrom = 32 * 1024 * 1024

/** Where a blob lies: two digits of fan-out, so that no prefix grows without bound. */
export function blobKey(digest: string): string {
  const hex = hexOf(digest)
  return `blobs/sha256/${hex.slice(0, 2)}/${hex}`
}

/** Stores bytes under their sha256, create-only: what is there already is left alone. */
export async function putBytes(store: Store, bytes: Uint8Array | string, mediaType: string): Promise<ArtifactRef> {
  const body = typeof bytes === 'string' ? Buffer.from(bytes) : bytes
  const digest = digestOf(body)
  await put(store, digest, mediaType, { Body: body, ContentLength: body.byteLength })
  return { digest, mediaType, size: body.byteLength }
}

/** Stores a value's canonical JSON. */
export function putJson(store: Store, value: unknown): Promise<ArtifactRef> {
  return putBytes(store, canonicalJson(value), mediaTypes.json)
}

/** Stores a manifest; its digest names all it names. */
export function putBundle(store: Store, bundle: Bundle): Promise<ArtifactRef> {
  return putBytes(store, canonicalJson(bundle), mediaTypes.bundle)
}

/** Stores a file under its sha256. The file must not change meanwhile: use a scratch copy. */
export async function putFile(store: Store, path: string, mediaType: string): Promise<ArtifactRef> {
  return putKnown(store, await digestOfFile(path), mediaType, async () => createReadStream(path))
}

/**
 * Stores bytes whose digest is known. Where their stream fails, nothing is stored.
 * @param open gives them; called when they are not there yet
 */
export async function putKnown(
  store: Store,
  { digest, size }: { readonly digest: Digest; readonly size: number },
  mediaType: string,
  open: () => Promise<Readable>,
): Promise<ArtifactRef> {
  if (size > lookFirstFrom && (await hasBlob(store, { digest, size }))) return { digest, mediaType, size }
  if (size <= multipartFrom) {
    // As bytes, not as a stream: the SDK can send them again after a hiccup.
    await put(store, digest, mediaType, { Body: await bytesOf(await open()), ContentLength: size })
  } else {
    // Loaded by who sends large files: readers start without it.
    const { Upload } = await import('@aws-sdk/lib-storage')
    const upload = new Upload({
      client: store.client,
      params: {
        Bucket: store.bucket,
        Key: blobKey(digest),
        Body: await open(),
        ContentType: mediaType,
        IfNoneMatch: '*',
      },
    })
    await upload.done().catch(async (error) => {
      if (isConflict(error)) return
      // The last answer got lost, and the SDK asked for the end of an upload that had ended.
      if (isMissing(error) && (await hasBlob(store, { digest, size }))) return
      throw storeError(store, error, blobKey(digest))
    })
  }
  return { digest, mediaType, size }
}

async function put(
  store: Store,
  digest: Digest,
  mediaType: string,
  body: { Body: Uint8Array; ContentLength: number },
): Promise<void> {
  try {
    await store.client.send(
      new PutObjectCommand({
        Bucket: store.bucket,
        Key: blobKey(digest),
        ...body,
        ContentType: mediaType,
        IfNoneMatch: '*',
        ChecksumSHA256: Buffer.from(hexOf(digest), 'hex').toString('base64'),
      }),
    )
  } catch (error) {
    if (!isConflict(error)) throw storeError(store, error, blobKey(digest))
  }
}

/** Whether the blob is there with its full size. Contents are verified by whoever reads them. */
export async function hasBlob(store: Store, { digest, size }: { digest: string; size: number }): Promise<boolean> {
  try {
    const head = await store.client.send(new HeadObjectCommand({ Bucket: store.bucket, Key: blobKey(digest) }))
    if (head.ContentLength !== undefined) return head.ContentLength === size
    throw new Error('it does not say how large an object is')
  } catch (error) {
    if (isMissing(error)) return false
    throw storeError(store, error, blobKey(digest))
  }
}

/**
 * A local file with exactly the blob's bytes: from the cache if its copy still has the digest, else from the store.
 * The file belongs to the cache and must not be written to.
 * @throws SlipwayError DIGEST_MISMATCH when the store holds other bytes than the name says; they are never handed out.
 */
export async function localFile(store: Store, digest: string): Promise<string> {
  const path = join(store.cacheFolder, hexOf(digest))
  if (await stat(path).catch(() => undefined)) {
    if ((await digestOfFile(path)).digest === digest) {
      await utimes(path, new Date(), new Date())
      return path
    }
    await rm(path, { force: true })
  }
  await mkdir(dirname(path), { recursive: true, mode: 0o700 })
  const partial = `${path}.${randomUUID()}.part`
  try {
    await readVerified(store, digest, async () => {
      const written = await writeHashed(await openBlob(store, digest), partial)
      return { digest: written, value: undefined }
    })
    await rename(partial, path)
    return path
  } catch (error) {
    throw storeError(store, error, blobKey(digest))
  } finally {
    await rm(partial, { force: true })
  }
}

/** How often a blob is read whose bytes are not those of its name: they may have been altered on their way. */
const reads = 3

async function readVerified<T>(
  store: Store,
  digest: string,
  read: () => Promise<{ readonly digest: string; readonly value: T }>,
): Promise<T> {
  for (let left = reads; ; ) {
    const found = await readWhole(store, read)
    if (found.digest === digest) return found.value
    if (--left === 0) throw otherBytes(store, digest, found.digest)
  }
}

/** Writes a stream to a file. @returns the digest of what came */
export async function writeHashed(body: Readable, path: string): Promise<Digest> {
  const hash = createHash('sha256')
  const hashing = new Transform({
    transform(chunk, _encoding, done) {
      hash.update(chunk)
      done(null, chunk)
    },
  })
  await pipeline(body, hashing, createWriteStream(path, { mode: 0o600 }))
  return `sha256:${hash.digest('hex')}`
}

/** The bytes of a (small) blob, verified. */
export async function getBytes(store: Store, digest: string): Promise<Buffer> {
  return readVerified(store, digest, async () => {
    const value = await bytesOf(await openBlob(store, digest))
    return { digest: digestOf(value), value }
  }).catch((error) => {
    throw storeError(store, error, blobKey(digest))
  })
}

/** A JSON artifact of a kind. @throws SlipwayError DOCUMENT_BROKEN when the digest names something else */
export async function getJson<T>(store: Store, digest: string, schema: z.ZodType<T>): Promise<T> {
  return jsonOf(store, digest, await getBytes(store, digest), schema)
}

function jsonOf<T>(store: Store, digest: string, bytes: Uint8Array, schema: z.ZodType<T>): T {
  const read = readAs(bytes, schema)
  if ('why' in read) throw brokenError(store, blobKey(digest), read.why)
  return read.value
}

/**
 * A manifest of one of some kinds, verified and checked against its schema.
 * @throws SlipwayError DIGEST_MISMATCH for another kind
 */
export async function getBundle(store: Store, digest: string, ...kinds: Bundle['kind'][]): Promise<Bundle> {
  return bundleOf(store, await getBytes(store, digest), digest, kinds)
}

/** The same from the local cache, if it is there: works with the store away. */
export async function localBundle(store: Store, digest: string, kind: Bundle['kind']): Promise<Bundle> {
  return bundleOf(store, await readFile(await localFile(store, digest)), digest, [kind])
}

function bundleOf(store: Store, bytes: Uint8Array, digest: string, kinds: readonly Bundle['kind'][]): Bundle {
  const bundle = jsonOf(store, digest, bytes, BundleSchema)
  if (!kinds.includes(bundle.kind))
    throw new SlipwayError('DIGEST_MISMATCH', `${shortDigest(digest)} is a ${bundle.kind}, not a ${kinds.join(' or ')}`)
  return bundle
}

async function openBlob(store: Store, digest: string): Promise<Readable> {
  try {
    const answer = await store.client.send(new GetObjectCommand({ Bucket: store.bucket, Key: blobKey(digest) }))
    return bodyOf(answer)
  } catch (error) {
    throw storeError(store, error, blobKey(digest))
  }
}

function otherBytes(store: Store, expected: string, actual: string): SlipwayError {
  return new SlipwayError('DIGEST_MISMATCH', `${store.address}/${blobKey(expected)} holds other bytes: ${actual}`, {
    expected,
    actual,
    next: 'restore that object from a backup, or delete it and run again: the step that made it makes it anew',
  })
}
