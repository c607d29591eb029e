import { promisify } from 'node:util'
import * as zlib from 'node:zlib'
import { SlipwayError } from '../pipelines/errors.ts'
import { invalid } from './rows.ts'

const decoders = {
  gzip: promisify(zlib.gunzip),
  deflate: promisify(zlib.inflate),
  br: promisify(zlib.brotliDecompress),
} as const

/**
 * A request's body, decompressed off this thread.
 * @param limit bytes it may have afterwards: a small body may hold a very large one
 */
export async function decompress(body: Buffer, encoding: string, limit: number): Promise<Buffer> {
  if (encoding === 'identity') return body
  if (!Object.hasOwn(decoders, encoding))
    throw new SlipwayError('MEDIA_UNSUPPORTED', `Content-Encoding ${encoding}; known are gzip, deflate and br`)
  try {
    return await decoders[encoding as keyof typeof decoders](body, { maxOutputLength: limit })
  } catch (error) {
    if ((error as { code?: string }).code === 'ERR_BUFFER_TOO_LARGE')
      throw new SlipwayError('REQUEST_TOO_LARGE', `the body is larger than ${limit} bytes when decompressed`)
    throw invalid(`the body is not ${encoding}: ${(error as Error).message}`)
  }
}

const encoders = {
  br: promisify(zlib.brotliCompress) as (body: Buffer, options: object) => Promise<Buffer>,
  gzip: promisify(zlib.gzip) as (body: Buffer, options: object) => Promise<Buffer>,
  deflate: promisify(zlib.deflate) as (body: Buffer, options: object) => Promise<Buffer>,
} as const
const quality = {
  br: { params: { [zlib.constants.BROTLI_PARAM_QUALITY]: 4 } },
  gzip: { level: 4 },
  deflate: { level: 4 },
}

/** Answers below this many bytes are not worth it. */
const worthIt = 1_024

/** The first encoding of ours that the client takes, and the body in it; undefined when it stays as it is. */
export async function compress(
  body: string | Buffer,
  accepts: string | undefined,
): Promise<{ body: Buffer; encoding: string } | undefined> {
  if (accepts === undefined || body.length < worthIt) return undefined
  const wanted = accepts
    .split(',')
    .map((part) => part.trim().split(';'))
    .filter(([, weight]) => !/^\s*q=0(\.0*)?$/.test(weight ?? ''))
    .map(([name]) => name?.toLowerCase())
  const encoding = (['br', 'gzip', 'deflate'] as const).find((name) => wanted.includes(name))
  if (encoding === undefined) return undefined
  return { encoding, body: await encoders[encoding](Buffer.from(body), quality[encoding]) }
}
