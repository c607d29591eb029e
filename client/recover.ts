import { noteLost } from '../workers/platform/state.ts'
import { findLost, type LostWork, recover } from '../workers/recover.ts'
import { adoptStore, beginWithStore, requireSameStore } from '../workers/same-store.ts'
import { consoleAddress } from '../workers/settings.ts'
import type { ClientContext } from './context.ts'

export interface RecoverOptions {
  /** Only looks. */
  readonly dryRun?: boolean
  /** Has the namespace work with this store from now on, where it has worked with another one. */
  readonly adoptStore?: boolean
  /** Hears of each piece of work when it goes on. */
  readonly onEach?: (work: LostWork) => void
}

/** What the store says should go on and Temporal did not know, as `slipway recover --json` prints it. */
export interface RecoverDocument {
  readonly lost: readonly LostWork[]
  /** Whether it goes on again. */
  readonly recovered: boolean
}

/**
 * Brings back what Temporal lost: owners, rollouts, monitors and the schedules of batches, as refs of the store say.
 * @throws SlipwayError TEMPORAL_UNREACHABLE, STORE_UNREACHABLE; STORE_CHANGED where Temporal works with another store
 */
export async function recoverLost(
  { settings, store, temporal }: ClientContext,
  { dryRun = false, adoptStore: isAdopted = false, onEach = () => {} }: RecoverOptions = {},
): Promise<RecoverDocument> {
  const { client } = await temporal()
  if (dryRun) await requireSameStore(store, client)
  else await (isAdopted ? adoptStore : beginWithStore)(store, client)
  const context = { store, client, console: consoleAddress(settings.root) }
  const lost = dryRun ? await findLost(context) : await recover(context, onEach)
  noteLost(settings.root, dryRun ? lost.length : 0)
  return { lost, recovered: !dryRun }
}
