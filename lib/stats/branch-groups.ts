import { graphOf } from '../formats/plan-graph.ts'
import type { PlanOutline, StepOutline } from '../formats/plan-outline.ts'
import { topBranchOf } from '../formats/step-id.ts'
import { kindOf } from '../formats/step-kinds/index.ts'

/** A run does up to this many steps of branches itself; more are shared out among workflows of their own. */
const mostInline = 100
/**
 * What one such workflow does at most: its history stays below some two thousand events, and its record travels in one
 * message.
 */
const mostSteps = 80
const mostBranches = 20

/** Branches that one workflow carries out. */
export interface BranchGroup {
  readonly branches: readonly string[]
  readonly steps: readonly string[]
}

/**
 * How a plan is shared out: the groups of branches that workflows of their own carry out; none where a run does it all
 * itself. It does itself whatever is in no branch, what depends on several branches, and what is decided about a
 * package where a person is asked.
 */
export function branchGroups(plan: PlanOutline): BranchGroup[] {
  const steps = apartSteps(plan)
  if (steps.length <= mostInline) return []
  const byBranch = new Map<string, string[]>()
  for (const { id } of steps) byBranch.set(topBranchOf(id), [...(byBranch.get(topBranchOf(id)) ?? []), id])
  const groups: { branches: string[]; steps: string[] }[] = []
  for (const [branch, ids] of byBranch) {
    const last = groups.at(-1)
    const fits =
      last !== undefined && last.branches.length < mostBranches && last.steps.length + ids.length <= mostSteps
    const group = fits ? last : { branches: [], steps: [] }
    if (!fits) groups.push(group)
    group.branches.push(branch)
    group.steps.push(...ids)
  }
  return groups
}

/** Steps of branches that need nothing but what is made before all branches, and what their own branch makes. */
function apartSteps(plan: PlanOutline): StepOutline[] {
  const waits = new Map(graphOf(plan).map(({ id, needs, after }) => [id, [...needs, ...after]]))
  const decisions = decisionsOf(plan)
  const asked = plan.steps.flatMap((step) => (step.kind === 'approve' ? step.id : []))
  const excluded = new Set(asked)
  /** Whether a step rests on branches: what is no branch's and does so is done by the run. */
  const rests = new Set<string>()
  for (;;) {
    const before = excluded.size
    for (const { id } of plan.steps) {
      const branch = topBranchOf(id)
      const on = waits.get(id) as string[]
      if (branch !== '' || on.some((other) => rests.has(other))) rests.add(id)
      const isMixed = on.some((other) => excluded.has(other) || (rests.has(other) && topBranchOf(other) !== branch))
      if (branch !== '' && isMixed) excluded.add(id)
    }
    // All that is decided about a package is decided in one place.
    for (const together of decisions.values()) {
      const isTorn = new Set(together.map(topBranchOf)).size > 1 || together.some((id) => excluded.has(id))
      if (isTorn) for (const id of together) excluded.add(id)
    }
    if (excluded.size === before) break
  }
  return plan.steps.filter(({ id }) => topBranchOf(id) !== '' && !excluded.has(id))
}

/** The steps that decide about a package, by package. */
function decisionsOf({ steps }: PlanOutline): Map<string, string[]> {
  const decisions = new Map<string, string[]>()
  for (const step of steps) {
    if (kindOf(step).decides === undefined || !('package' in step)) continue
    decisions.set(step.package, [...(decisions.get(step.package) ?? []), step.id])
  }
  return decisions
}
