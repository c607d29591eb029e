import { userInfo } from 'node:os'
import { restoreRef } from '../lib/store/refs.ts'
import { renumbered } from '../lib/store/routes.ts'
import type { StoreContext } from './context.ts'

/** A ref that was taken back. */
export interface RestoredRef {
  readonly ref: string
  /** The generation of its log that it has the value of, and the one it counts as. */
  readonly from: number
  readonly generation: number
  /** Where what lay there is kept; null where nothing did. */
  readonly quarantined: string | null
}

/**
 * Takes a broken ref, or one that is gone, back to the last good generation of its log: `routes/flights`.
 * @throws SlipwayError USAGE where it is not broken, NOT_FOUND where it has no log
 */
export async function restore({ store }: StoreContext, ref: string): Promise<RestoredRef> {
  const { from, generation, quarantined } = await restoreRef(store, ref, userInfo().username, (value, number) =>
    renumbered(ref, value, number),
  )
  return { ref, from, generation, quarantined }
}
