import { randomUUID } from 'node:crypto'
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import {
  type _Object,
  DeleteObjectCommand,
  GetObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
} from '@aws-sdk/client-s3'
import { mediaTypes } from '../pipelines/artifact.ts'
import { canonicalJson } from '../pipelines/canonical.ts'
import { SlipwayError } from '../pipelines/errors.ts'
import { attemptsOf, isConflict, isMissing, type Store, statusOf, storeError } from './store.ts'

/** A JSON object with the ETag it was read with. */
export interface Document {
  readonly value: unknown
  readonly etag: string
}

/** The document at a key, or undefined. */
export async function readDocument(store: Store, key: string): Promise<Document | undefined> {
  try {
    const answer = await store.client.send(new GetObjectCommand({ Bucket: store.bucket, Key: key }))
    return { value: JSON.parse((await answer.Body?.transformToString()) ?? ''), etag: answer.ETag ?? '' }
  } catch (error) {
    if (isMissing(error)) return undefined
    throw storeError(store, error, key)
  }
}

/** The document at a key unless it still has that ETag: then, and if there is none, undefined. For those who look often. */
export async function readIfChanged(
  store: Store,
  key: string,
  etag: string | undefined,
): Promise<Document | undefined> {
  try {
    const answer = await store.client.send(
      new GetObjectCommand({
        Bucket: store.bucket,
        Key: key,
        ...(etag === undefined ? {} : { IfNoneMatch: etag }),
      }),
    )
    return { value: JSON.parse((await answer.Body?.transformToString()) ?? ''), etag: answer.ETag ?? '' }
  } catch (error) {
    if (isMissing(error) || statusOf(error) === 304) return undefined
    throw storeError(store, error, key)
  }
}

/** A create-only document, of which a copy is kept: where the store is away, the copy answers. */
export async function readKeptDocument(store: Store, key: string): Promise<unknown> {
  const copy = join(store.cacheFolder, key)
  try {
    const document = await readDocument(store, key)
    if (document === undefined) return undefined
    await mkdir(dirname(copy), { recursive: true, mode: 0o700 })
    // Two readers of one process may be here at once.
    const partial = `${copy}.${randomUUID()}`
    await writeFile(partial, canonicalJson(document.value), { mode: 0o600 })
    await rename(partial, copy)
    return document.value
  } catch (error) {
    if (!(error instanceof SlipwayError && error.code === 'STORE_UNREACHABLE')) throw error
    const text = await readFile(copy, 'utf8').catch(() => undefined)
    if (text === undefined) throw error
    return JSON.parse(text)
  }
}

/** Writes a document over whatever stands there: for what has one writer and no history. */
export async function replaceDocument(store: Store, key: string, value: unknown): Promise<void> {
  const put = new PutObjectCommand({
    Bucket: store.bucket,
    Key: key,
    Body: canonicalJson(value),
    ContentType: mediaTypes.json,
  })
  await store.client.send(put).catch((error) => {
    throw storeError(store, error, key)
  })
}

/** Removes a document that was written with `replaceDocument`. */
export async function deleteDocument(store: Store, key: string): Promise<void> {
  await store.client.send(new DeleteObjectCommand({ Bucket: store.bucket, Key: key })).catch((error) => {
    throw storeError(store, error, key)
  })
}

/**
 * Writes a document if nobody changed it since: `etag` undefined means it must not exist yet.
 * An ETag is a hash of the content: a value that has stood there before would let a stale ETag match again. Refs carry a
 * generation, so theirs never recur.
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
    await store.client.send(
      new PutObjectCommand({
        Bucket: store.bucket,
        Key: key,
        Body: text,
        ContentType: mediaTypes.json,
        ...(etag === undefined ? { IfNoneMatch: '*' } : { IfMatch: etag }),
      }),
    )
    return true
  } catch (error) {
    if (!isConflict(error) && !(etag !== undefined && isMissing(error))) throw storeError(store, error, key)
    // An answer got lost and the SDK asked again: what was in the way may be our own write.
    return attemptsOf(error) > 1 && canonicalJson((await readDocument(store, key))?.value ?? null) === text
  }
}

/** Publishes a document once and for ever; whoever comes second gets the first one's. */
export async function publishOnce<T>(store: Store, key: string, value: T): Promise<{ value: T; first: boolean }> {
  if (await writeDocument(store, key, value, undefined)) return { value, first: true }
  const winner = await readDocument(store, key)
  return { value: (winner?.value ?? value) as T, first: false }
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
