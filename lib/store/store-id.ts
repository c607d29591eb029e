import { randomUUID } from 'node:crypto'
import { z } from 'zod'
import { publishOnce, readDocument } from './documents.ts'
import type { Store } from './store.ts'

/** Which store this is, whatever its address: the object `keys/store.json`, which a copy of a store has too. */
const StoreId = z.object({ slipway: z.literal('store/1'), id: z.uuid() })
const key = 'keys/store.json'

/** The id of a store; undefined of one that no worker of 0.17 or later has started with. */
export const readStoreId = async (store: Store): Promise<string | undefined> =>
  (await readDocument(store, key, StoreId))?.value.id

/** The id of a store, which gets one where it has none. */
export const ensureStoreId = async (store: Store): Promise<string> =>
  (await readStoreId(store)) ??
  (await publishOnce(store, key, StoreId, { slipway: 'store/1', id: randomUUID() })).value.id
