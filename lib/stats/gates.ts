import { describeCheck, judgeRule, type MetricCheck } from '../formats/check.ts'
import { isOfClasses, type Task } from '../formats/code-ref.ts'
import { gateRules, type OwnMetric, type RuleVerdict } from '../formats/gate-rules.ts'
import { findMetric, measureRows, rowMetric } from '../formats/metrics/index.ts'
import { areAllEqual, type Measure, type Scored } from '../formats/metrics/metric.ts'
import { rowsOf } from '../formats/metrics/several.ts'
import type { GateResult } from '../formats/records.ts'
import { comparePaired } from './bootstrap.ts'
import { judgeLatency, type LatencyBlock, latencyInWords } from './latency.ts'
import { selectRows } from './metrics.ts'

/** Rows of one value of a slicing column. */
export interface Slice {
  readonly value: string
  readonly rows: Uint32Array
}

/** What a gate is judged on. Opponent: the champion's predictions for the same rows, if there is one. */
export interface GateEvidence {
  readonly candidate: Scored
  readonly baseline: Scored | undefined
  readonly slicesOf: (column: string) => readonly Slice[]
  readonly sizeBytes: number
  /** Measured for gates of latency: see `latency.ts`. */
  readonly latency: readonly LatencyBlock[]
  readonly task: Task
  readonly seed: number
  /** How a metric of the user's is computed. */
  readonly measureOf?: (metric: string, own: OwnMetric) => Measure
}

/**
 * A slice needs this many rows, and this many of each class (of several classes, of two of them) or, of a ranking,
 * groups, to be judged; smaller ones are counted and named only.
 */
export const minimumSlice = { rows: 200, ofEachClass: 20, groups: 20 }

/** Judges one gate. A value that is missing or not a number never passes. */
export function judge(check: MetricCheck, evidence: GateEvidence): GateResult {
  const name = describeCheck(check)
  if (check.slice === undefined)
    return { name, metric: check.metric, ...judgeRows(check, evidence, evidence.candidate, evidence.baseline) }
  const all = evidence.slicesOf(check.slice)
  const judged = all
    .map((slice) => ({ value: slice.value, candidate: selectRows(evidence.candidate, slice.rows), rows: slice.rows }))
    .filter(({ candidate }) => isLargeEnough(candidate, evidence.task))
    .map(({ value, candidate, rows }) => ({
      value,
      verdict: judgeRows(
        check,
        evidence,
        candidate,
        evidence.baseline === undefined ? undefined : selectRows(evidence.baseline, rows),
      ),
    }))
  if (judged.length === 0)
    return {
      name,
      metric: check.metric,
      passed: false,
      value: null,
      limit: null,
      evidence: `no ${check.slice} has ${minimumSlice.rows} rows to judge by`,
    }
  const failed = judged.filter(({ verdict }) => !verdict.passed)
  const worst = [...(failed.length > 0 ? failed : judged)].sort(
    (a, b) => badness(check, b.verdict.value) - badness(check, a.verdict.value),
  )[0] as (typeof judged)[number]
  const skipped = all.length - judged.length
  const counts = `${judged.length - failed.length} of ${judged.length} pass${skipped > 0 ? `, ${skipped} too small to judge` : ''}`
  return {
    name,
    metric: check.metric,
    passed: failed.length === 0,
    value: worst.verdict.value,
    limit: worst.verdict.limit,
    evidence: `${counts}; ${failed.length > 0 ? 'worst' : 'closest'} ${worst.value}: ${worst.verdict.evidence}`,
  }
}

const betterOf = ({ metric, own }: MetricCheck): Measure['better'] =>
  own?.better ?? findMetric(metric)?.better ?? 'larger'

function badness(check: MetricCheck, value: number | null): number {
  if (value === null) return Number.POSITIVE_INFINITY
  return betterOf(check) === 'larger' && !('isOfDeficit' in gateRules[check.rule]) ? -value : value
}

function isLargeEnough(scored: Scored, task: GateEvidence['task']): boolean {
  if (rowsOf(scored) < minimumSlice.rows) return false
  const { labels, groups } = scored
  if (task === 'ranking') return new Set(groups).size >= minimumSlice.groups
  if (!isOfClasses(task)) return true
  const rows = new Map<number, number>()
  for (const label of labels) rows.set(label, (rows.get(label) ?? 0) + 1)
  return [...rows.values()].filter((count) => count >= minimumSlice.ofEachClass).length >= 2
}

function judgeRows(
  check: MetricCheck,
  evidence: GateEvidence,
  candidate: Scored,
  baseline: Scored | undefined,
): RuleVerdict {
  const { metric, own } = check
  const measure = own === undefined ? rowMetric(metric) : evidence.measureOf?.(metric, own)
  // A classifier is judged by more classes than one, as it is in slices: by one alone, a constant would do.
  const isOneClass = isOfClasses(evidence.task) && measure !== undefined && areAllEqual(candidate.labels)
  const cost = measure === undefined ? costOf(check, evidence) : undefined
  return judgeRule(check, {
    value: () => cost?.value ?? (measure === undefined || isOneClass ? Number.NaN : measureRows(measure, candidate)),
    compare(confidence) {
      if (baseline === undefined) return undefined
      if (measure === undefined || isOneClass) return notCompared
      return comparePaired(measure, candidate, baseline, confidence, evidence.seed)
    },
    whyUndefined: () =>
      measure !== undefined && areAllEqual(candidate.labels)
        ? `${metric} is undefined: all ${rowsOf(candidate)} labels are equal`
        : `${metric} is not defined here`,
    remark: cost?.remark ?? '',
  })
}

const notCompared = {
  candidate: Number.NaN,
  baseline: Number.NaN,
  deficit: Number.NaN,
  upperBound: Number.NaN,
  resamples: 0,
}

/** What is measured of the model itself, and how. */
function costOf(check: MetricCheck, evidence: GateEvidence): { readonly value: number; readonly remark: string } {
  if (check.metric === 'sizeBytes') return { value: evidence.sizeBytes, remark: '' }
  if (check.metric !== 'latencyP99Ms' || check.rule === 'notWorseThan') return { value: Number.NaN, remark: '' }
  const timing = judgeLatency(evidence.latency, check.limit)
  return {
    value: timing?.p99 ?? Number.NaN,
    remark: timing === undefined ? '' : `: ${latencyInWords(timing, check.limit)}`,
  }
}
