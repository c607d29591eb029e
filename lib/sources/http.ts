import { Readable } from 'node:stream'
import { SlipwayError } from '../formats/errors.ts'
import { partitionOf } from '../formats/shards.ts'
import { compressionOf } from '../formats/table-format.ts'
import { byDay } from './by-day.ts'
import { causeOf, resuming } from './resuming.ts'
import type { FoundFile, Source } from './source.ts'

/**
 * A `Last-Modified` counts by seconds: within this time, ms, a file may change again without another one (RFC 9110,
 * 8.8.2.2).
 */
const settledMs = 60_000

/**
 * One file behind an address. Its version is what the server says: the ETag, or else the time of its last change. A
 * server that says neither has its file read each time.
 */
export function httpSource(): Source {
  return {
    name: 'HTTP',
    schemes: ['http', 'https'],
    find: byDay(async (uri) => {
      const answer = await ask(uri)
      // A GET, for signed addresses often allow nothing else; its body is not waited for.
      await answer.body?.cancel()
      const path = new URL(uri).pathname
      return [
        {
          uri,
          name: uri,
          size: sizeOf(answer),
          version: versionOf(answer),
          ...(isFresh(answer) ? { isFresh: true } : {}),
          digest: null,
          compression: compressionOf(path),
          partition: partitionOf(path),
        },
      ]
    }),
    open: (file) => resuming(file, (from) => openAt(file, from)),
  }
}

async function openAt(file: FoundFile, from: number): Promise<Readable> {
  const validator = validatorOf(file.version)
  // Without a validator the rest may be of another file.
  if (from > 0 && file.version === null) throw cannotResume(file, from)
  const answer = await ask(
    file.uri,
    from === 0 || validator === undefined ? {} : { Range: `bytes=${from}-`, 'If-Range': validator },
  )
  if (file.version !== null && versionOf(answer) !== file.version) {
    await answer.body?.cancel()
    throw changed(file)
  }
  const isRest = answer.status === 206
  const size = isRest ? totalOf(answer, from) : sizeOf(answer)
  if (file.size !== null && size !== file.size) {
    await answer.body?.cancel()
    throw changed(file)
  }
  const body = Readable.fromWeb(answer.body as never)
  return isRest || from === 0 ? body : Readable.from(behind(body, from), { objectMode: false })
}

/** @throws SlipwayError SOURCE_MISSING, SOURCE_UNREADABLE, STORE_UNREACHABLE */
async function ask(uri: string, headers: Record<string, string> = {}): Promise<Response> {
  // Packed on the way, lengths and ranges would be those of other bytes.
  const answer = await fetch(uri, { headers: { 'Accept-Encoding': 'identity', ...headers } }).catch((error: Error) => {
    throw new SlipwayError('STORE_UNREACHABLE', `${uri} does not answer: ${causeOf(error)}`, {
      next: 'check the address, and whether this machine may reach it',
    })
  })
  if (answer.ok && answer.body !== null) return answer
  await answer.body?.cancel()
  const { status } = answer
  const code =
    status >= 500 || status === 408 || status === 429
      ? 'STORE_UNREACHABLE'
      : status === 401 || status === 403
        ? 'SOURCE_UNREADABLE'
        : 'SOURCE_MISSING'
  throw new SlipwayError(code, `${uri} answers ${status}`, {
    next: code === 'SOURCE_UNREADABLE' ? 'check who may read it' : 'check the address',
  })
}

/** Bytes of the whole file; null where the server does not say, or says those of a packed one. */
function sizeOf({ headers }: Response): number | null {
  const length = headers.get('content-length')
  return length === null || headers.has('content-encoding') ? null : Number(length)
}

/** Bytes of the whole file, by the answer to a range; undefined where it is another range. */
function totalOf({ headers }: Response, from: number): number | undefined {
  const [, start, total] = /^bytes (\d+)-\d+\/(\d+)$/.exec(headers.get('content-range') ?? '') ?? []
  return Number(start) === from ? Number(total) : undefined
}

const versionOf = ({ headers }: Response): string | null => headers.get('etag') ?? headers.get('last-modified')

function isFresh({ headers }: Response): boolean {
  if (headers.has('etag')) return false
  const [changed, now] = [headers.get('last-modified'), headers.get('date')].map((time) => Date.parse(time ?? ''))
  return !((now as number) - (changed as number) >= settledMs)
}

/** What `If-Range` may hold: a weak ETag says nothing of single bytes. */
const validatorOf = (version: string | null): string | undefined =>
  version === null || version.startsWith('W/') ? undefined : version

/** A stream without its first bytes. */
async function* behind(stream: Readable, from: number): AsyncGenerator<Buffer> {
  let left = from
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    if (left < chunk.length) yield chunk.subarray(left)
    left = Math.max(0, left - chunk.length)
  }
}

const changed = ({ name }: FoundFile): SlipwayError =>
  new SlipwayError('SOURCE_CHANGED', `${name} is another file than when it was found`, {
    next: 'the same again: the file is taken as it is then',
  })

const cannotResume = ({ name }: FoundFile, at: number): SlipwayError =>
  new SlipwayError(
    'SOURCE_UNREADABLE',
    `${name} was cut behind ${at} bytes, and its server gives neither an ETag nor a time of change to go on by`,
    { next: 'the same again' },
  )
