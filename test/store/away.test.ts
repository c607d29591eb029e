import { mkdtempSync } from 'node:fs'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { z } from 'zod'
import { digestOf } from '../../lib/store/digest.ts'
import { readDocument, writeDocument } from '../../lib/store/documents.ts'
import { getBytes, hasBlob, localFile } from '../../lib/store/objects.ts'
import { type Outage, outageOf } from '../../lib/store/outage.ts'
import { outputFolder } from '../../lib/store/outputs.ts'
import { requireSuitableStore } from '../../lib/store/probe.ts'
import { createStore, type Store } from '../../lib/store/store.ts'

/** A store of one object, that answers as a test wants: the SDK's client is the real one. */
type Answer = (asked: IncomingMessage, answer: ServerResponse) => void
let server: Server
let port: number
let answers: Answer[]
let asked: string[]
let said: string[]

const listen = (): Promise<void> => new Promise((resolve) => server.listen(port, '127.0.0.1', resolve))
const close = (): Promise<void> =>
  new Promise((resolve) => {
    server.close(() => resolve())
    server.closeAllConnections()
  })
const good: Answer = (_asked, answer) => void answer.writeHead(200, { etag: '"e"' }).end('{"n":1}')
const status =
  (code: number): Answer =>
  (_asked, answer) =>
    void answer.writeHead(code).end()

beforeEach(async () => {
  answers = []
  asked = []
  said = []
  port = 0
  server = createServer((request, answer) => {
    asked.push(request.method ?? '')
    request.resume().once('end', () => (answers.shift() ?? good)(request, answer))
  })
  await listen()
  port = (server.address() as AddressInfo).port
})
afterEach(async () => {
  if (server.listening) await close()
})

/** @param away how long the store is waited for, ms */
const patientStore = (away: number, isExpected = true): Store =>
  storeWith(
    outageOf({
      server: 'the store',
      isExpected: () => isExpected,
      say: (line) => said.push(line),
      limits: { away, unknown: 0 },
    }),
  )

/** That of a worker: what it gives up is tried again by somebody else. */
const workersStore = (): Store => storeWith(undefined)

function storeWith(outage: Outage | undefined): Store {
  return createStore({
    endpoint: `http://127.0.0.1:${port}`,
    bucket: 'b',
    region: 'us-east-1',
    cacheFolder: mkdtempSync(join(tmpdir(), 'slipway-away-')),
    credentials: { accessKeyId: 'a', secretAccessKey: 'b' },
    outage,
  })
}
const shape = z.object({ n: z.int() })

it('a store that refuses connections is waited for until it is back', async () => {
  const store = patientStore(600_000)
  await close()
  const reading = readDocument(store, 'k', shape)
  while (said.length === 0) await new Promise((resolve) => setTimeout(resolve, 20))
  await listen()
  expect((await reading)?.value).toEqual({ n: 1 })
  expect(said).toEqual(['the store does not answer: waiting for it (up to 600 s)', 'the store answers again'])
})

it('one that stays away is given up when its time is over, as unreachable', async () => {
  const store = patientStore(2_000)
  await close()
  await expect(readDocument(store, 'k', shape)).rejects.toMatchObject({ code: 'STORE_UNREACHABLE', exitCode: 20 })
  expect(said).toHaveLength(1)
  await expect(readDocument(patientStore(600_000, false), 'k', shape)).rejects.toMatchObject({
    code: 'STORE_UNREACHABLE',
  })
})

it('one that starts answers 503 and 500 for a while: that is waited for too', async () => {
  answers = [503, 500, 503, 502, 500, 503].map(status)
  expect((await readDocument(patientStore(600_000), 'k', shape))?.value).toEqual({ n: 1 })
  expect(asked).toHaveLength(7)
})

it('an answer that breaks off in the middle is read again', async () => {
  answers = [
    (_asked, answer) => {
      answer.writeHead(200, { etag: '"e"', 'content-length': '7' }).write('{"n"')
      setTimeout(() => answer.destroy(), 50)
    },
  ]
  expect((await readDocument(patientStore(600_000), 'k', shape))?.value).toEqual({ n: 1 })
  expect(asked).toHaveLength(2)
})

it('what it says no to is asked once', async () => {
  answers = [status(404), status(400)]
  const store = patientStore(600_000)
  expect(await readDocument(store, 'k', shape)).toBeUndefined()
  await expect(readDocument(store, 'k', shape)).rejects.toMatchObject({ code: 'STORE_UNREACHABLE' })
  expect(asked).toHaveLength(2)
})

describe.each([
  ['a command', () => patientStore(600_000)],
  ['a worker', workersStore],
])('for %s', (_, open) => {
  it('what is refused for a moment is asked for again', async () => {
    answers = [status(403), status(401), status(403)]
    expect((await readDocument(open(), 'k', shape))?.value).toEqual({ n: 1 })
    expect(asked).toHaveLength(4)
  })

  it('what was never allowed is refused after a time, and from then on at once', async () => {
    answers = Array.from({ length: 200 }, () => status(403))
    const store = open()
    await expect(readDocument(store, 'k', shape)).rejects.toMatchObject({ code: 'STORE_DENIED' })
    const before = asked.length
    expect(before).toBeGreaterThan(2)
    await expect(readDocument(store, 'k', shape)).rejects.toMatchObject({ code: 'STORE_DENIED' })
    expect(asked).toHaveLength(before + 1)
    answers = []
    expect((await readDocument(store, 'k', shape))?.value).toEqual({ n: 1 })
  })

  it('a document that came cut off, and ended as if it were whole, is read again', async () => {
    answers = [(_asked, answer) => void answer.writeHead(200, { etag: '"e"', connection: 'close' }).end('{"n"')]
    expect((await readDocument(open(), 'k', shape))?.value).toEqual({ n: 1 })
  })

  it('a document is broken when the same bytes come twice', async () => {
    const broken: Answer = (_asked, answer) => void answer.writeHead(200, { etag: '"e"' }).end('{"n"')
    answers = [broken, broken]
    await expect(readDocument(open(), 'k', shape)).rejects.toMatchObject({ code: 'DOCUMENT_BROKEN' })
    expect(asked).toHaveLength(2)
  })

  it('bytes that were altered on their way are read again; those that stay others are never handed out', async () => {
    const other: Answer = (_asked, answer) => void answer.writeHead(200).end('{"n":2}')
    answers = [other]
    expect(String(await getBytes(open(), digestOf('{"n":1}')))).toBe('{"n":1}')
    answers = Array.from({ length: 9 }, () => other)
    await expect(getBytes(open(), digestOf('{"n":1}'))).rejects.toMatchObject({ code: 'DIGEST_MISMATCH' })
    await expect(localFile(open(), digestOf('{"n":1}'))).rejects.toMatchObject({ code: 'DIGEST_MISMATCH' })
  })
})

it('for a worker, what breaks off again and again passes: the step is tried again', async () => {
  const cut: Answer = (_asked, answer) => {
    answer.writeHead(200, { etag: '"e"', 'content-length': '7' }).write('{"n"', () => answer.destroy())
  }
  const store = workersStore()
  for (const read of [
    () => readDocument(store, 'k', shape),
    () => getBytes(store, digestOf('{"n":1}')),
    () => localFile(store, digestOf('{"n":1}')),
    () => outputFolder(store, 's3://b/out/', undefined).read('part'),
    () => outputFolder(store, 's3://b/out/', undefined).digestOf('part'),
  ]) {
    answers = Array.from({ length: 30 }, () => cut)
    await expect(read()).rejects.toMatchObject({ code: 'STORE_UNREACHABLE', retryable: true })
    answers = [cut]
    await read()
  }
})

it('whether a blob is there is not guessed where its size is not said', async () => {
  answers = [(_asked, answer) => void answer.writeHead(200, { 'transfer-encoding': 'chunked' }).end()]
  await expect(hasBlob(workersStore(), { digest: digestOf('x'), size: 1 })).rejects.toMatchObject({ retryable: true })
})

it('what a store must do is not taken for missing where it does not say it', async () => {
  const silent: Answer = (request, answer) => void answer.writeHead(request.method === 'PUT' ? 503 : 200).end()
  answers = Array.from({ length: 99 }, () => silent)
  await expect(requireSuitableStore(workersStore())).rejects.toMatchObject({ code: 'STORE_UNREACHABLE' })
})

it('a write whose answer got lost is found to be its own, however often it was sent', async () => {
  // The object is there after the first try: the next ones are told so.
  answers = [(_asked, answer) => void answer.destroy(), status(503), status(412), good]
  expect(await writeDocument(patientStore(600_000), 'k', { n: 1 }, undefined)).toBe(true)
  answers = [(_asked, answer) => void answer.destroy(), status(403), status(412), good]
  expect(await writeDocument(patientStore(600_000), 'k', { n: 1 }, undefined)).toBe(true)
  answers = [(_asked, answer) => void answer.destroy(), status(412), good]
  expect(await writeDocument(patientStore(600_000), 'k', { n: 2 }, undefined)).toBe(false)
  answers = [status(412)]
  expect(await writeDocument(patientStore(600_000), 'k', { n: 1 }, undefined)).toBe(false)
})
