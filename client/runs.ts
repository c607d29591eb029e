import { listRuns, readWholeRun } from '../lib/store/runs.ts'
import type { ClientContext, StoreContext } from './context.ts'
import { bestFirst, metricNamed } from './metrics.ts'
import { type RunDocument, runDocument } from './run-document.ts'
import type { RunningDocument } from './running.ts'

/** Which runs are listed, and in which order. */
export interface RunsWanted {
  readonly pipeline?: string | undefined
  /** A metric: the best of all first, and those without it last. By default the newest is first. */
  readonly sort?: string | undefined
  /** 20 by default. */
  readonly limit?: number | undefined
}

/** Runs that have ended, as `slipway runs --json` prints them. @throws SlipwayError USAGE for an unknown metric */
export async function readRuns(
  { store, say }: StoreContext,
  { pipeline, sort, limit = 20 }: RunsWanted = {},
): Promise<RunDocument[]> {
  if (sort === undefined) return (await listRuns(store, pipeline, limit, say)).map(runDocument)
  const order = bestFirst(metricNamed('sort', sort))
  const all = await listRuns(store, pipeline, Number.POSITIVE_INFINITY, say)
  return all.sort(order).slice(0, limit).map(runDocument)
}

/** A run that has ended, by the store alone; undefined for one that has not, or was never begun. */
export async function findEndedRun({ store }: StoreContext, runId: string): Promise<RunDocument | undefined> {
  const record = await readWholeRun(store, runId)
  return record && runDocument(record)
}

/** A run, as `slipway show <run> --json` prints it. @throws SlipwayError NOT_FOUND */
export async function readRun(context: ClientContext, runId: string): Promise<RunDocument | RunningDocument> {
  const ended = await findEndedRun(context, runId)
  // What reads the store alone loads nothing of Temporal's.
  return ended ?? (await import('./running.ts')).readRunning(context, runId)
}
