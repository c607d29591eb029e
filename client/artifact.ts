import { isUtf8 } from 'node:buffer'
import { createReadStream } from 'node:fs'
import type { Readable } from 'node:stream'
import { SlipwayError } from '../lib/formats/errors.ts'
import { readSourceRead } from '../lib/models/source-read.ts'
import type { Profile } from '../lib/stats/profile.ts'
import { listKeys } from '../lib/store/documents.ts'
import { getBytes, localFile } from '../lib/store/objects.ts'
import type { Store } from '../lib/store/store.ts'
import type { StoreContext } from './context.ts'

/** An immutable thing in the store. */
export interface ArtifactDocument {
  readonly digest: string
  /** Bytes. */
  readonly size: number
  /** What it says, where it is JSON; null elsewhere. */
  readonly content: unknown
  /** What it says, where it is a text and no JSON, as logs are: of more than a megabyte, its end. */
  readonly text?: string
  /** Every column of a snapshot or of a derived table. */
  readonly profile?: Profile
}

const textLimit = 1_000_000

/** The digest of the artifact whose digest begins with some digits. @throws SlipwayError USAGE when several do */
export async function findArtifact(store: Store, hex: string): Promise<string | undefined> {
  const keys = await listKeys(store, `blobs/sha256/${hex.slice(0, 2)}/${hex}`)
  if (keys.length > 1)
    throw new SlipwayError('USAGE', `${keys.length} artifacts begin with ${hex}`, { next: 'give more digits' })
  const [key] = keys
  return key === undefined ? undefined : `sha256:${key.split('/').at(-1)}`
}

/** The digest of the artifact that is meant. @throws SlipwayError NOT_FOUND, USAGE when there are several */
async function requireArtifact(store: Store, what: string): Promise<string> {
  const hex = what.replace(/^sha256:/, '')
  const digest = await findArtifact(store, hex)
  if (digest !== undefined) return digest
  throw new SlipwayError('NOT_FOUND', `no artifact begins with ${hex}`, {
    next: 'see the outputs in `slipway show <run>`',
  })
}

/**
 * An artifact as `slipway show <digest> --json` prints it, with its bytes, which are for memory.
 * @param what its digest, or its first digits
 * @throws SlipwayError NOT_FOUND
 */
export async function readArtifact(
  { store }: StoreContext,
  what: string,
): Promise<ArtifactDocument & { readonly bytes: Buffer }> {
  const digest = await requireArtifact(store, what)
  const bytes = await getBytes(store, digest)
  const content = jsonIn(bytes)
  const { slipway, files } = (content ?? {}) as { slipway?: unknown; files?: Record<string, unknown> }
  const isProfiled = slipway === 'bundle/1' && files?.['profile.json'] !== undefined
  return {
    digest,
    size: bytes.length,
    content,
    ...(content === null && isText(bytes) && { text: bytes.subarray(-textLimit).toString('utf8') }),
    ...(isProfiled && { profile: (await readSourceRead(store, digest)).profile }),
    bytes,
  }
}

/**
 * The bytes of an artifact, however many, as a stream. They are there, verified, before the first comes.
 * @param what its digest, or its first digits
 * @throws SlipwayError NOT_FOUND; DIGEST_MISMATCH where the store holds other bytes
 */
export async function openArtifact({ store }: StoreContext, what: string): Promise<Readable> {
  return createReadStream(await localFile(store, await requireArtifact(store, what)))
}

/** Whether bytes are UTF-8 that people read: Parquet, ONNX and other formats have a zero byte somewhere. */
const isText = (bytes: Buffer): boolean => isUtf8(bytes) && !bytes.includes(0)

function jsonIn(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString('utf8'))
  } catch {
    return null
  }
}
