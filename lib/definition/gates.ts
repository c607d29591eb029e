import type { MetricCheck, QualityRule } from '../formats/check.ts'
import type { UserFunction } from '../formats/columns.ts'
import type { OwnMetric } from '../formats/gate-rules.ts'
import type { RanksOfGain } from '../formats/metrics/gain.ts'
import { type MetricName, type MetricsOf, metricOfOutput, type metrics } from '../formats/metrics/index.ts'
import type { Task } from '../formats/plan.ts'
import { answersOver } from './deploy.ts'

/**
 * A gate about a metric, typed by the tasks it fits, the column it slices by and the columns its metric takes, so that
 * a wrong one does not compile.
 */
export interface Gate<Fits, Column extends string = never, Columns = unknown> {
  readonly check: MetricCheck
  /** Of a metric of the user's: its function, of which a plan holds where its bundle is. */
  readonly own?: Omit<OwnMetric, 'code'> & { readonly run: UserFunction }
  /** Of a gate about the worst cutoff of a backtest: its name in the check, and its step. */
  readonly backtest?: { readonly name: string; readonly id: string }
  readonly fits?: (task: Fits) => void
  readonly column?: Column
  readonly takes?: (columns: Columns) => void
}

/** A rule that may ask for several checks in a row: `psi.over(0.2).for(2)`. */
export type Repeated<Rule> = Rule & { for(windows: number): Rule }
export const repeated = <Rule extends { readonly windows: number }>(rule: Rule): Repeated<Rule> =>
  Object.defineProperty({ ...rule }, 'for', {
    value: (windows: number): Rule => ({ ...rule, windows }),
  }) as Repeated<Rule>

/** How much worse is still accepted. */
type Margin = { by: number; byShare?: never } | { byShare: number; by?: never }

/** The rules that a metric can be held to: a method an entry of `gateRules`. */
export interface Rules<Made> {
  /** Passes if the metric is at least `limit`. */
  atLeast(limit: number): Made
  /** Passes if the metric is at most `limit`. */
  atMost(limit: number): Made
  /**
   * Passes if the candidate is not worse than the champion by more than the margin, at the confidence given (default
   * 0.95): the one-sided bound of a paired bootstrap on the same rows. The margin is `by`, in units of the metric, or
   * `byShare`, a share of the champion's own value (0.01 is 1 %). Passes without comparison while there is no champion.
   */
  notWorseThan(baseline: 'champion', options: Margin & { confidence?: number }): Made
}

/** @param made makes the gate of a check */
export const rulesOf = <Made>(name: string, made: (check: MetricCheck) => Made): Rules<Made> => ({
  atLeast: (limit) => made({ rule: 'atLeast', metric: name, limit }),
  atMost: (limit) => made({ rule: 'atMost', metric: name, limit }),
  notWorseThan: (baseline, { confidence = 0.95, ...margin }) =>
    made({ rule: 'notWorseThan', metric: name, opponent: baseline, ...margin, confidence }),
})

/** A metric of which more is better: monitors raise an alarm when its live value falls. */
export interface Benefit {
  /** For monitors: the live value is below this with 95 % confidence; `.for(n)` asks for n checks in a row. */
  below(limit: number): Repeated<QualityRule>
}
/** A metric of which less is better: monitors raise an alarm when its live value rises. */
export interface Loss {
  /** For monitors: the live value is above this with 95 % confidence; `.for(n)` asks for n checks in a row. */
  above(limit: number): Repeated<QualityRule>
}

type TasksOf<Name extends MetricName> = (typeof metrics)[Name]['tasks'][number]
type Alarm<Name extends MetricName> = (typeof metrics)[Name]['better'] extends 'larger' ? Benefit : Loss

function metricCalled<Made>(name: string): Made {
  const alarm = (limit: number) => repeated({ metric: name, limit, windows: 1 })
  const both: Benefit & Loss = { below: alarm, above: alarm }
  return { ...rulesOf(name, (check): Gate<Task> => ({ check })), ...both } as never
}

/** A metric of the table, with the rules and the alarm that fit it. */
const builtIn = <Name extends MetricsOf<Task>>(name: Name): Rules<Gate<TasksOf<Name>>> & Alarm<Name> =>
  metricCalled(name)

/** The same, of which there is one of each output too, where a row has several: `rmse.of('rent')`. */
function ofOutputs<Name extends MetricsOf<'regression' | 'quantiles'>>(name: Name) {
  type Made = Rules<Gate<TasksOf<Name>>> & Alarm<Name>
  return {
    ...metricCalled<Made>(name),
    /** Of one of several targets, by its column; of one of several quantiles, by its level. */
    of: (output: Name extends MetricsOf<'quantiles'> ? number : string): Made =>
      metricCalled(metricOfOutput(name, String(output))),
  }
}

/** Of yes/no: the area under the ROC curve, 0.5 for chance and 1 for a perfect order. */
export const auc = builtIn('auc')
/** Of classes, two or several: the mean negative logarithm of the probability that the right one was given. */
export const logLoss = builtIn('logLoss')
/** Of yes/no: the mean squared difference of probability and outcome. */
export const brier = builtIn('brier')
/** Expected calibration error over ten equal-count bins. */
export const calibrationError = builtIn('calibrationError')
/** Of classes, two or several: the share of rows whose likeliest class is right (of two, at probability 0.5). */
export const accuracy = builtIn('accuracy')
/** Of yes/no: the share of right ones among rows said to be positive, at probability 0.5. */
export const precision = builtIn('precision')
/** Of yes/no: the share of the positive rows that were said to be positive, at probability 0.5. */
export const recall = builtIn('recall')
/** Of yes/no: the harmonic mean of precision and recall. */
export const f1 = builtIn('f1')
/** Of several classes: the mean over classes of the area under the ROC curve of one against the rest. */
export const aucMacro = builtIn('aucMacro')
/** Of several classes: the mean over classes of the F1 of one against the rest. */
export const f1Macro = builtIn('f1Macro')
/** Of several classes: the same mean, weighted by the rows of each class. */
export const f1Weighted = builtIn('f1Weighted')
/** The mean recall of the classes. */
export const balancedAccuracy = builtIn('balancedAccuracy')
/** Of several classes: the mean over classes of the precision of one against the rest. */
export const precisionMacro = builtIn('precisionMacro')
/** Of several classes: the mean over classes of the recall of one against the rest. */
export const recallMacro = builtIn('recallMacro')
/** Of several classes: the share of rows whose class is among the three likeliest. */
export const top3Accuracy = builtIn('top3Accuracy')
/** Of a number: the root of the mean squared error, in its unit; `rmse.of('rent')` of one of several. */
export const rmse = ofOutputs('rmse')
/** Of a number: the mean absolute error, in its unit; `mae.of('rent')` of one of several. */
export const mae = ofOutputs('mae')
/** Of a number: the share of the variance of the labels that is explained; `r2.of('rent')` of one of several. */
export const r2 = ofOutputs('r2')
/** Of quantiles: the mean of their pinball losses; `pinball.of(0.9)` of one. */
export const pinball = ofOutputs('pinball')
/**
 * Of quantiles: the share of labels between the lowest and the highest; `coverage.of(0.9)` is that of labels at most at
 * this one.
 */
export const coverage = ofOutputs('coverage')
/**
 * Of a ranking: normalised discounted cumulative gain, the mean over groups; `ndcg.at(10)` of the first ten ranks. How
 * rows of equal scores and groups that are worth nothing count is in docs/definition.md.
 */
export const ndcg = { ...builtIn('ndcg'), at: (ranks: RanksOfGain) => builtIn(`ndcg@${ranks}`) }
/** Of a ranking: the mean over groups of one by the rank of the first row that is worth anything. */
export const meanReciprocalRank = builtIn('meanReciprocalRank')
/** Of a ranking: the mean over groups of the mean precision at the ranks of the rows that are worth anything. */
export const meanAveragePrecision = builtIn('meanAveragePrecision')

/** The ONNX model takes at most this many bytes. */
export const size = {
  atMost: (bytes: number): Gate<Task> => ({
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
    atMost: (ms: number): Gate<Task> => ({
      check: { rule: 'atMost', metric: 'latencyP99Ms', limit: ms },
    }),
  },
}

/**
 * The gate must hold in every slice: the rows that share a value of `column`. Slices too small to judge (see
 * `lib/stats/gates.ts`) are listed and do not decide.
 */
export function slice<const Column extends string, Fits, Columns>(
  column: Column,
  gate: Gate<Fits, never, Columns>,
): Gate<Fits, Column, Columns> {
  return { ...gate, check: { ...gate.check, slice: column } } as Gate<Fits, Column, Columns>
}
