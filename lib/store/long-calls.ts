import { Readable } from 'node:stream'
import type { S3Client } from '@aws-sdk/client-s3'
import { patience } from '../formats/patience.ts'

/** Slower than this, bytes a second, a file is no longer waited for. */
const slowest = 64 * 1024

/** Whose bytes come one by one is never silent: calls end after a time in all, and are made again. */
export function endLongCalls(client: S3Client): void {
  client.middlewareStack.add(
    (next) => (args) => {
      let timer: NodeJS.Timeout | undefined
      const late = new Promise<never>((_, reject) => {
        timer = setTimeout(() => reject(tooLong(patience.whole)), patience.whole)
      })
      return Promise.race([next(args), late]).finally(() => clearTimeout(timer))
    },
    { step: 'finalizeRequest', priority: 'low', name: 'endLongCalls' },
  )
}

/** The body of an answer, which ends with an error where it comes too slowly. */
export function bodyOf(answer: { readonly Body?: unknown; readonly ContentLength?: number | undefined }): Readable {
  const body = (answer.Body ?? Readable.from([])) as Readable
  const ms = patience.whole + ((answer.ContentLength ?? 0) / slowest) * 1000
  const timer = setTimeout(() => body.destroy(tooLong(ms)), ms)
  body.once('close', () => clearTimeout(timer))
  return body
}

/** The bytes of a small object. */
export async function bytesOf(body: Readable): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of body) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks)
}

/** Named as the SDK's own, which it tries again. */
const tooLong = (ms: number): Error =>
  Object.assign(new Error(`the answer did not end within ${Math.round(ms / 1000)} s`), { name: 'TimeoutError' })
