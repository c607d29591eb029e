import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { gzipSync } from 'node:zlib'
import { afterEach, describe, expect, it } from 'vitest'
import { httpSource } from '../../lib/sources/http.ts'
import type { FoundFile } from '../../lib/sources/source.ts'
import { digestOf } from '../../lib/store/digest.ts'
import { bytesOf, csv, describeSource, type SourcePlace } from '../contracts/source.ts'

interface Stored {
  readonly bytes: Buffer
  /** When it was put there, s since 1970. */
  readonly at: number
}

/** How a server tells one state of a file from another. */
type Tells = 'ETag' | 'weak ETag' | 'Last-Modified' | 'nothing'

function headersOf({ bytes, at }: Stored, tells: Tells): Record<string, string> {
  const hash = digestOf(bytes).slice(7, 27)
  if (tells === 'ETag') return { etag: `"${hash}"` }
  if (tells === 'weak ETag') return { etag: `W/"${hash}"` }
  return tells === 'nothing' ? {} : { 'last-modified': new Date(at * 1_000).toUTCString() }
}

const stops: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const stop of stops.splice(0)) await stop()
})

async function listen(answer: (request: IncomingMessage, response: ServerResponse) => void): Promise<{
  address: string
  stop: () => Promise<unknown>
}> {
  const server = createServer(answer).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    address: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    stop() {
      server.closeAllConnections()
      server.close()
      return once(server, 'close')
    },
  }
}

/**
 * A server of files that gives ranges where it is asked for them and can, and breaks connections when it is told to.
 */
const makePlace = (tells: Tells) => async (): Promise<SourcePlace> => {
  const files = new Map<string, Stored>()
  const cuts = new Map<string, { behind: number; left: number }>()
  const denied = new Set<string>()
  const { address, stop } = await listen((request, response) => {
    const name = decodeURIComponent(request.url?.slice(1) ?? '')
    const stored = files.get(name)
    if (stored === undefined) return void response.writeHead(404).end()
    if (denied.has(name)) return void response.writeHead(403).end()
    const { bytes } = stored
    const headers = headersOf(stored, tells)
    const validator = headers.etag ?? headers['last-modified']
    const start = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? 0)
    // RFC 9110, 13.1.5: a weak validator never matches here.
    const isRange = start > 0 && request.headers['if-range'] === validator && !validator?.startsWith('W/')
    const body = isRange ? bytes.subarray(start) : bytes
    const range = isRange ? { 'content-range': `bytes ${start}-${bytes.length - 1}/${bytes.length}` } : {}
    response.writeHead(isRange ? 206 : 200, { ...headers, ...range, 'content-length': String(body.length) })
    const cut = cuts.get(name)
    if (cut === undefined || cut.left === 0) return void response.end(body)
    cut.left--
    response.write(body.subarray(0, Math.max(1, cut.behind)), () => response.destroy())
  })
  let clock = Date.parse('2024-01-01') / 1_000
  return {
    source: httpSource(),
    addressOf: (name) => `${address}/${encodeURIComponent(name)}`,
    async put(name, bytes) {
      files.set(name, { bytes, at: clock++ })
    },
    async remove(name) {
      files.delete(name)
    },
    async whileDenied(name, work) {
      denied.add(name)
      await work(httpSource())
      denied.delete(name)
    },
    cut: (name, behind, times) => void cuts.set(name, { behind, left: times }),
    stop: async () => void (await stop()),
  }
}

describeSource('a file behind an address with an ETag', makePlace('ETag'), ['folders'])
describeSource('a file behind an address with a time of change', makePlace('Last-Modified'), ['folders'])
describeSource('a file behind an address with a weak ETag', makePlace('weak ETag'), ['folders'])
describeSource('a file behind an address without a version', makePlace('nothing'), [
  'folders',
  'versions',
  'connections',
])

describe('a file behind an address', () => {
  const found = async (answer: (request: IncomingMessage, response: ServerResponse) => void): Promise<FoundFile> => {
    const { address, stop } = await listen(answer)
    stops.push(stop)
    const [file] = await httpSource().find(`${address}/a.csv`, undefined)
    return file as FoundFile
  }
  const read = (file: FoundFile): Promise<string> => bytesOf(httpSource(), file).then(String)

  it('of which the server sends less than it says is refused', async () => {
    const file = await found((_, response) => {
      response.writeHead(200, { 'content-length': '1000', etag: '"a"' })
      response.write('n\n1\n', () => response.destroy())
    })
    expect(file.size).toBe(1_000)
    await expect(read(file)).rejects.toMatchObject({
      code: 'SOURCE_UNREADABLE',
      message: expect.stringContaining('of 1000 bytes'),
    })
  })

  it('without a version is not patched together from two answers', async () => {
    let asked = 0
    const file = await found((_, response) => {
      const bytes = csv(1_000, asked)
      response.writeHead(200, { 'content-length': String(bytes.length) })
      if (asked++ === 1) response.write(bytes.subarray(0, 500), () => response.destroy())
      else response.end(bytes)
    })
    await expect(read(file)).rejects.toMatchObject({
      code: 'SOURCE_UNREADABLE',
      message: expect.stringContaining('neither an ETag'),
    })
  })

  it('that becomes another one after the connection broke is refused', async () => {
    let asked = 0
    const file = await found((_, response) => {
      const bytes = csv(1_000)
      response.writeHead(200, { 'content-length': String(bytes.length), etag: asked < 2 ? '"a"' : '"b"' })
      if (asked++ === 1) response.write(bytes.subarray(0, 500), () => response.destroy())
      else response.end(bytes)
    })
    await expect(read(file)).rejects.toMatchObject({ code: 'SOURCE_CHANGED' })
  })

  it('that is answered with another range than was asked for is refused', async () => {
    const bytes = csv(1_000)
    const file = await found((request, response) => {
      if (request.headers.range === undefined) {
        response.writeHead(200, { 'content-length': String(bytes.length), etag: '"a"' })
        response.write(bytes.subarray(0, 500), () => response.destroy())
        return
      }
      // As many bytes as are missing, from another place.
      const { length } = bytes.subarray(500)
      response.writeHead(206, { etag: '"a"', 'content-range': `bytes 0-${length - 1}/${bytes.length}` })
      response.end(bytes.subarray(0, length))
    })
    await expect(read(file)).rejects.toMatchObject({ code: 'SOURCE_CHANGED' })
  })

  it('without a length is read to its end, and a broken end is no end', async () => {
    const whole = await found((_, response) => {
      response.write('n\n1\n')
      response.end('2\n')
    })
    expect(whole.size).toBeNull()
    expect(await read(whole)).toBe('n\n1\n2\n')
    const broken = await found((_, response) => {
      response.write('n\n1\n', () => response.destroy())
    })
    await expect(read(broken)).rejects.toMatchObject({ code: 'SOURCE_UNREADABLE' })
  })

  it('is asked for unpacked, and read whole where the server packs it nevertheless', async () => {
    const file = await found((request, response) => {
      expect(request.headers['accept-encoding']).toBe('identity')
      const bytes = gzipSync('n\n1\n')
      response.writeHead(200, { 'content-encoding': 'gzip', 'content-length': String(bytes.length), etag: '"a"' })
      response.end(bytes)
    })
    expect(file.size).toBeNull()
    expect(await read(file)).toBe('n\n1\n')
  })

  it('whose time of change is a moment ago is fresh: the same second may bring another one', async () => {
    const at = (time: number): Promise<FoundFile> =>
      found((_, response) => {
        response.writeHead(200, { 'last-modified': new Date(time).toUTCString() }).end('n\n1\n')
      })
    expect((await at(Date.now())).isFresh).toBe(true)
    expect((await at(Date.now() - 3_600_000)).isFresh).toBeUndefined()
  })

  it('of a server that is in trouble or not there may be there later', async () => {
    const later = { code: 'STORE_UNREACHABLE', retryable: true }
    await expect(found((_, response) => void response.writeHead(503).end())).rejects.toMatchObject(later)
    const { address, stop } = await listen(() => {})
    await stop()
    await expect(httpSource().find(`${address}/a.csv`, undefined)).rejects.toMatchObject({
      ...later,
      message: expect.stringContaining('ECONNREFUSED'),
    })
  })
})
