import type { Plan, Step } from '../formats/plan.ts'

/**
 * A plan as of a moment, ISO time: what its splits by age take for now, and the last day that its sources are read for.
 * Other plans stay as they are, and so do the days that a backtest names.
 * @param windowMs rows older than this before it are left out; null leaves that to the definition
 */
export function planAsOf(plan: Plan, asOf: string, windowMs: number | null = null): Plan {
  const move = (step: Step): Step => {
    if (step.kind === 'split' && step.rule.by === 'age' && step.rule.cutoff === undefined)
      return { ...step, rule: { ...step.rule, until: asOf, windowMs: windowMs ?? step.rule.windowMs } }
    if (step.kind === 'snapshot' && step.last !== undefined)
      return { ...step, last: { ...step.last, until: new Date(asOf).toISOString().slice(0, 10) } }
    return step
  }
  return { ...plan, steps: plan.steps.map(move) }
}
