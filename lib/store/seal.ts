import { createHash, sign as signBytes, verify as verifyBytes } from 'node:crypto'
import { z } from 'zod'
import type { Signer, TrustedKeys } from './signing.ts'

/** Who signs the documents of a store, and whose signatures count to its readers. */
export interface Seals {
  /** Undefined of those who only read. */
  readonly signer: Signer | undefined
  /** Empty where nothing was configured: then signatures are not looked at. */
  readonly trusted: TrustedKeys
}

/** The metadata of an object that holds the signature of the document in it. */
export const sealName = 'slipway-seal'

/**
 * Documents that decide something and that workers and commands write: by the first part of their keys. What gateways
 * or anybody writes is not signed, nor what is known by its digest or is a signature itself.
 */
const signedKinds = new Set([
  'steps',
  'runs',
  'branches',
  'models',
  'refusals',
  'refs',
  'log',
  'rollouts',
  'monitors',
  'batches',
  'views',
  'keys',
])

export const isSigned = (key: string): boolean => signedKinds.has(key.split('/', 1)[0] as string)

/** Since when the documents of a store are signed: the object `keys/seal.json`. */
export const sealMarkKey = 'keys/seal.json'
export const SealMark = z.object({
  slipway: z.literal('sealed/1'),
  /** Id of the key that said so. */
  keyId: z.string(),
  /** ISO time. */
  since: z.string(),
})
export type SealMark = z.infer<typeof SealMark>

/** What is signed: the bytes, and the key that they stand under, so that no document takes another's place. */
const sealed = (key: string, bytes: Uint8Array): Buffer =>
  Buffer.from(`slipway-document/1\n${key}\n${createHash('sha256').update(bytes).digest('hex')}`)

/** The signature of a document, as its object's metadata has it. */
export const sealOf = ({ keyId, key: own }: Signer, key: string, bytes: Uint8Array): string =>
  `${keyId}.${signBytes(null, sealed(key, bytes), own).toString('base64')}`

/** A document as it was read. */
export interface Stored {
  readonly bytes: Uint8Array
  /** Its seal, where it has one. */
  readonly seal: string | undefined
  /** When it was written, by the store's own clock. */
  readonly at: Date | undefined
}

/**
 * Whether a document is as it was written, by somebody whose signature counts.
 * @param since when documents began to be signed, ms since 1970; undefined where nobody has said so
 * @returns what is wrong with it, in words
 */
export function alteration(
  trusted: TrustedKeys,
  key: string,
  { bytes, seal, at }: Stored,
  since: number | undefined,
): string | undefined {
  if (seal === undefined) {
    if (since === undefined || (at !== undefined && at.getTime() < since)) return undefined
    return `it has no signature, and documents are signed since ${new Date(since).toISOString()}`
  }
  const [keyId = '', signature = ''] = seal.split('.', 2)
  const trustedKey = trusted.get(keyId)
  if (trustedKey === undefined) return `it is signed by key ${keyId}, which is not trusted here`
  return verifyBytes(null, sealed(key, bytes), trustedKey, Buffer.from(signature, 'base64'))
    ? undefined
    : `it was altered after it was written: the signature of key ${keyId} does not fit`
}
