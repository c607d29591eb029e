import { createHmac, randomBytes } from 'node:crypto'
import { z } from 'zod'
import { SlipwayError } from '../formats/errors.ts'
import { publishOnce, readDocument } from './documents.ts'
import type { Store } from './store.ts'

/** What stands in the place of a masked column's values: equal words for equal values of a column, and no way back. */
export type Mask = (column: string, value: string) => string

const key = 'keys/mask.json'
const MaskKey = z.object({ slipway: z.literal('mask-key/1'), hex: z.string().regex(/^[0-9a-f]{64}$/) })

/** Digits of a word: two values of a million have the same one once in some millions of columns. */
const digits = 16

/**
 * The mask of a store: HMAC-SHA256 under a key that is made by whoever needs it first, lies in the store, and is shown
 * to nobody. Who may not write where there is none yet sees one word for all values.
 */
export async function readMask(store: Store): Promise<Mask> {
  const known = await readDocument(store, key, MaskKey)
  const hex = known?.value.hex ?? (await made(store))
  if (hex === undefined) return () => 'masked'
  const secret = Buffer.from(hex, 'hex')
  return (column, value) =>
    `masked:${createHmac('sha256', secret)
      .update(JSON.stringify([column, value]))
      .digest('hex')
      .slice(0, digits)}`
}

async function made(store: Store): Promise<string | undefined> {
  const fresh = { slipway: 'mask-key/1' as const, hex: randomBytes(32).toString('hex') }
  try {
    return (await publishOnce(store, key, MaskKey, fresh)).value.hex
  } catch (error) {
    if (error instanceof SlipwayError && error.code === 'STORE_DENIED') return undefined
    throw error
  }
}
