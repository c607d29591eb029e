import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { appendFileSync, mkdirSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { dirname, join } from 'node:path'
import { Readable } from 'node:stream'
import { DeleteObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { SourceContents } from '../../lib/formats/source-contents.ts'
import { localSource } from '../../lib/sources/local.ts'
import { openSources } from '../../lib/sources/open-sources.ts'
import { type FoundFile, type Source, type Sources, sourceFor, sourcesOf } from '../../lib/sources/source.ts'
import { contentIfKnown, contentOf, findSource, takeSource } from '../../lib/sources/take.ts'
import { listKeys } from '../../lib/store/documents.ts'
import { blobKey, getJson, localFile } from '../../lib/store/objects.ts'
import { csv } from '../contracts/source.ts'
import { newProject, type TestProject } from '../support/project.ts'
import { openTestBucket, type TestBucket } from '../support/servers.ts'

/* What a run does with its sources: each file is read once and stored once, by its content. */
let bucket: TestBucket
let project: TestProject
/** Blobs that were sent to the store since the test began. */
let sent: string[]
beforeAll(async () => {
  bucket = await openTestBucket()
  bucket.store.client.middlewareStack.add(
    (next) => async (args) => {
      const { request } = args as { request?: { method: string; path: string } }
      if (request?.method === 'PUT' && request.path.includes('/blobs/')) sent.push(request.path)
      return next(args)
    },
    { step: 'finalizeRequest' },
  )
})
beforeEach(() => {
  project?.remove()
  project = newProject()
  sent = []
})
afterAll(async () => {
  project?.remove()
  await bucket?.stop()
})

const put = (name: string, bytes: Buffer): void => {
  mkdirSync(dirname(join(project.root, name)), { recursive: true })
  writeFileSync(join(project.root, name), bytes)
}
const putObject = (key: string, bytes: Buffer) =>
  bucket.store.client.send(new PutObjectCommand({ Bucket: bucket.store.bucket, Key: key, Body: bytes }))

/** Sources that write down which files are opened; time has gone on since the last file was written. */
function watched(): { sources: Sources; opened: string[] } {
  const opened: string[] = []
  const watch = (source: Source): Source => ({
    ...source,
    open(file) {
      opened.push(file.name)
      return source.open(file)
    },
  })
  const place = { root: project.root, confined: false }
  const others = [...new Set(openSources(bucket.store, place).values())].filter(({ schemes }) => schemes[0] !== 'file')
  return { sources: sourcesOf([localSource(place, () => Date.now() + 10_000), ...others].map(watch)), opened }
}

async function take(from: string): Promise<{ files: SourceContents; opened: string[]; sent: number }> {
  const { sources, opened } = watched()
  sent = []
  const list = await takeSource(bucket.store, await findSource(sources, { from }), 'csv')
  // The list itself is a blob too.
  const isList = (path: string): boolean => path.endsWith(blobKey(list))
  return {
    files: await getJson(bucket.store, list, SourceContents),
    opened: [...new Set(opened)],
    sent: sent.filter((path) => !isList(path)).length,
  }
}

describe.each(['a folder of this machine', 'a prefix in S3'])('%s that a run reads', (where) => {
  const isLocal = where.includes('machine')
  const from = (): string => (isLocal ? 'in/' : `s3://${bucket.store.bucket}/${folder()}`)
  const folder = (): string => `in-${project.root.slice(-6)}/`
  const add = async (name: string, bytes: Buffer): Promise<void> => {
    if (isLocal) put(`in/${name}`, bytes)
    else await putObject(`${folder()}${name}`, bytes)
  }

  it('is read and sent once: when it grows, only what is new', async () => {
    await add('a.csv', csv(10, 1))
    await add('b.csv', csv(10, 2))
    const first = await take(from())
    expect([first.opened.length, first.sent]).toEqual([2, 2])
    const again = await take(from())
    expect([again.opened, again.sent]).toEqual([[], 0])
    expect(again.files).toEqual(first.files)
    await add('c.csv', csv(10, 3))
    const grown = await take(from())
    expect(grown.opened.map((name) => name.split('/').at(-1))).toEqual(['c.csv'])
    expect(grown.sent).toBe(1)
    expect(grown.files.map(({ digest }) => digest)).toEqual(
      [1, 2, 3].map((seed) => `sha256:${createHash('sha256').update(csv(10, seed)).digest('hex')}`),
    )
  })

  it('is read again where the store has lost what it had of it', async () => {
    await add('a.csv', csv(10, 4))
    const [file] = (await take(from())).files
    const key = blobKey(file?.digest as string)
    await bucket.store.client.send(new DeleteObjectCommand({ Bucket: bucket.store.bucket, Key: key }))
    expect((await take(from())).sent).toBe(1)
    expect(await listKeys(bucket.store, key)).toEqual([key])
  })

  it('has the content that its bytes make, whether it was read before or not', async () => {
    await add('a.csv', csv(10, 5))
    const found = await findSource(watched().sources, { from: from() })
    // Of another machine nothing is read by those who look only.
    const before = await contentIfKnown(bucket.store, found)
    const { files } = await take(from())
    expect(before).toBe(isLocal ? contentOf(files) : undefined)
    expect(await contentIfKnown(bucket.store, found)).toBe(contentOf(files))
  })
})

describe('a file that a run reads', () => {
  it('and that changes between two readings of it is not stored under the first one’s name, however long it is', async () => {
    // Longer than what goes to the store in one piece.
    put('a.csv', randomBytes(40 << 20))
    const place = { root: project.root, confined: false }
    const source = localSource(place)
    let opened = 0
    const changing: Source = {
      ...source,
      async open(file) {
        const stream = await source.open(file)
        if (++opened < 2) return stream
        // The second reading is the one that is sent.
        return Readable.from(
          (async function* () {
            let isFirst = true
            for await (const chunk of stream) {
              yield chunk
              if (isFirst) appendFileSync(join(project.root, 'a.csv'), 'more')
              isFirst = false
            }
          })(),
          { objectMode: false },
        )
      },
    }
    const found = await findSource(sourcesOf([changing]), { from: 'a.csv' })
    const before = await listKeys(bucket.store, 'blobs/')
    await expect(takeSource(bucket.store, found, 'csv')).rejects.toMatchObject({ code: 'SOURCE_CHANGED' })
    expect(opened).toBe(2)
    expect(await listKeys(bucket.store, 'blobs/')).toEqual(before)
  })

  it('and that is so fresh that its next change may not show is not remembered, but read again', async () => {
    put('a.csv', csv(10, 6))
    const sources = sourcesOf([localSource({ root: project.root, confined: false })])
    const found = await findSource(sources, { from: 'a.csv' })
    expect(found.files[0]?.isFresh).toBe(true)
    const before = await listKeys(bucket.store, 'inputs/')
    await takeSource(bucket.store, found, 'csv')
    expect(await listKeys(bucket.store, 'inputs/')).toEqual(before)
    expect((await take('a.csv')).opened).toEqual(['a.csv'])
    expect(await listKeys(bucket.store, 'inputs/')).toHaveLength(before.length + 1)
  })

  it('and that has other bytes under the version it had before is refused', async () => {
    let bytes = csv(10, 1)
    const file: FoundFile = {
      uri: 'my://a.csv',
      name: 'my://a.csv',
      size: bytes.length,
      version: '1',
      digest: null,
      compression: 'none',
      partition: {},
    }
    const mine: Source = {
      name: 'mine',
      schemes: ['my'],
      find: async () => [file],
      open: async () => Readable.from([bytes]),
    }
    const found = await findSource(sourcesOf([mine]), { from: 'my://a.csv' })
    const { digest = '' } =
      (await getJson(bucket.store, await takeSource(bucket.store, found, 'csv'), SourceContents))[0] ?? {}
    await bucket.store.client.send(new DeleteObjectCommand({ Bucket: bucket.store.bucket, Key: blobKey(digest) }))
    bytes = csv(10, 2)
    const elsewhere = { ...bucket.store, cacheFolder: join(project.root, 'cache') }
    await expect(takeSource(elsewhere, found, 'csv')).rejects.toMatchObject({ code: 'SOURCE_CHANGED' })
  })

  it('behind an address is stored whole, though the connection breaks', async () => {
    const bytes = csv(100_000)
    let asked = 0
    const server = createServer((request, response) => {
      const start = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? 0)
      const range = start === 0 ? {} : { 'content-range': `bytes ${start}-${bytes.length - 1}/${bytes.length}` }
      const rest = bytes.subarray(start)
      response.writeHead(start === 0 ? 200 : 206, { etag: '"a"', 'content-length': String(rest.length), ...range })
      if (asked++ === 1) response.write(rest.subarray(0, 5_000), () => response.destroy())
      else response.end(rest)
    }).listen(0, '127.0.0.1')
    await once(server, 'listening')
    try {
      const address = `http://127.0.0.1:${(server.address() as AddressInfo).port}/a.csv`
      const [file] = (await take(address)).files
      expect(await localFile(bucket.store, file?.digest as string)).toBeTruthy()
      expect(file).toMatchObject({
        name: address,
        size: bytes.length,
        digest: `sha256:${createHash('sha256').update(bytes).digest('hex')}`,
      })
      expect(asked).toBe(3)
    } finally {
      server.closeAllConnections()
      server.close()
    }
  })
})

describe('an address', () => {
  const source = (name: string, ...schemes: string[]): Source => ({
    name,
    schemes,
    find: async () => [],
    open: async () => Readable.from([]),
  })

  it('whose scheme two sources read is refused with both names', () => {
    expect(() => sourcesOf([source('mine', 'lake'), source('yours', 'sea', 'lake')])).toThrow(
      expect.objectContaining({
        code: 'DEFINITION_INVALID',
        message: expect.stringMatching(/"lake:".*mine and yours/),
      }),
    )
  })

  it('that no source reads is refused with those that can be read', () => {
    const { sources } = watched()
    expect(() => sourceFor(sources, 'gs://bucket/a.csv')).toThrow(
      expect.objectContaining({
        code: 'DEFINITION_INVALID',
        message: expect.stringContaining('"gs://"'),
        facts: { next: expect.stringMatching(/s3:\/\/.*https:\/\//) },
      }),
    )
  })

  it.each([
    'https://user:hunter2@host/a.csv',
    'postgres://user:hunter2@host/db?table=t',
    'https://host/a.csv?X-Amz-Signature=hunter2',
    'https://host/a.csv?b=1&sig=hunter2',
  ])('with a secret is refused, and the secret is not repeated: %s', (uri) => {
    const { sources } = watched()
    const refuse = (): Source => sourceFor(sources, uri)
    expect(refuse).toThrow(expect.objectContaining({ code: 'DEFINITION_INVALID' }))
    expect(refuse).not.toThrow('hunter2')
  })
})
