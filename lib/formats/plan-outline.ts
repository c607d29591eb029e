import type { Plan } from './plan.ts'
import { kindOf, type Step, type StepKind, type StepOutline } from './step-kinds/index.ts'

export type { StepOutline } from './step-kinds/index.ts'

/**
 * A plan as a workflow sees it: which steps there are, what each reads, and what it decides by. However many columns a
 * table has and whatever they may hold, it is as small; activities read the steps themselves from the store, by the
 * plan's digest.
 */
export interface PlanOutline {
  readonly pipeline: string
  /** How many steps work at once; absent where the definition does not say. */
  readonly parallel?: number
  readonly steps: readonly StepOutline[]
  /** Steps among these that another workflow carries out; this one looks at them, or reads what they made. */
  readonly others?: readonly string[]
  /** Branches that workflows of their own carry out. */
  readonly groups?: readonly GroupOutline[]
}

/** A group of branches, as the run that has it carried out sees it. */
export interface GroupOutline {
  readonly branches: readonly string[]
  /** How many steps it has. */
  readonly size: number
  /** Steps of the run that it reads from. */
  readonly reads: readonly string[]
  /** Its steps that the run reads from. */
  readonly makes: readonly string[]
}

/** Names a step of a plan in the store. */
export interface StepRef<Kind extends StepKind = StepKind> {
  /** The plan's digest. */
  readonly plan: string
  readonly id: string
  readonly kind: Kind
}

export function outlineOf({ pipeline, parallel, steps }: Plan): PlanOutline {
  return { pipeline, ...(parallel !== undefined && { parallel }), steps: steps.map(outlineOfStep) }
}

/** How many steps of a run work at once, where its definition does not say. */
export const usualParallel = 4

/** The steps of an outline that its workflow carries out itself. */
export function ownSteps({ steps, others = [] }: PlanOutline): readonly StepOutline[] {
  const elsewhere = new Set(others)
  return elsewhere.size === 0 ? steps : steps.filter(({ id }) => !elsewhere.has(id))
}

function outlineOfStep(step: Step): StepOutline {
  const { links, planned } = kindOf(step)
  return { id: step.id, kind: step.kind, summary: planned(step).slice(0, 200), ...links(step) } as StepOutline
}

/**
 * Where a package is deployed to first: what that serves is what the package would replace. Null where it is only
 * registered.
 */
export function endpointOf({ steps }: PlanOutline, packageId: string): string | null {
  const deploy = steps.find((step) => step.kind === 'deploy' && step.package === packageId)
  return deploy?.kind === 'deploy' ? deploy.endpoint : null
}
