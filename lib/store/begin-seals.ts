import { listKeys, publishOnce, readDocument } from './documents.ts'
import { SealMark, sealMarkKey } from './seal.ts'
import type { Store } from './store.ts'

/** How long documents without a signature count in a store that has some, ms. */
const graceMs = 86_400_000
/** How far the clocks of a worker and of the store may be apart, ms: in a new one there is nothing older. */
const skewMs = 3_600_000

/**
 * Says of a store that its documents are signed from now on. In one that has some already those without a signature
 * count for a while longer: not all its writers may know of it yet.
 */
export async function beginSeals(store: Store): Promise<void> {
  const { signer } = store.seals ?? {}
  if (signer === undefined || (await readDocument(store, sealMarkKey, SealMark)) !== undefined) return
  const isNew = (await Promise.all(['refs/', 'steps/'].map((prefix) => listKeys(store, prefix, 1)))).flat().length === 0
  const since = new Date(Date.now() + (isNew ? -skewMs : graceMs)).toISOString()
  await publishOnce(store, sealMarkKey, SealMark, { slipway: 'sealed/1', keyId: signer.keyId, since })
}
