import { SlipwayError } from '../formats/errors.ts'
import { Refusal, refusalInWords } from '../formats/refusal.ts'
import type { ModelVersion } from '../formats/route.ts'
import { hexOf } from './digest.ts'
import { publishOnce, readDocument } from './documents.ts'
import type { Store } from './store.ts'

const keyOf = ({ model, digest }: Pick<ModelVersion, 'model' | 'digest'>): string =>
  `refusals/${model}/${hexOf(digest)}.json`

/** Writes a refusal down; the first one of a version counts. */
export function publishRefusal(store: Store, refusal: Refusal): Promise<{ value: Refusal; first: boolean }> {
  return publishOnce(store, keyOf(refusal), Refusal, refusal)
}

export async function readRefusal(
  store: Store,
  version: Pick<ModelVersion, 'model' | 'digest'>,
): Promise<Refusal | undefined> {
  return (await readDocument(store, keyOf(version), Refusal))?.value
}

/** @throws SlipwayError REJECTED where a version was refused after it was registered */
export async function requireNotRefused(store: Store, version: Pick<ModelVersion, 'model' | 'digest'>): Promise<void> {
  const refusal = await readRefusal(store, version)
  if (refusal !== undefined) throw rejected(refusalInWords(refusal))
}

const rejected = (why: string): SlipwayError =>
  new SlipwayError('REJECTED', why, { next: 'what is served stays; train another version' })

/** What there is to go back to. */
export interface WayBack<Version> {
  readonly to: Version
  /** What came after it and was refused, newest first. */
  readonly passedOver: readonly Refusal[]
}

/**
 * The first version that was not refused.
 * @param versions what was in force before, newest first
 * @param where it was: `endpoint risks`
 * @returns null where nothing was in force before
 * @throws SlipwayError REJECTED where all were refused
 */
export async function wayBack<Version extends Pick<ModelVersion, 'model' | 'digest'>>(
  store: Store,
  versions: AsyncIterable<Version> | Iterable<Version>,
  where: string,
): Promise<WayBack<Version> | null> {
  const passedOver = new Map<string, Refusal>()
  for await (const version of versions) {
    if (passedOver.has(version.digest)) continue
    const refusal = await readRefusal(store, version)
    if (refusal === undefined) return { to: version, passedOver: [...passedOver.values()] }
    passedOver.set(version.digest, refusal)
  }
  if (passedOver.size === 0) return null
  const all = [...passedOver.values()].map(refusalInWords).join('; ')
  throw rejected(`${where} has nothing to go back to that was not rejected: ${all}`)
}
