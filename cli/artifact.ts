import { SlipwayError } from '../lib/formats/errors.ts'
import { listKeys } from '../lib/store/documents.ts'
import type { Store } from '../lib/store/store.ts'

/** The digest of the artifact whose digest begins with some digits. @throws SlipwayError USAGE when several do */
export async function findArtifact(store: Store, hex: string): Promise<string | undefined> {
  const keys = await listKeys(store, `blobs/sha256/${hex.slice(0, 2)}/${hex}`)
  if (keys.length > 1)
    throw new SlipwayError('USAGE', `${keys.length} artifacts begin with ${hex}`, { next: 'give more digits' })
  const [key] = keys
  return key === undefined ? undefined : `sha256:${key.split('/').at(-1)}`
}
