import { z } from 'zod'
import { Digest } from '../formats/artifact.ts'
import type { ModelVersion } from '../formats/route.ts'
import { updateRef } from './refs.ts'
import type { Store } from './store.ts'

/** What was packaged last of a model for the edge. */
const EdgeState = z.object({
  /** Counts all that was packaged of it: what has a higher number is newer, wherever it was published. */
  sequence: z.int().positive(),
  version: z.int().positive(),
  digest: Digest,
})

/**
 * Takes the next number of what is packaged of a model for the edge. No two have the same one, whoever packages at the
 * same time; one that comes to nothing leaves a gap.
 */
export async function nextEdgeSequence(store: Store, { model, version, digest }: ModelVersion): Promise<number> {
  const reason = `version ${version} is packaged for the edge`
  const { sequence } = await updateRef(store, `edge/${model}`, EdgeState, reason, (current) => ({
    sequence: (current?.sequence ?? 0) + 1,
    version,
    digest,
  }))
  return sequence
}
