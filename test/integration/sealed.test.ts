import { CopyObjectCommand, DeleteObjectCommand, GetObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { z } from 'zod'
import { beginSeals } from '../../lib/store/begin-seals.ts'
import { readDocument } from '../../lib/store/documents.ts'
import { requireChain } from '../../lib/store/ref-chain.ts'
import { readRef, refKey, restoreRef, updateRef } from '../../lib/store/refs.ts'
import { sealMarkKey } from '../../lib/store/seal.ts'
import { newKeyPair, signerFrom, trustedKeysFrom } from '../../lib/store/signing.ts'
import type { Store } from '../../lib/store/store.ts'
import { openTestBucket, type TestBucket } from '../support/servers.ts'

const [ours, others] = [newKeyPair(), newKeyPair()]
const trusted = trustedKeysFrom([ours.publicKey])
const Value = z.object({ n: z.int() })

let bucket: TestBucket
/** One that signs, one that only reads, and one that knows of no signatures. */
let [signing, reading, older]: Store[] = []

beforeAll(async () => {
  bucket = await openTestBucket()
})
afterAll(() => bucket.stop())
beforeEach(() => {
  // What is known of a store is kept by its client.
  const again = (): Store => ({ ...bucket.store, client: Object.create(bucket.store.client) })
  signing = { ...again(), seals: { signer: signerFrom(ours.privateKey), trusted } }
  reading = { ...again(), seals: { signer: undefined, trusted } }
  older = again()
})

const set = (store: Store | undefined, name: string, n: number) =>
  updateRef(store as Store, name, Value, `to ${n}`, () => ({ n }))
const read = (name: string) => readRef(reading as Store, name, Value)
const broken = (name: string, why: RegExp) => ({
  code: 'DOCUMENT_BROKEN',
  exitCode: 16,
  message: expect.stringMatching(why),
  facts: { key: refKey(name), next: expect.any(String) },
})
const at = (name: string) => ({ Bucket: bucket.store.bucket, Key: refKey(name) })
const objectAt = async (name: string) => {
  const { Body, Metadata } = await bucket.store.client.send(new GetObjectCommand(at(name)))
  return { Body: (await Body?.transformToString()) ?? '', Metadata: Metadata ?? {} }
}
const put = (name: string, object: Awaited<ReturnType<typeof objectAt>>) =>
  bucket.store.client.send(new PutObjectCommand({ ...at(name), ...object }))

describe('a signed document', () => {
  it('is read by those who trust its key, and by those who know of no signatures', async () => {
    await set(signing, 'models/a', 1)
    expect((await read('models/a'))?.value).toEqual({ n: 1 })
    expect((await readRef(older as Store, 'models/a', Value))?.value).toEqual({ n: 1 })
  })

  it('that was altered is broken, and its log brings it back', async () => {
    await set(signing, 'models/b', 1)
    const { Body = '', Metadata } = await objectAt('models/b')
    await put('models/b', { Body: Body.replace('"n":1', '"n":2'), Metadata })
    await expect(read('models/b')).rejects.toMatchObject(broken('models/b', /was altered after it was written/))
    await restoreRef(signing as Store, 'models/b', 'a test')
    expect((await read('models/b'))?.value).toEqual({ n: 1 })
  })

  it('in the place of another one is broken', async () => {
    await set(signing, 'models/c', 1)
    await set(signing, 'models/d', 2)
    const CopySource = `${bucket.store.bucket}/${refKey('models/c')}`
    await bucket.store.client.send(new CopyObjectCommand({ ...at('models/d'), CopySource }))
    await expect(read('models/d')).rejects.toMatchObject(broken('models/d', /does not fit/))
  })

  it('by a key that nobody here trusts is broken', async () => {
    const stranger = { ...(older as Store), seals: { signer: signerFrom(others.privateKey), trusted: new Map() } }
    await set(stranger, 'models/e', 1)
    await expect(read('models/e')).rejects.toMatchObject(broken('models/e', /which is not trusted here/))
  })

  it('of an older generation that was put back is broken, and its log brings the last one back', async () => {
    await set(signing, 'models/f', 1)
    const first = await objectAt('models/f')
    await set(signing, 'models/f', 2)
    await put('models/f', first)
    const why = /an older generation was put back: it is 1, and its log has 2/
    await expect(read('models/f')).rejects.toMatchObject(broken('models/f', why))
    await restoreRef(signing as Store, 'models/f', 'a test')
    expect((await read('models/f'))?.value).toEqual({ n: 2 })
  })
})

describe('the log of a ref', () => {
  const entry = (name: string, generation: number): string => `log/${name}/${String(generation).padStart(10, '0')}.json`
  const change = async (name: string, times: number): Promise<void> => {
    for (let n = 1; n <= times; n++) await set(signing, name, n)
  }

  it('is whole, also where a ref was restored', async () => {
    await change('models/j', 20)
    await requireChain(reading as Store, 'models/j')
    await put('models/j', { Body: 'broken', Metadata: {} })
    await restoreRef(signing as Store, 'models/j', 'a test')
    await requireChain(reading as Store, 'models/j')
  })

  it('of which a generation was taken away, or another one put in, is broken', async () => {
    await change('models/k', 3)
    const { client, bucket: Bucket } = bucket.store
    await client.send(new DeleteObjectCommand({ Bucket, Key: entry('models/k', 2) }))
    await expect(requireChain(reading as Store, 'models/k')).rejects.toMatchObject({
      code: 'DOCUMENT_BROKEN',
      message: expect.stringContaining('does not follow from generation 1'),
      facts: { key: entry('models/k', 3) },
    })
    await change('models/l', 3)
    await client.send(new DeleteObjectCommand({ Bucket, Key: entry('models/l', 2) }))
    await client.send(new DeleteObjectCommand({ Bucket, Key: entry('models/l', 3) }))
    await expect(requireChain(reading as Store, 'models/l')).rejects.toMatchObject({
      facts: { key: refKey('models/l') },
    })
  })
})

describe('a document without a signature', () => {
  it('counts where nobody signed yet, and where it is older than signing', async () => {
    await set(older, 'models/g', 1)
    expect((await read('models/g'))?.value).toEqual({ n: 1 })
    await beginSeals(signing as Store)
    expect((await read('models/g'))?.value).toEqual({ n: 1 })
    // All writers of a store that has documents have a day to learn of it.
    const mark = await readDocument(reading as Store, sealMarkKey, z.object({ since: z.string() }))
    expect(Date.parse(mark?.value.since ?? '')).toBeGreaterThan(Date.now() + 80_000_000)
  })

  it('is broken where documents are signed, and nobody without a key writes one', async () => {
    const fresh = await openFresh()
    const [signs, reads] = [
      { ...fresh, seals: { signer: signerFrom(ours.privateKey), trusted } },
      { ...fresh, seals: { signer: undefined, trusted } },
    ]
    await beginSeals(signs)
    await set(signs, 'models/h', 1)
    const Key = refKey('models/h')
    const { Body } = await fresh.client.send(new GetObjectCommand({ Bucket: fresh.bucket, Key }))
    const text = (await Body?.transformToString()) ?? ''
    await fresh.client.send(new PutObjectCommand({ Bucket: fresh.bucket, Key, Body: text }))
    await expect(readRef(reads, 'models/h', Value)).rejects.toMatchObject(broken('models/h', /has no signature/))
    const keyless = { ...fresh, seals: { signer: undefined, trusted: new Map() } }
    for (const writer of [reads, keyless])
      await expect(set(writer, 'models/i', 1)).rejects.toMatchObject({
        code: 'SIGNATURE_INVALID',
        facts: { next: expect.stringContaining('SLIPWAY_SIGNING_KEY') },
      })
  })
})

/** A bucket in which nothing was written. */
async function openFresh(): Promise<Store> {
  const { store } = await openTestBucket()
  return store
}
