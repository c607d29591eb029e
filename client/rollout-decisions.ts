import { SlipwayError } from '../lib/formats/errors.ts'
import type { RolloutStart } from '../lib/formats/evidence.ts'
import type { RolloutRecord } from '../lib/formats/records.ts'
import { type ReplayedLook, replayRollout } from '../lib/stats/replay.ts'
import { readLooks, readRolloutEnd, readRolloutStart } from '../lib/store/rollouts.ts'
import type { StoreContext } from './context.ts'

/** Every decision of a rollout, each computed again from its evidence. */
export interface RolloutDecisionsDocument {
  readonly start: RolloutStart
  /** Null while it goes on. */
  readonly end: RolloutRecord | null
  readonly looks: readonly ReplayedLook[]
  /** How many decisions could be compared, and the looks that came to another one. */
  readonly replay: { readonly compared: number; readonly differing: readonly number[] }
}

/** A rollout as `slipway explain <rollout> --json` prints it; undefined where there is none of that id. */
export async function findRolloutDecisions(
  { store }: StoreContext,
  id: string,
): Promise<RolloutDecisionsDocument | undefined> {
  const start = await readRolloutStart(store, id)
  if (start === undefined) return undefined
  const end = await readRolloutEnd(store, id)
  const looks = replayRollout(start.policy, start.state, await readLooks(store, id), end?.decisions.at(-1) ?? null)
  const differing = looks.filter(({ same }) => same === false).map(({ seq }) => seq)
  return {
    start,
    end: end ?? null,
    looks,
    replay: { compared: looks.filter(({ same }) => same !== null).length, differing },
  }
}

/** The same. @throws SlipwayError NOT_FOUND */
export async function readRolloutDecisions(context: StoreContext, id: string): Promise<RolloutDecisionsDocument> {
  const found = await findRolloutDecisions(context, id)
  if (found !== undefined) return found
  throw new SlipwayError('NOT_FOUND', `there is no rollout ${id}`, { next: 'see slipway rollout status <endpoint>' })
}
