import { SlipwayError } from '../lib/formats/errors.ts'
import { type ByteBudget, noRoom } from './bodies/byte-budget.ts'
import { smallBody } from './bodies/json-bounds.ts'
import { decompress } from './compression.ts'
import { parseMediaType, requireReadableCharset } from './media.ts'
import type { PredictionRequest } from './predictions.ts'

/**
 * A request's body as it was before it was packed. What unpacks to a large one finds room for it first: a small body
 * may hold one that is a thousand times as large.
 * @param limit bytes that it may have
 * @throws SlipwayError MEDIA_UNSUPPORTED, REQUEST_INVALID, REQUEST_TOO_LARGE, OVERLOADED
 */
export async function readableBody(request: PredictionRequest, limit: number, budget: ByteBudget): Promise<Buffer> {
  requireReadableCharset(parseMediaType(request.header('content-type') ?? ''))
  const { body } = request
  const encoding = request.header('content-encoding')
  if (encoding === undefined) return body
  const small = await decompress(body, encoding, Math.min(smallBody, limit)).catch((error: unknown) => {
    if (isTooLarge(error) && limit > smallBody) return undefined
    throw error
  })
  if (small !== undefined) return small
  request.stepAside?.()
  if (!budget.take(request, limit)) throw noRoom()
  const large = await decompress(body, encoding, limit)
  budget.giveBack(request, limit - large.length)
  return large
}

const isTooLarge = (error: unknown): boolean => error instanceof SlipwayError && error.code === 'REQUEST_TOO_LARGE'
