import { type BacktestReport, cutoffInWords } from '../formats/backtest-report.ts'
import { describeCheck, judgeRule, type MetricCheck } from '../formats/check.ts'
import { findMetric, metricNames } from '../formats/metrics/index.ts'
import type { GateResult } from '../formats/records.ts'
import { show } from '../formats/show-number.ts'

type Cutoffs = BacktestReport['cutoffs']

/** The names of the metrics that some cutoff has, the telling ones first. */
export const metricsOfBacktest = ({ cutoffs }: Pick<BacktestReport, 'cutoffs'>): string[] =>
  metricNames.filter((name) => cutoffs.some(({ metrics }) => metrics[name] !== undefined))

/** The mean and the worst value of every metric that is defined at every cutoff. */
export function summarise(cutoffs: Cutoffs): BacktestReport['summary'] {
  const summary: BacktestReport['summary'] = {}
  for (const name of metricsOfBacktest({ cutoffs })) {
    const found = cutoffs.flatMap(({ at, metrics }) => {
      const value = metrics[name]?.value
      return value === undefined ? [] : [{ at, value }]
    })
    if (found.length < cutoffs.length) continue
    const sign = findMetric(name)?.better === 'smaller' ? -1 : 1
    const worst = found.reduce((bad, one) => (sign * one.value < sign * bad.value ? one : bad))
    const mean = found.reduce((sum, { value }) => sum + value, 0) / found.length
    summary[name] = { mean, worst: worst.value, at: worst.at }
  }
  return summary
}

/** `3 cutoffs; auc 0.71 on average, 0.65 at worst (2001-02-01)`: of the first two metrics. */
export function backtestInWords({ cutoffs, summary }: BacktestReport): string {
  const told = metricNames.flatMap((name) => {
    const of = summary[name]
    if (of === undefined) return []
    return `${name} ${show(of.mean)} on average, ${show(of.worst)} at worst (${cutoffInWords(of.at)})`
  })
  return [`${cutoffs.length} cutoffs`, ...told.slice(0, 2)].join('; ')
}

/** Judges a gate about the worst cutoff of a backtest. A metric that is undefined at one of them never passes. */
export function judgeWorst(check: MetricCheck, { cutoffs, summary }: BacktestReport): GateResult {
  const { metric } = check
  const of = summary[metric]
  const lacking = cutoffs.find(({ metrics }) => metrics[metric] === undefined)
  const verdict = judgeRule(check, {
    value: () => of?.worst ?? Number.NaN,
    compare: () => undefined,
    whyUndefined: () =>
      `${metric} is undefined at ${lacking === undefined ? 'every cutoff' : cutoffInWords(lacking.at)}`,
    remark: of === undefined ? '' : ` at ${cutoffInWords(of.at)}, the worst of ${cutoffs.length} cutoffs`,
  })
  return { name: describeCheck(check), metric, ...verdict }
}
