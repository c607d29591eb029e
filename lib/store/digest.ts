import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { pipeline } from 'node:stream/promises'
import type { Digest } from '../formats/artifact.ts'
import { canonicalJson } from '../formats/canonical.ts'

/** The sha256 of bytes or UTF-8 text. */
export function digestOf(bytes: Uint8Array | string): Digest {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`
}

/** The sha256 of a value's canonical JSON. */
export function digestOfJson(value: unknown): Digest {
  return digestOf(canonicalJson(value))
}

/** The sha256 and size (bytes) of a file, read as a stream. */
export async function digestOfFile(path: string): Promise<{ digest: Digest; size: number }> {
  const hash = createHash('sha256')
  let size = 0
  await pipeline(createReadStream(path, { highWaterMark: 1 << 20 }), async (chunks: AsyncIterable<Buffer>) => {
    for await (const chunk of chunks) {
      hash.update(chunk)
      size += chunk.length
    }
  })
  return { digest: `sha256:${hash.digest('hex')}`, size }
}

export function hexOf(digest: string): string {
  return digest.slice('sha256:'.length)
}
