import { GetObjectCommand, ListObjectsV2Command, PutObjectCommand } from '@aws-sdk/client-s3'
import { mediaTypes } from '../pipelines/artifact.ts'
import { canonicalJson } from '../pipelines/canonical.ts'
import { attemptsOf, isConflict, isMissing, type Store, storeError } from './store.ts'

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

/** Keys under a prefix, for people to look at: nothing that must be right depends on listing. */
export async function listKeys(store: Store, prefix: string, limit = 1000): Promise<string[]> {
  const keys: string[] = []
  let token: string | undefined
  do {
    const page = await store.client
      .send(new ListObjectsV2Command({ Bucket: store.bucket, Prefix: prefix, ContinuationToken: token }))
      .catch((error) => {
        throw storeError(store, error, prefix)
      })
    for (const { Key } of page.Contents ?? []) if (Key !== undefined) keys.push(Key)
    token = page.NextContinuationToken
  } while (token !== undefined && keys.length < limit)
  return keys
}
