import { mkdtempSync } from 'node:fs'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { z } from 'zod'
import { readDocument, writeDocument } from '../../lib/store/documents.ts'
import { outageOf } from '../../lib/store/outage.ts'
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
function patientStore(away: number, isExpected = true): Store {
  return createStore({
    endpoint: `http://127.0.0.1:${port}`,
    bucket: 'b',
    region: 'us-east-1',
    cacheFolder: mkdtempSync(join(tmpdir(), 'slipway-away-')),
    credentials: { accessKeyId: 'a', secretAccessKey: 'b' },
    outage: outageOf({
      server: 'the store',
      isExpected: () => isExpected,
      say: (line) => said.push(line),
      limits: { away, unknown: 0 },
    }),
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
  answers = [status(404), status(403)]
  const store = patientStore(600_000)
  expect(await readDocument(store, 'k', shape)).toBeUndefined()
  await expect(readDocument(store, 'k', shape)).rejects.toMatchObject({ code: 'STORE_DENIED' })
  expect(asked).toHaveLength(2)
})

it('a write whose answer got lost is found to be its own, however often it was sent', async () => {
  // The object is there after the first try: the next ones are told so.
  answers = [(_asked, answer) => void answer.destroy(), status(503), status(412), good]
  expect(await writeDocument(patientStore(600_000), 'k', { n: 1 }, undefined)).toBe(true)
  answers = [(_asked, answer) => void answer.destroy(), status(412), good]
  expect(await writeDocument(patientStore(600_000), 'k', { n: 2 }, undefined)).toBe(false)
  answers = [status(412)]
  expect(await writeDocument(patientStore(600_000), 'k', { n: 1 }, undefined)).toBe(false)
})
