import { randomUUID } from 'node:crypto'
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { type _Object, DeleteObjectCommand, ListObjectsV2Command, PutObjectCommand } from '@aws-sdk/client-s3'
import type { z } from 'zod'
import { mediaTypes } from '../formats/artifact.ts'
import { canonicalJson } from '../formats/canonical.ts'
import { SlipwayError } from '../formats/errors.ts'
import { brokenError, isBroken, readAs } from './broken.ts'
import { digestOf, hexOf } from './digest.ts'
import { isSigned, sealName, sealOf } from './seal.ts'
import { requireSigner } from './sealing.ts'
import { attemptsOf, isConflict, isMissing, type Store, storeError } from './store.ts'
import { readParsed, readStored, type Stored, sealedSince } from './stored.ts'

/** A JSON object with the ETag it was read with. */
export interface Document<T> {
  readonly value: T
  readonly etag: string
}

async function requireParsed<T>(
  ...[store, key, schema, unless]: Parameters<typeof readParsed<T>>
): Promise<Document<T> | undefined> {
  const stored = await readParsed(store, key, schema, unless)
  if (stored === undefined) return undefined
  const { read, etag } = stored
  if ('why' in read) throw brokenError(store, key, read.why)
  return { value: read.value, etag }
}

/** The document at a key, or undefined. @throws SlipwayError DOCUMENT_BROKEN when something else lies there */
export async function readDocument<T>(
  store: Store,
  key: string,
  schema: z.ZodType<T>,
): Promise<Document<T> | undefined> {
  return requireParsed(store, key, schema)
}

/**
 * The document at a key unless it still has that ETag: then, and if there is none, undefined. For those who look often.
 */
export async function readIfChanged<T>(
  store: Store,
  key: string,
  etag: string | undefined,
  schema: z.ZodType<T>,
): Promise<Document<T> | undefined> {
  return requireParsed(store, key, schema, etag)
}

/**
 * A create-only document, of which a copy is kept: where the store is away, or holds something broken, the copy
 * answers.
 */
export async function readKeptDocument<T>(store: Store, key: string, schema: z.ZodType<T>): Promise<T | undefined> {
  const copy = join(store.cacheFolder, key)
  try {
    const document = await readDocument(store, key, schema)
    if (document === undefined) return undefined
    // What was read counts, kept or not.
    await keep(copy, canonicalJson(document.value)).catch((error: Error) =>
      console.error(`no copy is kept of ${key}: ${error.message}`),
    )
    return document.value
  } catch (error) {
    if (!isBroken(error) && !(error instanceof SlipwayError && error.code === 'STORE_UNREACHABLE')) throw error
    const bytes = await readFile(copy).catch(() => new Uint8Array())
    const kept = readAs(bytes, schema)
    if ('why' in kept) throw error
    return kept.value
  }
}

async function keep(copy: string, text: string): Promise<void> {
  await mkdir(dirname(copy), { recursive: true, mode: 0o700 })
  // Two readers of one process may be here at once.
  const partial = `${copy}.${randomUUID()}`
  try {
    await writeFile(partial, text, { mode: 0o600 })
    await rename(partial, copy)
  } finally {
    await rm(partial, { force: true })
  }
}

/** Writes a document over whatever stands there: for what has one writer and no history. */
export async function replaceDocument(store: Store, key: string, value: unknown): Promise<void> {
  await put(store, key, canonicalJson(value)).catch((error) => {
    throw storeError(store, error, key)
  })
}

/** Makes sure that there is something at a key, where its name is all that counts. */
export async function leaveMark(store: Store, key: string): Promise<void> {
  // Empty, and without a condition: a server has the least to do for it.
  await store.client
    .send(new PutObjectCommand({ Bucket: store.bucket, Key: key, Body: new Uint8Array(), ContentLength: 0 }))
    .catch((error) => {
      throw storeError(store, error, key)
    })
}

/** Removes a document that was written with `replaceDocument`. */
export async function deleteDocument(store: Store, key: string): Promise<void> {
  await store.client.send(new DeleteObjectCommand({ Bucket: store.bucket, Key: key })).catch((error) => {
    throw storeError(store, error, key)
  })
}

async function put(
  store: Store,
  key: string,
  body: string | Uint8Array,
  condition: { IfNoneMatch?: '*'; IfMatch?: string } = {},
): Promise<void> {
  await requireSigner(store, key, () => sealedSince(store))
  const { signer } = store.seals ?? {}
  const command = {
    Bucket: store.bucket,
    Key: key,
    Body: body,
    ContentType: mediaTypes.json,
    ...condition,
    ...(signer !== undefined && isSigned(key) && { Metadata: { [sealName]: sealOf(signer, key, Buffer.from(body)) } }),
  }
  await store.client.send(new PutObjectCommand(command))
}

/**
 * Writes a document if nobody changed it since: `etag` undefined means it must not exist yet. An ETag is a hash of the
 * content: a value that has stood there before would let a stale ETag match again. Refs carry a generation, so theirs
 * never recur.
 * @returns false when another writer was first.
 */
export async function writeDocument(
  store: Store,
  key: string,
  value: unknown,
  etag: string | undefined,
): Promise<boolean> {
  const text = canonicalJson(value)
  try {
    await put(store, key, text, etag === undefined ? { IfNoneMatch: '*' } : { IfMatch: etag })
    return true
  } catch (error) {
    if (!isConflict(error) && !(etag !== undefined && isMissing(error))) throw storeError(store, error, key)
    // An answer got lost and the SDK asked again: what was in the way may be our own write.
    if (attemptsOf(error) < 2) return false
    const stored = await readStored(store, key)
    return stored !== undefined && digestOf(stored.bytes) === digestOf(text)
  }
}

/**
 * Publishes a document once and for ever; whoever comes second gets the first one's. A broken one does not count:
 * what lies there is kept in `quarantine/`, and the new one takes its place.
 * @param isLost whether a first one that can be read gives way nevertheless
 */
export async function publishOnce<T>(
  store: Store,
  key: string,
  schema: z.ZodType<T>,
  value: T,
  isLost: (first: T) => Promise<boolean> = async () => false,
): Promise<{ value: T; first: boolean }> {
  for (;;) {
    if (await writeDocument(store, key, value, undefined)) return { value, first: true }
    const stored = await readParsed(store, key, schema)
    if (stored === undefined) continue
    const { read } = stored
    if ('why' in read) {
      if (await replaceBroken(store, key, stored, read.why, value)) return { value, first: true }
    } else if (!(await isLost(read.value))) return { value: read.value, first: false }
    else if (await writeDocument(store, key, value, stored.etag)) return { value, first: true }
  }
}

/** Writes a document in the place of what is broken, and keeps that. @returns false when somebody else was first */
async function replaceBroken(
  store: Store,
  key: string,
  { bytes, etag }: Stored,
  why: string,
  value: unknown,
): Promise<boolean> {
  const kept = await quarantine(store, key, bytes)
  const isReplaced = await writeDocument(store, key, value, etag)
  if (isReplaced) console.error(`store: ${key} was broken (${why}) and is written anew; what lay there is ${kept}`)
  return isReplaced
}

/** Keeps the bytes of a broken document. @returns under which key */
async function quarantine(store: Store, key: string, bytes: Uint8Array): Promise<string> {
  const kept = `quarantine/${key}.${hexOf(digestOf(bytes)).slice(0, 12)}`
  await put(store, kept, bytes).catch((error) => {
    throw storeError(store, error, kept)
  })
  return kept
}

/**
 * Takes the place of a broken document, or of one that is gone; one that can be read stays.
 * @param make called with what is wrong
 * @param isLost what is wrong with one that can be read
 * @returns the key of what was broken, null where nothing lay there; undefined when the document is good
 */
export async function repairDocument<T>(
  store: Store,
  key: string,
  schema: z.ZodType<T>,
  make: (why: string) => Promise<T>,
  isLost: (value: T) => string | undefined = () => undefined,
): Promise<{ value: T; quarantined: string | null } | undefined> {
  for (;;) {
    const stored = await readParsed(store, key, schema)
    if (stored === undefined) {
      const value = await make('it is gone')
      if (await writeDocument(store, key, value, undefined)) return { value, quarantined: null }
      continue
    }
    const { read } = stored
    const why = 'why' in read ? read.why : isLost(read.value)
    if (why === undefined) return undefined
    const value = await make(why)
    const quarantined = await quarantine(store, key, stored.bytes)
    if (await writeDocument(store, key, value, stored.etag)) return { value, quarantined }
  }
}

/** The folders right below a prefix, each with its slash. */
export async function listFolders(store: Store, prefix: string): Promise<string[]> {
  const folders: string[] = []
  let token: string | undefined
  do {
    const page = await store.client
      .send(
        new ListObjectsV2Command({ Bucket: store.bucket, Prefix: prefix, Delimiter: '/', ContinuationToken: token }),
      )
      .catch((error) => {
        throw storeError(store, error, prefix)
      })
    for (const { Prefix } of page.CommonPrefixes ?? []) if (Prefix !== undefined) folders.push(Prefix)
    token = page.NextContinuationToken
  } while (token !== undefined)
  return folders
}

/** Keys under a prefix, for people to look at: nothing that must be right depends on listing. */
export async function listKeys(store: Store, prefix: string, limit = 1000): Promise<string[]> {
  return (await listObjects(store, prefix, limit)).flatMap(({ Key }) => Key ?? [])
}

/** The same with sizes and ETags; all of them by default. */
export async function listObjects(store: Store, prefix: string, limit = Number.POSITIVE_INFINITY): Promise<_Object[]> {
  const objects: _Object[] = []
  let token: string | undefined
  do {
    const page = await store.client
      .send(new ListObjectsV2Command({ Bucket: store.bucket, Prefix: prefix, ContinuationToken: token }))
      .catch((error) => {
        throw storeError(store, error, prefix)
      })
    objects.push(...(page.Contents ?? []))
    token = page.NextContinuationToken
  } while (token !== undefined && objects.length < limit)
  return objects
}
