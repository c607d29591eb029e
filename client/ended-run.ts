import { SlipwayError } from '../lib/formats/errors.ts'
import type { RunRecord } from '../lib/formats/records.ts'
import { readWholeRun } from '../lib/store/runs.ts'
import type { Store } from '../lib/store/store.ts'

/** The record of a run that has ended, with what its branches did. @throws SlipwayError NOT_FOUND */
export async function requireEndedRun(store: Store, runId: string): Promise<RunRecord> {
  const record = await readWholeRun(store, runId)
  if (record !== undefined) return record
  throw new SlipwayError('NOT_FOUND', `there is no finished run ${runId}`, { next: 'see `slipway runs`' })
}
