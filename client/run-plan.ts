import { SlipwayError } from '../lib/formats/errors.ts'
import type { Plan } from '../lib/formats/plan.ts'
import { getPlan } from '../lib/store/plans.ts'
import { readWholeRun } from '../lib/store/runs.ts'
import type { StoreContext } from './context.ts'

/** The plan of a run that has ended, from the store alone. @throws SlipwayError NOT_FOUND */
export async function readPlanOf({ store }: StoreContext, runId: string): Promise<Plan> {
  const record = await readWholeRun(store, runId)
  if (record === undefined)
    throw new SlipwayError('NOT_FOUND', `there is no finished run ${runId}`, { next: 'see `slipway runs`' })
  return getPlan(store, record.plan.digest)
}
