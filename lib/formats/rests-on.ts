import type { PlanOutline, StepOutline } from './plan-outline.ts'
import { readsOf } from './step-inputs.ts'
import { kindOf } from './step-kinds/index.ts'

/** The steps of a plan as one package sees them. */
export interface RestsOn {
  /** Those that it was made by, and that it was measured and judged by on stored rows; in the order of the plan. */
  readonly again: readonly StepOutline[]
  /** Those that decided about it by what was served then, by people or in time, or that took effect. */
  readonly left: readonly StepOutline[]
}

/** What a package, and what is known of it, rests on. */
export function restsOn(plan: PlanOutline, packageId: string): RestsOn {
  const about = plan.steps.filter((step) => 'package' in step && step.package === packageId)
  const again = about.filter((step) => !looksAtTheWorld(step))
  const needed = new Set([packageId, ...again.map(({ id }) => id)])
  // Steps stand in an order in which they can run: what one reads is before it.
  for (const step of plan.steps.toReversed())
    if (needed.has(step.id)) for (const read of Object.values(readsOf(plan, step))) needed.add(read.step)
  return {
    again: plan.steps.filter(({ id }) => needed.has(id)),
    left: about.filter(looksAtTheWorld),
  }
}

const looksAtTheWorld = (step: StepOutline): boolean => kindOf(step).always !== undefined
