import { describe, expect, it } from 'vitest'
import { localTable } from '../../lib/data/local-table.ts'
import { readSourceRead } from '../../lib/models/source-read.ts'
import { createStore } from '../../lib/store/store.ts'

const digest = `sha256:${'0'.repeat(64)}`
/** A store whose connections break. */
const broken = createStore({
  endpoint: 'http://127.0.0.1:9',
  bucket: 'none',
  region: 'us-east-1',
  credentials: { accessKeyId: 'a', secretAccessKey: 'b' },
  cacheFolder: '/tmp/slipway-no-cache',
})
broken.client.send = (() => Promise.reject(new Error('socket hang up'))) as never

describe('a table that cannot be read for now', () => {
  it.each([
    ['by a step', () => localTable(broken, digest)],
    ['by a card', () => readSourceRead(broken, digest)],
  ])('is not taken for something else, %s: the store does not answer, and it is tried again', async (_, read) => {
    await expect(read()).rejects.toMatchObject({ code: 'STORE_UNREACHABLE', retryable: true })
  })
})
