import { outlineOf, type PlanOutline } from '../lib/formats/plan-outline.ts'
import { getPlan } from '../lib/store/plans.ts'
import { type ActivityDeps, runActivity } from './step.ts'

export function createPlanActivities({ store }: Pick<ActivityDeps, 'store'>) {
  return {
    /** What the workflow of a run needs of its plan. @param plan its digest */
    async readPlan({ plan }: { plan: string }): Promise<PlanOutline> {
      return runActivity('plan', async () => outlineOf(await getPlan(store, plan)))
    },
  }
}
