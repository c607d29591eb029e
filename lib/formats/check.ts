import { z } from 'zod'
import { CodeRef } from './code-ref.ts'
import { gateRules, type MeasuredRows, type RuleVerdict } from './gate-rules.ts'
import { findMetric, isMetricName, metricNames, rowMetric } from './metrics/index.ts'

export const MetricName = z.enum(metricNames)
export type MetricName = z.infer<typeof MetricName>

const { atLeast, atMost, notWorseThan } = gateRules

/** A gate about a metric. */
const MetricCheck = z
  .discriminatedUnion('rule', [atLeast.shape, atMost.shape, notWorseThan.shape])
  .refine((check) => check.rule !== 'notWorseThan' || (check.by === undefined) !== (check.byShare === undefined), {
    error: 'takes by or byShare, one of the two',
  })
  .refine(({ metric, own }) => (own === undefined ? findMetric(metric) !== undefined : !isMetricName(metric)), {
    path: ['metric'],
    error: `a metric of yours has a name of its own, any other is one of ${metricNames.join(', ')}`,
  })
  .refine((check) => backtestOf(check) === undefined || check.slice === undefined, {
    path: ['slice'],
    error: 'the worst cutoff of a backtest is of all rows: it has no slices',
  })
export type MetricCheck = z.infer<typeof MetricCheck>

/** The backtest whose worst cutoff a check is about, by its name. */
export const backtestOf = (check: object): string | undefined => (check as { backtest?: string }).backtest

/** A gate that a function of the user's decides, on the evaluation. */
const OwnCheck = z.object({ rule: z.literal('own'), name: z.string().min(1).max(100), code: CodeRef })
export type OwnCheck = z.infer<typeof OwnCheck>

/** One gate as the plan holds it. */
export const Check = z.discriminatedUnion('rule', [MetricCheck, OwnCheck])
export type Check = z.infer<typeof Check>

/** What a check is about: the metric; of a gate of the user's its name. */
export const subjectOf = (check: Check): string => (check.rule === 'own' ? check.name : check.metric)

/** The user's function that a check runs, if it runs one. */
export const codeOfCheck = (check: Check): CodeRef | undefined => (check.rule === 'own' ? check.code : check.own?.code)

/** A check without its code, which counts in a step key by its digest. */
export function withoutCode(check: Check): object {
  if (check.rule === 'own') return { rule: check.rule, name: check.name }
  if (check.own === undefined) return check
  const { code: _, ...own } = check.own
  return { ...check, own }
}

/** A metric of predictions, of all outputs or of one alone: `rmse`, `rmse.rent`. */
const WatchedMetric = z.union([MetricName, z.string().refine((name) => rowMetric(name) !== undefined)], {
  error: `one of ${metricNames.join(', ')}`,
})

/**
 * The model does worse on what became known: `metric` beyond `limit`, in `windows` checks of a monitor one after the
 * other.
 */
export const QualityRule = z.object({ metric: WatchedMetric, limit: z.number(), windows: z.int().min(1) })
export type QualityRule = z.infer<typeof QualityRule>

/** Judges a rule about a metric on some rows. */
export const judgeRule = (check: MetricCheck, rows: MeasuredRows): RuleVerdict =>
  (gateRules[check.rule].judge as (check: MetricCheck, rows: MeasuredRows) => RuleVerdict)(check, rows)

/**
 * `auc ≥ 0.69`, `rmse not worse than champion by 0.2 (95 %) for each origin`, `auc not worse than champion by 1 % of
 * its value (90 %), default`: a gate in words.
 */
export function describeCheck(check: Check): string {
  if (check.rule === 'own') return check.name
  const words = (gateRules[check.rule].words as (check: MetricCheck) => string)(check)
  const backtest = backtestOf(check)
  const where = backtest === undefined ? '' : ` at every cutoff of ${backtest}`
  const scope = check.slice === undefined ? where : ` for each ${check.slice}`
  const origin = check.rule === 'notWorseThan' && check.default === true ? ', default' : ''
  return `${words}${scope}${origin}`
}

/** The first few metrics, the telling ones first: `auc 0.7049, logLoss 0.4668, brier 0.1494`. */
export function metricsInWords(metrics: Readonly<Record<string, number>>, count = 3): string {
  return metricNames
    .filter((name) => metrics[name] !== undefined)
    .slice(0, count)
    .map((name) => `${name} ${Number((metrics[name] as number).toPrecision(4))}`)
    .join(', ')
}
