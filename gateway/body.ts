import { decompress } from './compression.ts'
import { parseMediaType, requireReadableCharset } from './media.ts'
import type { Incoming } from './protocols/protocol.ts'

/**
 * A request's body as it was before it was packed.
 * @param limit bytes that it may have
 * @throws SlipwayError MEDIA_UNSUPPORTED, REQUEST_INVALID, REQUEST_TOO_LARGE
 */
export async function readableBody(request: Incoming, limit: number): Promise<Buffer> {
  requireReadableCharset(parseMediaType(request.header('content-type') ?? ''))
  return decompress(request.body, request.header('content-encoding'), limit)
}
