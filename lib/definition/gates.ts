import type { Check, MetricName, QualityRule } from '../formats/check.ts'
import { answersOver } from './deploy.ts'

/** A gate, typed by the tasks it fits and the column it slices by, so that a wrong one does not compile. */
export interface Gate<Task, Column extends string = never> {
  readonly check: Check
  readonly fits?: (task: Task) => void
  readonly column?: Column
}

/** A rule that may ask for several checks in a row: `psi.over(0.2).for(2)`. */
export type Repeated<Rule> = Rule & { for(windows: number): Rule }
export const repeated = <Rule extends { readonly windows: number }>(rule: Rule): Repeated<Rule> =>
  Object.defineProperty({ ...rule }, 'for', {
    value: (windows: number): Rule => ({ ...rule, windows }),
  }) as Repeated<Rule>

/** How much worse is still accepted. */
type Margin = { by: number; byShare?: never } | { byShare: number; by?: never }

interface Metric<Task> {
  /** Passes if the metric is at least `limit`. */
  atLeast(limit: number): Gate<Task>
  /** Passes if the metric is at most `limit`. */
  atMost(limit: number): Gate<Task>
  /**
   * Passes if the candidate is not worse than the champion by more than the margin, at the confidence given (default 0.95): the
   * one-sided bound of a paired bootstrap on the same rows. The margin is `by`, in units of the metric, or `byShare`, a share of the
   * champion's own value (0.01 is 1 %). Passes without comparison while there is no champion.
   */
  notWorseThan(opponent: 'champion', options: Margin & { confidence?: number }): Gate<Task>
}

/** A metric of which more is better: monitors raise an alarm when its live value falls. */
interface Benefit<Task> extends Metric<Task> {
  /** For monitors: the live value is below this with 95 % confidence; `.for(n)` asks for n checks in a row. */
  below(limit: number): Repeated<QualityRule>
}
/** A metric of which less is better: monitors raise an alarm when its live value rises. */
interface Loss<Task> extends Metric<Task> {
  /** For monitors: the live value is above this with 95 % confidence; `.for(n)` asks for n checks in a row. */
  above(limit: number): Repeated<QualityRule>
}

const benefit = <Task>(name: MetricName): Benefit<Task> => ({
  ...metric(name),
  below: (limit) => repeated({ metric: name, limit, windows: 1 }),
})
const loss = <Task>(name: MetricName): Loss<Task> => ({
  ...metric(name),
  above: (limit) => repeated({ metric: name, limit, windows: 1 }),
})

export function metric<Task>(name: MetricName): Metric<Task> {
  return {
    atLeast: (limit) => ({ check: { rule: 'atLeast', metric: name, limit } }),
    atMost: (limit) => ({ check: { rule: 'atMost', metric: name, limit } }),
    notWorseThan: (opponent, { confidence = 0.95, ...margin }) => ({
      check: { rule: 'notWorseThan', metric: name, opponent, ...margin, confidence },
    }),
  }
}

export const auc = benefit<'binary'>('auc')
export const logLoss = loss<'binary'>('logLoss')
export const brier = loss<'binary'>('brier')
/** Expected calibration error over ten equal-count bins. */
export const calibrationError = loss<'binary'>('calibrationError')
export const accuracy = benefit<'binary'>('accuracy')
export const precision = benefit<'binary'>('precision')
export const recall = benefit<'binary'>('recall')
export const f1 = benefit<'binary'>('f1')
export const rmse = loss<'regression'>('rmse')
export const mae = loss<'regression'>('mae')
export const r2 = benefit<'regression'>('r2')

/** The ONNX model takes at most this many bytes. */
export const size = {
  atMost: (bytes: number): Gate<'binary' | 'regression'> => ({
    check: { rule: 'atMost', metric: 'sizeBytes', limit: bytes },
  }),
}

/**
 * `latency.p99.atMost(ms)`, a gate: 99 of 100 single-row predictions take at most this long on the worker that checks.
 * `latency.over(ms).notWorseBy(share)`, for rollouts: the share of answers that take longer.
 */
export const latency = {
  over: answersOver,
  p99: {
    atMost: (ms: number): Gate<'binary' | 'regression'> => ({
      check: { rule: 'atMost', metric: 'latencyP99Ms', limit: ms },
    }),
  },
}

/**
 * The gate must hold in every slice: the rows that share a value of `column`. Slices too small to judge (see
 * `stats/slices.ts`) are listed and do not decide.
 */
export function slice<const Column extends string, Task>(column: Column, gate: Gate<Task>): Gate<Task, Column> {
  return { check: { ...gate.check, slice: column } }
}
