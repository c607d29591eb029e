import type { MonitorPolicy } from '../pipelines/monitor.ts'
import type { Incident, MonitorReport, TimelinePoint } from '../pipelines/monitor-report.ts'
import type { FeatureCounts, TelemetryWindow, VariantCounts } from '../pipelines/telemetry.ts'
import { type ColumnDrift, driftOfCounts } from './drift.ts'
import { judgeRules } from './monitor.ts'
import type { Profile } from './profile.ts'
import { addFeatureCounts } from './profile-counter.ts'

/** What windows of an endpoint come to, for one version of its model. */
export interface Interval {
  /** ms since 1970; 0 where there were no windows. */
  readonly from: number
  readonly to: number
  readonly requests: number
  readonly errors: number
  readonly rows: number
  readonly columns: readonly ColumnDrift[]
}

/** The counts of a version in a window, as champion or as candidate. */
function countsOf(window: TelemetryWindow, digest: string): VariantCounts | undefined {
  if (window.champion.digest === digest) return window.champion
  // What a shadow was asked nobody got an answer to.
  return window.rollout?.mode === 'split' && window.candidate?.digest === digest ? window.candidate : undefined
}

/** Adds windows up, in any order, and compares a version's features and scores with its baseline. */
export function mergeWindows(
  windows: readonly TelemetryWindow[],
  digest: string,
  baseline: Profile,
  importances: Readonly<Record<string, number>>,
): Interval {
  const counts = new Map<string, FeatureCounts>()
  let [from, to, requests, errors, rows] = [Number.POSITIVE_INFINITY, 0, 0, 0, 0]
  for (const window of windows) {
    from = Math.min(from, window.from)
    to = Math.max(to, window.to)
    const variant = countsOf(window, digest)
    if (variant === undefined) continue
    requests += variant.requests
    rows += variant.rows
    errors += Object.values(variant.errors).reduce((sum, count) => sum + count, 0)
    for (const [name, more] of Object.entries(variant.profile)) {
      const known = counts.get(name)
      counts.set(name, known === undefined ? more : addFeatureCounts(known, more))
    }
  }
  const columns = Object.entries(baseline).flatMap(([name, profile]) => {
    const now = counts.get(name)
    return now === undefined
      ? []
      : [driftOfCounts(name, profile, now, name === 'score:' ? null : (importances[name] ?? 0))]
  })
  return { from: windows.length === 0 ? 0 : from, to, requests, errors, rows, columns }
}

export interface CheckInputs
  extends Pick<MonitorReport, 'endpoint' | 'check' | 'champion' | 'at' | 'quality' | 'estimated' | 'labels'> {
  readonly policy: MonitorPolicy
  readonly last: MonitorReport | undefined
  readonly interval: Interval & { readonly windows: number }
  readonly next: Omit<MonitorReport['next'], 'streaks' | 'timeline' | 'freshLabels'>
  readonly timelinePoints: number
}

/** What a check comes to: rules judged, the incident carried on, everything the next check needs. Pure. */
export function conclude(inputs: CheckInputs): Omit<MonitorReport, 'page'> {
  const { endpoint, champion, policy, last, at, interval, quality, estimated, labels } = inputs
  const { columns, ...span } = interval
  const isSameVersion = last?.champion.digest === champion.digest
  const seq = (last?.seq ?? -1) + 1
  const rules = judgeRules(
    policy,
    {
      rows: span.rows,
      columns,
      labels: quality?.labels ?? 0,
      metrics: quality?.metrics ?? {},
      rowsBefore: (last?.next.timeline ?? []).map(({ rows }) => rows),
    },
    // What was said of another version says nothing of this one.
    isSameVersion ? last.next.streaks : {},
  )
  const firing = rules.filter((rule) => rule.firing)
  const before = last?.incident ?? null
  const isUnknown = rules.every(({ state }) => state === 'unknown') && isSameVersion
  const incident: Incident | null =
    firing.length === 0
      ? isUnknown
        ? before
        : null
      : {
          id: before?.id ?? `${endpoint}-${seq}`,
          since: before?.since ?? at,
          reasons: firing.map(({ rule, reason }) => `${rule}: ${reason}`),
        }
  const change = before === null ? (incident === null ? 'none' : 'opened') : incident === null ? 'resolved' : 'goes on'
  const point: TimelinePoint = {
    seq,
    to: span.to,
    version: champion.version,
    rows: span.rows,
    psi: Object.fromEntries(
      columns.flatMap(({ name, measures }) => (measures.psi === undefined ? [] : [[name, measures.psi.value]])),
    ),
    labels: quality?.labels ?? 0,
    metrics: Object.fromEntries(Object.entries(quality?.metrics ?? {}).map(([name, { value }]) => [name, value])),
    estimated,
    firing: firing.length > 0,
  }
  const isEmpty = span.rows === 0 && point.labels === 0 && policy.volume.length === 0
  const freshLabels = (isSameVersion ? last.next.freshLabels : 0) + labels.matched
  const enoughLabels = policy.retrain?.labels != null && freshLabels >= policy.retrain.labels
  return {
    slipway: 'monitor-report/1',
    endpoint,
    seq,
    check: inputs.check,
    at,
    ...span,
    champion,
    columns: columns.map((column) => ({ ...column, bins: [...column.bins], measures: { ...column.measures } })),
    quality,
    estimated,
    labels,
    rules,
    incident,
    change,
    verdict: verdictOf(firing, rules, change),
    enoughLabels,
    next: {
      ...inputs.next,
      freshLabels: enoughLabels ? 0 : freshLabels,
      streaks: Object.fromEntries(rules.map(({ rule, streak }) => [rule, streak])),
      timeline: [...(last?.next.timeline ?? []), ...(isEmpty ? [] : [point])].slice(-inputs.timelinePoints),
    },
  }
}

function verdictOf(
  firing: readonly MonitorReport['rules'][number][],
  rules: MonitorReport['rules'],
  change: MonitorReport['change'],
): string {
  if (firing.length > 0) return `alarm: ${firing.map(({ rule, reason }) => `${rule}: ${reason}`).join('; ')}`
  const ended = change === 'resolved' ? 'the incident has ended; ' : ''
  const breached = rules.filter(({ state }) => state === 'breached')
  if (breached.length > 0)
    return `${ended}watching: ${breached.map(({ rule, reason, streak }) => `${rule}: ${reason}, ${streak} so far`).join('; ')}`
  const unknown = rules.filter(({ state }) => state === 'unknown')
  if (unknown.length === rules.length) return `nothing to say: ${unknown[0]?.reason ?? 'no rules'}`
  return `${ended}within all limits: ${rules
    .filter(({ state }) => state === 'kept')
    .map(({ reason }) => reason)
    .join('; ')}`
}
