import { firstOf } from '../formats/brief.ts'
import type { QualityRule } from '../formats/check.ts'
import { findMetric } from '../formats/metrics/index.ts'
import { type DriftRule, describeRule, type MonitorPolicy, type VolumeRule } from '../formats/monitor-policy.ts'
import type { ColumnDrift, RuleState } from '../formats/monitor-report.ts'
import { show } from '../formats/show-number.ts'
import { nameOfColumn } from './answer-profile.ts'
import type { Estimate } from './drift.ts'

/** What a check found, for its rules to be judged on. */
export interface Findings {
  readonly rows: number
  /** Features, and `score:` for the predictions. */
  readonly columns: readonly ColumnDrift[]
  readonly labels: number
  readonly metrics: Readonly<Record<string, Estimate>>
  /** Rows of the checks before, oldest first. */
  readonly rowsBefore: readonly number[]
}

/**
 * Judges the rules of a monitor: a pure function of what was found and of how often each rule was breached before. A
 * check with too few rows or labels neither adds to a streak nor breaks it: no data is neither good nor bad news.
 */
export function judgeRules(
  policy: MonitorPolicy,
  findings: Findings,
  streaks: Readonly<Record<string, number>>,
): RuleState[] {
  const judged = [
    ...policy.drift.map((rule) => ({ rule, kind: 'drift' as const, ...judgeDrift(rule, policy, findings) })),
    ...policy.quality.map((rule) => ({ rule, kind: 'quality' as const, ...judgeQuality(rule, policy, findings) })),
    ...policy.volume.map((rule) => ({ rule, kind: 'volume' as const, ...judgeVolume(rule, findings) })),
  ]
  return judged.map(({ rule, kind, state, reason }) => {
    const name = describeRule(rule)
    const before = streaks[name] ?? 0
    const streak = state === 'breached' ? before + 1 : state === 'unknown' ? before : 0
    return { rule: name, kind, state, streak, firing: state !== 'kept' && streak >= rule.windows, reason }
  })
}

type Judgement = Pick<RuleState, 'state' | 'reason'>

function judgeDrift({ measure, limit }: DriftRule, policy: MonitorPolicy, { rows, columns }: Findings): Judgement {
  if (rows < policy.minRows) return { state: 'unknown', reason: `${rows} rows, at least ${policy.minRows} are needed` }
  const measured = columns.flatMap(({ name, importance, measures }) => {
    const estimate = measures[measure]
    return estimate === undefined ? [] : [{ name, importance, ...estimate }]
  })
  const drifted = measured.filter(({ low }) => low > limit).sort((a, b) => b.value - a.value)
  const weight = drifted.reduce((sum, { importance }) => sum + (importance ?? 1), 0)
  // All-null columns have no such measure: that is said, and judged by the rules on missing values.
  const notes = columns
    .flatMap(({ name, note }) => (note === undefined ? [] : [`; ${nameOfColumn(name)} has ${note}`]))
    .join('')
  const words = (each: (typeof measured)[number]): string =>
    `${nameOfColumn(each.name)} ${show(each.value)} (at least ${show(each.low)})`
  if (drifted.length === 0) {
    const [largest] = [...measured].sort((a, b) => b.value - a.value)
    return {
      state: 'kept',
      reason: `${largest === undefined ? `no column has ${measure}` : `largest: ${words(largest)}`}${notes}`,
    }
  }
  if (weight < policy.importance) {
    const share = `${(weight * 100).toFixed(0)} % of the model's importance, ${policy.importance * 100} % are an alarm`
    return { state: 'kept', reason: `${firstOf(drifted.map(words))}: ${share}` }
  }
  return { state: 'breached', reason: firstOf(drifted.map(words)) }
}

function judgeQuality({ metric, limit }: QualityRule, policy: MonitorPolicy, { labels, metrics }: Findings): Judgement {
  if (labels < policy.minLabels)
    return { state: 'unknown', reason: `${labels} labels, at least ${policy.minLabels} are needed` }
  const estimate = metrics[metric]
  if (estimate === undefined) return { state: 'unknown', reason: `${metric} is not defined on these labels` }
  const { value, low, high } = estimate
  const isBreached = findMetric(metric)?.better === 'larger' ? high < limit : low > limit
  return {
    state: isBreached ? 'breached' : 'kept',
    reason: `${metric} ${show(value)} (${show(low)} to ${show(high)}) on ${labels} labels`,
  }
}

/** Checks that say what is usual; with fewer there is no usual. */
const usualChecks = 3

function judgeVolume({ drop }: VolumeRule, { rows, rowsBefore }: Findings): Judgement {
  const recent = rowsBefore.slice(-10)
  if (recent.length < usualChecks)
    return { state: 'unknown', reason: `${recent.length} checks before, ${usualChecks} say what is usual` }
  const usual = [...recent].sort((a, b) => a - b)[Math.floor(recent.length / 2)] as number
  return { state: rows < usual * (1 - drop) ? 'breached' : 'kept', reason: `${rows} rows, usual are ${usual}` }
}
