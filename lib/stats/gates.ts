import type { Check } from '../formats/check.ts'
import { costMetrics, describeCheck, largerIsBetter } from '../formats/check.ts'
import type { GateResult } from '../formats/records.ts'
import { comparePaired, metricOf } from './bootstrap.ts'
import { judgeLatency, type LatencyBlock, latencyInWords } from './latency.ts'
import { areAllEqual, type Scored, selectRows } from './metrics.ts'

/** Rows of one value of a slicing column. */
export interface Slice {
  readonly value: string
  readonly rows: Uint32Array
}

/** What a gate is judged on. Opponent: the champion's predictions for the same rows, if there is one. */
export interface GateEvidence {
  readonly candidate: Scored
  readonly opponent: Scored | undefined
  readonly slicesOf: (column: string) => readonly Slice[]
  readonly sizeBytes: number
  /** Measured for gates of latency: see `latency.ts`. */
  readonly latency: readonly LatencyBlock[]
  readonly task: 'binary' | 'regression'
  readonly seed: number
}

/** A slice needs this many rows, and this many of each class, to be judged; smaller ones are counted and named only. */
export const minimumSlice = { rows: 200, ofEachClass: 20 }

/** Judges one gate. A value that is missing or not a number never passes. */
export function judge(check: Check, evidence: GateEvidence): GateResult {
  const name = describeCheck(check)
  if (check.slice === undefined)
    return { name, metric: check.metric, ...judgeRows(check, evidence, evidence.candidate, evidence.opponent) }
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
        evidence.opponent === undefined ? undefined : selectRows(evidence.opponent, rows),
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

const badness = (check: Check, value: number | null): number =>
  value === null
    ? Number.POSITIVE_INFINITY
    : largerIsBetter[check.metric] && check.rule !== 'notWorseThan'
      ? -value
      : value

function isLargeEnough({ labels }: Scored, task: GateEvidence['task']): boolean {
  if (labels.length < minimumSlice.rows) return false
  if (task === 'regression') return true
  const positives = labels.reduce((sum, label) => sum + label, 0)
  return Math.min(positives, labels.length - positives) >= minimumSlice.ofEachClass
}

type RowsVerdict = Pick<GateResult, 'passed' | 'value' | 'limit' | 'evidence'>

function judgeRows(check: Check, evidence: GateEvidence, candidate: Scored, opponent: Scored | undefined): RowsVerdict {
  // A classifier is judged by both classes, as it is in slices: by one alone, a constant would do.
  const isOneClass = evidence.task === 'binary' && !isCost(check.metric) && areAllEqual(candidate.labels)
  if (check.rule === 'notWorseThan') {
    if (opponent === undefined)
      return { passed: true, value: null, limit: check.by ?? null, evidence: 'there is no champion to compare with' }
    const {
      candidate: own,
      opponent: other,
      deficit,
      upperBound,
      resamples,
    } = comparePaired(check.metric, candidate, opponent, check.confidence, evidence.seed)
    const { by = 0, byShare } = check
    // The size of the champion's value: 1 % of it is as much where more is better as where less is, and for a negative r2.
    const limit = byShare === undefined ? by : byShare * Math.abs(other)
    if (isOneClass || ![own, other, upperBound].every(Number.isFinite))
      return { passed: false, value: null, limit: check.by ?? null, evidence: undefinedWords(check.metric, candidate) }
    const margin =
      byShare === undefined
        ? ''
        : `; the margin is ${show(limit)}, ${show(byShare * 100)} % of the champion's ${show(other)}`
    return {
      passed: upperBound <= limit,
      value: upperBound,
      limit,
      evidence: `${show(own)} against ${show(other)}, worse by ${show(deficit)}, at most ${show(upperBound)} with ${show(check.confidence * 100)} % confidence (${resamples} resamples)${margin}`,
    }
  }
  const timing = check.metric === 'latencyP99Ms' ? judgeLatency(evidence.latency, check.limit) : undefined
  const value =
    check.metric === 'sizeBytes'
      ? evidence.sizeBytes
      : check.metric === 'latencyP99Ms'
        ? (timing?.p99 ?? Number.NaN)
        : isOneClass
          ? Number.NaN
          : metricOf(check.metric, candidate)
  if (!Number.isFinite(value))
    return { passed: false, value: null, limit: check.limit, evidence: undefinedWords(check.metric, candidate) }
  const passed = check.rule === 'atLeast' ? value >= check.limit : value <= check.limit
  const relation = check.rule === 'atLeast' ? (passed ? '≥' : '<') : passed ? '≤' : '>'
  const measured = timing === undefined ? '' : `: ${latencyInWords(timing, check.limit)}`
  return { passed, value, limit: check.limit, evidence: `${show(value)} ${relation} ${check.limit}${measured}` }
}

const isCost = (metric: Check['metric']): boolean => costMetrics.some((cost) => cost === metric)

/** Why a metric has no value. */
const undefinedWords = (metric: Check['metric'], { labels }: Scored): string =>
  !isCost(metric) && areAllEqual(labels)
    ? `${metric} is undefined: all ${labels.length} labels are equal`
    : `${metric} is not defined here`

/** A number with four significant decimals, whole numbers whole. */
export function show(value: number): string {
  return Number.isInteger(value) ? String(value) : String(Number(value.toPrecision(4)))
}
