import type { Plan, Step } from '../formats/plan.ts'

/**
 * A plan as of a moment: what its splits by age take for now, ISO time. Other plans stay as they are.
 * @param windowMs rows older than this before it are left out; null leaves that to the definition
 */
export function planAsOf(plan: Plan, asOf: string, windowMs: number | null = null): Plan {
  const move = (step: Step): Step =>
    step.kind === 'split' && step.rule.by === 'age'
      ? { ...step, rule: { ...step.rule, until: asOf, windowMs: windowMs ?? step.rule.windowMs } }
      : step
  return { ...plan, steps: plan.steps.map(move) }
}
