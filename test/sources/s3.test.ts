import { createHash } from 'node:crypto'
import { DeleteObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { s3Source } from '../../lib/sources/s3.ts'
import { createStore, type Store } from '../../lib/store/store.ts'
import { bytesOf, csv, describeSource } from '../contracts/source.ts'
import { startCuttingProxy } from '../support/cutting-proxy.ts'
import { bucketSettings, openTestBucket, type TestBucket } from '../support/servers.ts'

/** The same bucket by another way, or with other rights. */
async function at(bucket: TestBucket, endpoint: string, secret?: string): Promise<Store> {
  const { AWS_ACCESS_KEY_ID = '', AWS_SECRET_ACCESS_KEY = '' } = await bucketSettings(bucket)
  return createStore({
    endpoint,
    bucket: bucket.store.bucket,
    region: 'us-east-1',
    cacheFolder: bucket.store.cacheFolder,
    credentials: { accessKeyId: AWS_ACCESS_KEY_ID, secretAccessKey: secret ?? AWS_SECRET_ACCESS_KEY },
  })
}

describeSource('objects in S3', async () => {
  const bucket = await openTestBucket()
  const proxy = await startCuttingProxy(bucket.endpoint)
  const store = await at(bucket, proxy.address)
  const stranger = await at(bucket, bucket.endpoint, 'another secret')
  const keyOf = (name: string): string => `in/${name}`
  return {
    source: s3Source(store),
    addressOf: (name) => `s3://${bucket.store.bucket}/${keyOf(name)}`,
    async put(name, bytes) {
      const { client } = bucket.store
      await client.send(new PutObjectCommand({ Bucket: bucket.store.bucket, Key: keyOf(name), Body: bytes }))
    },
    async remove(name) {
      await bucket.store.client.send(new DeleteObjectCommand({ Bucket: bucket.store.bucket, Key: keyOf(name) }))
    },
    whileDenied: (_, work) => work(s3Source(stranger)),
    cut: (_, behind, times) => proxy.cut(behind, times),
    async stop() {
      for (const { client } of [store, stranger]) client.destroy()
      await proxy.stop()
      await bucket.stop()
    },
  }
})

describe('an object in S3', () => {
  let bucket: TestBucket
  beforeAll(async () => {
    bucket = await openTestBucket()
  })
  afterAll(() => bucket?.stop())

  it('with odd letters in its key is found and read', async () => {
    const { client, bucket: name } = bucket.store
    const key = 'ä b+c%20 (1)/x=1/&.csv'
    await client.send(new PutObjectCommand({ Bucket: name, Key: key, Body: csv(3) }))
    const source = s3Source(bucket.store)
    for (const uri of [`s3://${name}/${key}`, `s3://${name}/ä*/`, `s3://${name}/`]) {
      const [file] = await source.find(uri, undefined)
      expect(file, uri).toMatchObject({ uri: `s3://${name}/${key}`, partition: { x: '1' } })
      expect(await bytesOf(source, file as never)).toEqual(csv(3))
    }
  })

  it('has the same version whether it is looked up or listed', async () => {
    const { client, bucket: name } = bucket.store
    await client.send(new PutObjectCommand({ Bucket: name, Key: 'one/x.csv', Body: csv(3) }))
    const source = s3Source(bucket.store)
    const [looked] = await source.find(`s3://${name}/one/x.csv`, undefined)
    expect(looked?.version).toBe(`"${createHash('md5').update(csv(3)).digest('hex')}"`)
    expect(await source.find(`s3://${name}/one/`, undefined)).toEqual([looked])
  })

  it('in a bucket that does not exist is missing, by the name of the bucket', async () => {
    await expect(s3Source(bucket.store).find('s3://nowhere/in/', undefined)).rejects.toMatchObject({
      code: 'SOURCE_MISSING',
      message: expect.stringContaining('"nowhere"'),
    })
  })
})
