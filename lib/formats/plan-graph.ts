import { ownSteps, type PlanOutline, type StepOutline } from './plan-outline.ts'
import { readsOf } from './step-inputs.ts'
import { kindOf } from './step-kinds/index.ts'

/** Something to be carried out, and what it waits for. */
export interface PlanNode {
  readonly id: string
  /** What must be done, with success, before it begins. */
  readonly needs: readonly string[]
  /** What must have ended before it begins, however. */
  readonly after: readonly string[]
  /** How many of the things that work at once it counts for, at most; 0 for one that waits for people or traffic. */
  readonly width: number
}

/**
 * A plan as a graph: a step waits for what it reads, and decisions about a package for those before them in the plan.
 * Steps that take turns (`versions of flights`) also wait for each other to end. What another workflow carries out is
 * no part of it.
 */
export function graphOf(plan: PlanOutline): PlanNode[] {
  const deciding = new Map<string, StepOutline[]>()
  const turns = new Map<string, string[]>()
  return ownSteps(plan).map((step) => {
    const { decides, turns: turnsOf, isPatient, width } = kindOf(step)
    const needs = new Set(Object.values(readsOf(plan, step)).map((read) => read.step))
    const after: string[] = []
    if (decides !== undefined && 'package' in step) {
      const before = deciding.get(step.package) ?? []
      for (const each of before) if (decides === 'in turn' || kindOf(each).decides === 'in turn') needs.add(each.id)
      deciding.set(step.package, [...before, step])
    }
    for (const turn of turnsOf?.(step) ?? []) {
      const before = turns.get(turn) ?? []
      after.push(...before.filter((id) => !needs.has(id)))
      turns.set(turn, [...before, step.id])
    }
    return { id: step.id, needs: [...needs], after, width: isPatient === true ? 0 : (width?.(step) ?? 1) }
  })
}
