import type { Plan } from '../lib/formats/plan.ts'
import { getPlan } from '../lib/store/plans.ts'
import type { StoreContext } from './context.ts'
import { requireEndedRun } from './ended-run.ts'

/** The plan of a run that has ended, from the store alone. @throws SlipwayError NOT_FOUND */
export async function readPlanOf({ store }: StoreContext, runId: string): Promise<Plan> {
  const record = await requireEndedRun(store, runId)
  return getPlan(store, record.plan.digest)
}
