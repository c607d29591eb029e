import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { listFolders, listKeys, replaceDocument } from '../../lib/store/documents.ts'
import { getBytes, putBytes } from '../../lib/store/objects.ts'
import { probeStore } from '../../lib/store/probe.ts'
import type { Store } from '../../lib/store/store.ts'
import { memoryStore } from '../../testing/memory-store.ts'

describe('a store in memory', () => {
  const folder = mkdtempSync(join(tmpdir(), 'slipway-test-'))
  let store: Store
  beforeAll(() => {
    store = memoryStore(folder)
  })
  afterAll(() => rmSync(folder, { recursive: true, force: true }))

  it('does all that Slipway asks of a store, but that it has no strangers to refuse', async () => {
    const failed = (await probeStore(store)).filter(({ passed }) => !passed)
    expect(failed.map(({ check }) => check)).toEqual(['refuses readers without credentials'])
  })

  it('gives back the bytes it was given', async () => {
    const bytes = Uint8Array.from({ length: 70_000 }, (_, i) => (i * 31) % 256)
    const { digest } = await putBytes(store, bytes, 'application/octet-stream')
    expect(await getBytes(store, digest)).toEqual(Buffer.from(bytes))
  })

  it('lists keys in order, and folders', async () => {
    for (const key of ['a/2 & 3/x.json', 'a/1/y.json', 'a/1/x.json', 'b/z.json']) await replaceDocument(store, key, {})
    expect(await listKeys(store, 'a/')).toEqual(['a/1/x.json', 'a/1/y.json', 'a/2 & 3/x.json'])
    expect(await listFolders(store, 'a/')).toEqual(['a/1/', 'a/2 & 3/'])
  })

  it('refuses what it cannot do, and does not answer as if it had', async () => {
    const { CopyObjectCommand } = await import('@aws-sdk/client-s3')
    const copy = new CopyObjectCommand({ Bucket: store.bucket, Key: 'copy', CopySource: `${store.bucket}/b/z.json` })
    await expect(store.client.send(copy)).rejects.toMatchObject({ name: 'NotImplemented' })
  })
})
