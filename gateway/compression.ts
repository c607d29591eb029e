import { promisify } from 'node:util'
import * as zlib from 'node:zlib'
import { SlipwayError } from '../lib/formats/errors.ts'
import { invalid } from '../lib/models/rows.ts'
import { largerThan } from './bodies/limits.ts'
import { weightsOf } from './media.ts'

const decoders = {
  gzip: promisify(zlib.gunzip),
  deflate: promisify(zlib.inflate),
  br: promisify(zlib.brotliDecompress),
} as const
type Encoding = keyof typeof decoders

/** `x-gzip` is gzip (RFC 9110, 8.4.1.3). */
const plainName = (name: string): string => (name === 'x-gzip' ? 'gzip' : name)

/**
 * A request's body, decompressed off this thread.
 * @param contentEncoding the header: one encoding, or none
 * @param limit bytes it may have afterwards: a small body may hold a very large one
 */
export async function decompress(body: Buffer, contentEncoding: string | undefined, limit: number): Promise<Buffer> {
  if (contentEncoding === undefined) return body
  const encodings = contentEncoding
    .toLowerCase()
    .split(',')
    .map((name) => plainName(name.trim()))
    .filter((name) => name !== '' && name !== 'identity')
  const [encoding, another] = encodings
  if (encoding === undefined) return body
  if (another !== undefined || !Object.hasOwn(decoders, encoding))
    throw new SlipwayError(
      'MEDIA_UNSUPPORTED',
      `Content-Encoding ${contentEncoding.slice(0, 100)}; known are gzip, deflate and br, one of them at a time`,
    )
  try {
    return await decoders[encoding as Encoding](body, { maxOutputLength: limit })
  } catch (error) {
    if ((error as { code?: string }).code === 'ERR_BUFFER_TOO_LARGE') throw largerThan(limit, ' when decompressed')
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

/** How an answer is to be encoded: `must` where it may not stay as it is. */
export interface AnswerEncoding {
  readonly encoding: Encoding
  readonly must: boolean
}

/**
 * The encoding that a client likes most of those we have; undefined when the answer is to stay as it is.
 * @throws SlipwayError NOT_ACCEPTABLE when it takes neither any of ours nor none
 */
export function chooseEncoding(acceptEncoding: string | undefined): AnswerEncoding | undefined {
  if (acceptEncoding === undefined) return undefined
  const weights = new Map(weightsOf(acceptEncoding).map(([name, weight]) => [plainName(name), weight]))
  const others = weights.get('*')
  const weightOf = (name: string): number => weights.get(name) ?? others ?? 0
  const ours = ['br', 'gzip', 'deflate'] as const
  const best = Math.max(...ours.map(weightOf))
  // What is not named may stay as it is (RFC 9110, 12.5.3).
  const identity = weights.get('identity') ?? (others === 0 ? 0 : undefined)
  const encoding = ours.find((name) => weightOf(name) === best)
  if (encoding !== undefined && best > 0 && best >= (identity ?? 0)) return { encoding, must: identity === 0 }
  if (identity !== 0) return undefined
  throw new SlipwayError(
    'NOT_ACCEPTABLE',
    `Accept-Encoding ${acceptEncoding.slice(0, 100)}: nothing of that can be answered; there are br, gzip, deflate and identity`,
  )
}

/** A body in an encoding; undefined when it is too small to be worth it. */
export async function compress(
  body: string | Buffer,
  { encoding, must }: AnswerEncoding,
): Promise<{ body: Buffer; encoding: string } | undefined> {
  if (body.length < worthIt && !must) return undefined
  return { encoding, body: await encoders[encoding](Buffer.from(body), quality[encoding]) }
}
