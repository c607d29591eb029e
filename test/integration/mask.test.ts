import { afterAll, beforeAll, expect, it } from 'vitest'
import { readMask } from '../../lib/store/mask.ts'
import { openTestBucket, type TestBucket } from '../support/servers.ts'

let bucket: TestBucket
beforeAll(async () => {
  bucket = await openTestBucket()
})
afterAll(() => bucket.stop())

it('the words of a store for masked values are one key’s, whoever needs it first', async () => {
  const masks = await Promise.all(Array.from({ length: 10 }, () => readMask(bucket.store)))
  const words = new Set(masks.map((mask) => mask('name', 'ann')))
  expect(words.size).toBe(1)
  const [mask] = masks as [(typeof masks)[number]]
  expect(mask('name', 'ann')).toMatch(/^masked:[0-9a-f]{16}$/)
  // Another value, and the same one of another column, have words of their own.
  expect(new Set([mask('name', 'ann'), mask('name', 'bob'), mask('town', 'ann')]).size).toBe(3)
})
