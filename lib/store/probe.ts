import { randomUUID } from 'node:crypto'
import { DeleteObjectCommand, GetObjectCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3'
import { z } from 'zod'
import { SlipwayError } from '../formats/errors.ts'
import { readDocument, writeDocument } from './documents.ts'
import { type Store, statusOf, storeError } from './store.ts'

/** What a store must do for Slipway's promises to hold; each is tried, not believed. */
export interface ProbeResult {
  readonly check: string
  readonly passed: boolean
}

/**
 * Tries the store's semantics on a few small objects, and removes them.
 * @throws SlipwayError STORE_UNREACHABLE or STORE_DENIED when it cannot be tried at all.
 */
export async function probeStore(store: Store): Promise<ProbeResult[]> {
  const key = `probe/${randomUUID()}.json`
  const results: ProbeResult[] = []
  const check = (name: string, passed: boolean): void => void results.push({ check: name, passed })
  try {
    check('creates an object once', await writeDocument(store, key, { n: 1 }, undefined))
    check('refuses to create it again', !(await writeDocument(store, key, { n: 2 }, undefined)))
    const first = await readDocument(store, key, z.json())
    check('reads what was written', JSON.stringify(first?.value) === '{"n":1}')
    check('replaces it when the ETag matches', await writeDocument(store, key, { n: 3 }, first?.etag))
    check('refuses a stale ETag', !(await writeDocument(store, key, { n: 4 }, first?.etag)))
    check('lets one of two racers win, every time', await hasFairRaces(store, key))
    check('refuses bytes with a wrong checksum', await refusesBadChecksum(store, key))
    check('refuses readers without credentials', await refusesAnonymous(store, key))
  } finally {
    await store.client.send(new DeleteObjectCommand({ Bucket: store.bucket, Key: key })).catch(() => {})
  }
  return results
}

/** @throws SlipwayError STORE_UNSUITABLE naming what the store does not do. */
export async function requireSuitableStore(store: Store): Promise<void> {
  const failed = (await probeStore(store)).filter(({ passed }) => !passed)
  if (failed.length === 0) return
  throw new SlipwayError(
    'STORE_UNSUITABLE',
    `the S3 store ${store.address} fails: ${failed.map(({ check }) => check).join('; ')}`,
    {
      next: 'use AWS S3 or SeaweedFS 4.48 or later, with credentials required',
    },
  )
}

/** Two at a time: SeaweedFS makes more wait a second each, and a worker that starts waits for this. */
async function hasFairRaces(store: Store, key: string): Promise<boolean> {
  for (let round = 0; round < 4; round++) {
    const read = await readDocument(store, key, z.json())
    const won = await Promise.all([0, 1].map((racer) => writeDocument(store, key, { round, racer }, read?.etag)))
    if (won.filter(Boolean).length !== 1) return false
  }
  return true
}

/** Whether a store did not say what it does. */
const isSilent = (error: unknown): boolean => (statusOf(error) ?? 500) >= 500

async function refusesBadChecksum(store: Store, key: string): Promise<boolean> {
  const wrong = Buffer.alloc(32).toString('base64')
  const put = new PutObjectCommand({ Bucket: store.bucket, Key: `${key}.bad`, Body: 'bytes', ChecksumSHA256: wrong })
  return store.client.send(put).then(
    () => false,
    (error) => {
      if (isSilent(error)) throw storeError(store, error, key)
      return statusOf(error) === 400
    },
  )
}

async function refusesAnonymous(store: Store, key: string): Promise<boolean> {
  const { region, endpoint, forcePathStyle, requestHandler } = store.client.config
  const address = endpoint === undefined ? undefined : await endpoint()
  const anonymous = new S3Client({
    region,
    forcePathStyle,
    // Shared with the store's own client, which ends it.
    requestHandler,
    ...(address === undefined ? {} : { endpoint: address }),
    credentials: { accessKeyId: 'anonymous', secretAccessKey: 'anonymous' },
    // No signature at all: what an unknown visitor would send.
    signer: { sign: async (request) => request },
  })
  try {
    await anonymous.send(new GetObjectCommand({ Bucket: store.bucket, Key: key }))
    return false
  } catch (error) {
    if (isSilent(error)) throw storeError(store, error, key)
    return statusOf(error) === 401 || statusOf(error) === 403
  }
}
