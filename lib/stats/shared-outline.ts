import type { GroupOutline, PlanOutline, StepOutline } from '../formats/plan-outline.ts'
import { readsOf } from '../formats/step-inputs.ts'
import { branchGroups } from './branch-groups.ts'

/**
 * What the workflow of a run is told of its plan: what it carries out itself, and the groups of branches that others
 * do.
 */
export function outlineOfRun(plan: PlanOutline): PlanOutline {
  const groups = branchGroups(plan)
  if (groups.length === 0) return plan
  const shared = new Set(groups.flatMap(({ steps }) => steps))
  const own = new Set(plan.steps.flatMap(({ id }) => (shared.has(id) ? [] : [id])))
  const read = new Set(plan.steps.filter(({ id }) => own.has(id)).flatMap((step) => readBy(plan, step)))
  const outlines = groups.map(({ branches, steps }): GroupOutline => {
    const among = new Set(steps)
    const reads = plan.steps.filter(({ id }) => among.has(id)).flatMap((step) => readBy(plan, step))
    return {
      branches,
      size: steps.length,
      reads: [...new Set(reads)].filter((id) => !among.has(id)),
      makes: steps.filter((id) => read.has(id)),
    }
  })
  return { ...partOf(plan, own), groups: outlines }
}

/** What the workflow of a group of branches is told of the plan. @param group its place among the groups */
export function outlineOfGroup(plan: PlanOutline, group: number): PlanOutline {
  const found = branchGroups(plan)[group]
  if (found === undefined) throw new Error(`the plan has no group ${group} of branches`)
  return partOf(plan, new Set(found.steps))
}

/** Some steps of a plan, and those that they look at or read from. */
function partOf(plan: PlanOutline, own: ReadonlySet<string>): PlanOutline {
  const seen = new Set<string>()
  for (const step of plan.steps) {
    if (!own.has(step.id)) continue
    const reads = readsOf(plan, step, (id) => seen.add(id))
    for (const read of Object.values(reads)) seen.add(read.step)
  }
  const steps = plan.steps.filter(({ id }) => own.has(id) || seen.has(id))
  return { ...plan, steps, others: steps.flatMap(({ id }) => (own.has(id) ? [] : [id])) }
}

const readBy = (plan: PlanOutline, step: StepOutline): string[] =>
  Object.values(readsOf(plan, step)).map((read) => read.step)
