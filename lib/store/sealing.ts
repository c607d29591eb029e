import { SlipwayError } from '../formats/errors.ts'
import { alteration, isSigned, type SealMark, type Stored, sealMarkKey } from './seal.ts'
import type { Store } from './store.ts'

/** Reads since when documents of a store are signed, ms since 1970. */
type Since = () => Promise<number | undefined>

/** What is wrong with a document by its signature, in words, for readers who trust some keys. */
export async function alterationOf(
  { seals }: Store,
  key: string,
  stored: Stored,
  readSince: Since,
): Promise<string | undefined> {
  if (seals === undefined || seals.trusted.size === 0 || !isSigned(key)) return undefined
  // Who says it is signed, or says nothing.
  const since = stored.seal === undefined && key !== sealMarkKey ? await readSince() : undefined
  return alteration(seals.trusted, key, stored, since)
}

/**
 * Whoever has no key to sign with may not write where others sign, whether he checks signatures or not: readers who do
 * would take what he writes for altered.
 * @throws SlipwayError SIGNATURE_INVALID
 */
export async function requireSigner({ seals }: Store, key: string, readSince: Since): Promise<void> {
  if (seals === undefined || seals.signer !== undefined || !isSigned(key)) return
  if ((await readSince()) === undefined) return
  throw new SlipwayError('SIGNATURE_INVALID', `${key} cannot be written: there is no key here to sign it with`, {
    key,
    next: 'set SLIPWAY_SIGNING_KEY: documents of this store are signed, and its readers take no others',
  })
}

const known = new WeakMap<Store['client'], { readonly since: number | undefined; readonly at: number }>()
/** How long nobody looks again, ms, where it was not said. */
const lookAgainMs = 60_000

/** Since when documents are signed, which is read once there is something without a signature, and then kept. */
export async function keptMark(
  { client }: Store,
  read: () => Promise<SealMark | undefined>,
): Promise<number | undefined> {
  const found = known.get(client)
  if (found !== undefined && (found.since !== undefined || performance.now() - found.at < lookAgainMs))
    return found.since
  const mark = await read()
  const since = mark === undefined ? undefined : Date.parse(mark.since)
  known.set(client, { since, at: performance.now() })
  return since
}
