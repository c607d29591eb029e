import { jsonDifferences } from './json-differences.ts'
import type { Plan } from './plan.ts'

/** The first step in which two plans differ, and how. */
export interface PlanDifference {
  readonly step: string
  readonly kind: string
  readonly how: readonly string[]
}

/** How a plan that was made anew first differs from one on record, in the order of that; null where it does not. */
export function planDifference(recorded: Plan, anew: Plan): PlanDifference | null {
  const steps = new Map(anew.steps.map((step) => [step.id, step]))
  for (const step of recorded.steps) {
    const other = steps.get(step.id)
    const how = other === undefined ? ['the plan made anew has no such step'] : changesOfStep(step, other)
    if (how.length > 0) return { step: step.id, kind: step.kind, how }
    steps.delete(step.id)
  }
  const [more] = steps.values()
  if (more !== undefined) return { step: more.id, kind: more.kind, how: ['the plan on record has no such step'] }
  const [first] = recorded.steps
  const how = jsonDifferences({ ...recorded, steps: [] }, { ...anew, steps: [] })
  return how.length === 0 ? null : { step: first?.id ?? '', kind: 'plan', how }
}

/**
 * How a step of two plans differs, a phrase each. Code is known by its digest: `features.digest` says that it is other
 * code.
 */
export const changesOfStep = (before: object, after: object): string[] =>
  jsonDifferences(before, after).map((change) => change.replace(/^(.+)\.digest$/, 'code of $1'))
