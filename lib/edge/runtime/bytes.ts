import { SlipwayError } from '../../formats/errors.ts'

export const fromBase64 = (text: string): Uint8Array => Uint8Array.from(atob(text), (char) => char.charCodeAt(0))

/** The sha256 of bytes. */
export async function digestOf(bytes: Uint8Array): Promise<string> {
  const hash = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes))
  return `sha256:${Array.from(hash, (byte) => byte.toString(16).padStart(2, '0')).join('')}`
}

/**
 * Bytes that are what a digest names.
 * @throws SlipwayError DIGEST_MISMATCH
 */
export async function requireDigest(bytes: Uint8Array, digest: string, what: string): Promise<Uint8Array> {
  if ((await digestOf(bytes)) === digest) return bytes
  throw new SlipwayError(
    'DIGEST_MISMATCH',
    `${what} is torn or was changed: its ${bytes.length} bytes are not ${digest}`,
  )
}

/** @throws SlipwayError DOCUMENT_BROKEN */
export function parseJson(bytes: Uint8Array, what: string): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
  } catch (error) {
    throw new SlipwayError('DOCUMENT_BROKEN', `${what} is cut off or not JSON: ${(error as Error).message}`)
  }
}
