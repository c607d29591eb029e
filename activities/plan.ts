import { outlineOf, type PlanOutline } from '../lib/formats/plan-outline.ts'
import { outlineOfGroup, outlineOfRun } from '../lib/stats/shared-outline.ts'
import { getPlan } from '../lib/store/plans.ts'
import { type ActivityDeps, runActivity } from './step.ts'

export function createPlanActivities({ store }: Pick<ActivityDeps, 'store'>) {
  return {
    /**
     * What the workflow of a run needs of its plan, or that of a group of its branches.
     * @param order.plan its digest
     * @param order.group the place of the group among those of the plan
     */
    async readPlan({ plan, group }: { plan: string; group?: number }): Promise<PlanOutline> {
      return runActivity('plan', async () => {
        const outline = outlineOf(await getPlan(store, plan))
        return group === undefined ? outlineOfRun(outline) : outlineOfGroup(outline, group)
      })
    },
  }
}
