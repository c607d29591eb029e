import type { Plan, Step } from '../formats/plan.ts'

/** Whether it matters to a plan which moment counts as now. */
export const isDated = ({ steps }: Plan): boolean =>
  steps.some(
    (step) =>
      (step.kind === 'split' && step.rule.by === 'age' && step.rule.cutoff === undefined) ||
      (step.kind === 'snapshot' && step.last !== undefined),
  )

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

/**
 * A plan as of the moment that another one is as of: the same splits by age end when those do, and the same sources are
 * read up to the same day.
 * @param other a plan of the same pipeline, as of some moment
 * @param withWindows whether windows are taken over too: a retraining has its own
 */
export function planAsOfOther(plan: Plan, other: Plan, { withWindows }: { readonly withWindows: boolean }): Plan {
  const others = new Map(other.steps.map((step) => [step.id, step]))
  const move = (step: Step): Step => {
    const known = others.get(step.id)
    if (step.kind === 'split' && step.rule.by === 'age' && known?.kind === 'split' && known.rule.by === 'age') {
      const { until, windowMs } = known.rule
      return { ...step, rule: { ...step.rule, until, ...(withWindows && { windowMs }) } }
    }
    if (step.kind === 'snapshot' && step.last !== undefined && known?.kind === 'snapshot' && known.last !== undefined)
      return { ...step, last: { ...step.last, until: known.last.until } }
    return step
  }
  return { ...plan, steps: plan.steps.map(move) }
}
