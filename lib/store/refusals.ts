import { z } from 'zod'
import { Digest } from '../formats/artifact.ts'
import { SlipwayError } from '../formats/errors.ts'
import type { ModelVersion } from '../formats/route.ts'
import { hexOf } from './digest.ts'
import { publishOnce, readDocument } from './documents.ts'
import type { Store } from './store.ts'

/** That a version was refused after it was registered. It is for good: what is to be served is registered anew. */
export const Refusal = z.object({
  model: z.string(),
  version: z.int().positive(),
  digest: Digest,
  /** Who refused it, where and why, in words. */
  by: z.string(),
  /** When it was noticed here, ISO time. */
  at: z.string(),
})
export type Refusal = z.infer<typeof Refusal>

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
export async function requireNotRefused(store: Store, version: ModelVersion): Promise<void> {
  const refusal = await readRefusal(store, version)
  if (refusal === undefined) return
  throw new SlipwayError('REJECTED', `version ${version.version} of ${version.model} was rejected by ${refusal.by}`, {
    next: 'what is served stays; train another version',
  })
}
