import { GetObjectCommand } from '@aws-sdk/client-s3'
import type { z } from 'zod'
import { brokenError, type Read, readAs } from './broken.ts'
import { bodyOf, bytesOf } from './long-calls.ts'
import { type Stored as Sealed, SealMark, sealMarkKey, sealName } from './seal.ts'
import { alterationOf, keptMark } from './sealing.ts'
import { isMissing, readWhole, type Store, statusOf, storeError } from './store.ts'

/** What lies at a key, whatever it is. */
export interface Stored extends Sealed {
  readonly bytes: Buffer
  readonly etag: string
}

/** What lies at a key, or undefined. @param unless the ETag for which nothing is read, since it is known */
export async function readStored(store: Store, key: string, unless?: string): Promise<Stored | undefined> {
  const get = { Bucket: store.bucket, Key: key, ...(unless === undefined ? {} : { IfNoneMatch: unless }) }
  try {
    return await readWhole(store, async () => {
      const answer = await store.client.send(new GetObjectCommand(get))
      return {
        bytes: await bytesOf(bodyOf(answer)),
        etag: answer.ETag ?? '',
        seal: answer.Metadata?.[sealName],
        at: answer.LastModified,
      }
    })
  } catch (error) {
    if (isMissing(error) || statusOf(error) === 304) return undefined
    throw storeError(store, error, key)
  }
}

/** What a document says, if it is what was written there. */
async function readSealed<T>(store: Store, key: string, stored: Stored, schema: z.ZodType<T>): Promise<Read<T>> {
  const why = await alterationOf(store, key, stored, () => sealedSince(store))
  return why === undefined ? readAs(stored.bytes, schema) : { why }
}

/** From when on documents of a store without a signature count for nothing, ms since 1970; undefined: never. */
export const sealedSince = (store: Store): Promise<number | undefined> =>
  keptMark(store, async () => {
    const stored = await readParsed(store, sealMarkKey, SealMark)
    if (stored === undefined) return undefined
    if ('why' in stored.read) throw brokenError(store, sealMarkKey, stored.read.why)
    return stored.read.value
  })

/**
 * What lies at a key, and what it says. What cannot be read may have been cut on its way: that it is broken is believed
 * when the same bytes came twice.
 */
export async function readParsed<T>(
  store: Store,
  key: string,
  schema: z.ZodType<T>,
  unless?: string,
): Promise<(Stored & { readonly read: Read<T> }) | undefined> {
  for (let before: Buffer | undefined; ; ) {
    const stored = await readStored(store, key, unless)
    if (stored === undefined) return undefined
    const read = await readSealed(store, key, stored, schema)
    if ('value' in read || before?.equals(stored.bytes)) return { ...stored, read }
    before = stored.bytes
  }
}
