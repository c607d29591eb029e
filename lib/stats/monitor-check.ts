import type { OwnDistances } from '../formats/drift-measures/index.ts'
import type { MonitorPolicy } from '../formats/monitor-policy.ts'
import type { ColumnDrift, Incident, MonitorReport, OpenInterval, TimelinePoint } from '../formats/monitor-report.ts'
import type { FeatureCounts, TelemetryWindow, VersionCounts } from '../formats/telemetry.ts'
import { isAnswerColumn } from './answer-profile.ts'
import { driftOfCounts } from './drift.ts'
import { type LabelCounts, labelWarning, noSums, sumLabels } from './label-counts.ts'
import { judgeRules } from './monitor.ts'
import type { Profile } from './profile.ts'
import { addFeatureCounts } from './profile-counter.ts'

/** The counts of a version in a window, as champion or as candidate. */
function countsOf(window: TelemetryWindow, digest: string): VersionCounts | undefined {
  if (window.champion.digest === digest) return window.champion
  // Shadow predictions reached nobody, so they are not counted.
  return window.rollout?.mode === 'split' && window.candidate?.digest === digest ? window.candidate : undefined
}

/** Adds windows to what is open, in any order. What was counted of another version is left behind. */
export function addWindows(
  open: OpenInterval | null,
  windows: readonly TelemetryWindow[],
  digest: OpenInterval['digest'],
): OpenInterval {
  const before = open?.digest === digest ? open : undefined
  const counts: Record<string, FeatureCounts> = { ...before?.counts }
  let [from, to] = [before?.from || Number.POSITIVE_INFINITY, before?.to ?? 0]
  let { requests, errors, rows } = before ?? { requests: 0, errors: 0, rows: 0 }
  for (const window of windows) {
    from = Math.min(from, window.from)
    to = Math.max(to, window.to)
    const variant = countsOf(window, digest)
    if (variant === undefined) continue
    requests += variant.requests
    rows += variant.rows
    errors += Object.values(variant.errors).reduce((sum, count) => sum + count, 0)
    for (const [name, more] of Object.entries(variant.profile)) {
      const known = counts[name]
      counts[name] = known === undefined ? more : addFeatureCounts(known, more)
    }
  }
  const count = (before?.windows ?? 0) + windows.length
  return { digest, from: Number.isFinite(from) ? from : 0, to, windows: count, requests, errors, rows, counts }
}

/** How counts of features and scores differ from the baseline. */
export function driftOfAll(
  counts: OpenInterval['counts'],
  baseline: Profile,
  importances: Readonly<Record<string, number>>,
  own: OwnDistances = {},
): ColumnDrift[] {
  return Object.entries(baseline).flatMap(([name, profile]) => {
    const now = counts[name]
    return now === undefined
      ? []
      : [driftOfCounts(name, profile, now, isAnswerColumn(name) ? null : (importances[name] ?? 0), own)]
  })
}

/** No labels came. */
export const noLabels: LabelCounts = { received: 0, matched: 0, waiting: 0, dropped: 0 }

/** What a check carries on that nothing was before. */
export const nothingBefore: CheckInputs['next'] = {
  cursors: {},
  open: null,
  openTables: { served: 0, labelled: 0 },
  served: [],
  labelled: [],
  waiting: null,
  newest: null,
}

export interface CheckInputs
  extends Pick<MonitorReport, 'endpoint' | 'check' | 'champion' | 'at' | 'quality' | 'estimated'> {
  /** Of this step. */
  readonly labels: LabelCounts
  readonly policy: MonitorPolicy
  readonly last: MonitorReport | undefined
  /** Judge, or only carry on what is known. */
  readonly judge: boolean
  readonly more: boolean
  readonly interval: Omit<OpenInterval, 'digest' | 'counts'> & { readonly columns: readonly ColumnDrift[] }
  readonly next: Omit<MonitorReport['next'], 'streaks' | 'timeline' | 'freshLabels' | 'judged' | 'openLabels'>
  readonly timelinePoints: number
}

/** What a check comes to: rules judged, the incident carried on, everything the next check needs. Pure. */
export function conclude(inputs: CheckInputs): Omit<MonitorReport, 'page'> {
  const { endpoint, champion, policy, last, at, interval, quality, estimated, labels } = inputs
  const { columns, from, to, windows, requests, errors, rows } = interval
  const span = { from, to, windows, requests, errors, rows }
  if (!inputs.judge) return gathered(inputs, span)
  const told = { ...labels, ...sumLabels(last?.next.openLabels ?? noSums, labels) }
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
    judged: true,
    more: false,
    columns: columns.map((column) => ({ ...column, bins: [...column.bins], measures: { ...column.measures } })),
    quality,
    estimated,
    labels: { ...told, warning: labelWarning(told, policy.labels.key) },
    rules,
    incident,
    change,
    verdict: verdictOf(firing, rules, change),
    enoughLabels,
    next: {
      ...inputs.next,
      openLabels: noSums,
      judged: seq,
      freshLabels: enoughLabels ? 0 : freshLabels,
      streaks: Object.fromEntries(rules.map(({ rule, streak }) => [rule, streak])),
      timeline: [...(last?.next.timeline ?? []), ...(isEmpty ? [] : [point])].slice(-inputs.timelinePoints),
    },
  }
}

/** A report of what was taken in only: all else stays as the last check left it. */
function gathered(
  { endpoint, check, champion, last, at, labels, next, more }: CheckInputs,
  span: Pick<MonitorReport, 'from' | 'to' | 'windows' | 'requests' | 'errors' | 'rows'>,
): Omit<MonitorReport, 'page'> {
  const isSameVersion = last?.champion.digest === champion.digest
  return {
    slipway: 'monitor-report/1',
    endpoint,
    seq: (last?.seq ?? -1) + 1,
    check,
    at,
    ...span,
    champion,
    judged: false,
    more,
    columns: [],
    quality: null,
    estimated: {},
    labels: { ...labels, warning: null },
    rules: isSameVersion ? last.rules : [],
    incident: last?.incident ?? null,
    change: last?.incident == null ? 'none' : 'goes on',
    verdict: `gathered ${span.windows} windows so far`,
    enoughLabels: false,
    next: {
      ...next,
      openLabels: sumLabels(last?.next.openLabels ?? noSums, labels),
      judged: last?.next.judged ?? null,
      streaks: isSameVersion ? last.next.streaks : {},
      timeline: last?.next.timeline ?? [],
      freshLabels: (isSameVersion ? last.next.freshLabels : 0) + labels.matched,
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
