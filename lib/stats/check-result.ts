import type { RetrainCause } from '../formats/alerts.ts'
import { brief } from '../formats/brief.ts'
import type { MonitorReport } from '../formats/monitor-report.ts'

/** What a workflow hears of a check. */
export interface CheckResult {
  readonly seq: number
  readonly verdict: string
  readonly firing: readonly string[]
  readonly change: MonitorReport['change']
  readonly pipeline: string
  readonly cause: RetrainCause | null
  /** More windows wait to be gathered: nothing was judged yet. */
  readonly more: boolean
}

/** What a workflow hears of a report, and what it is to ask for. */
export function checkResultOf(report: MonitorReport, pipeline: string): CheckResult {
  const firing = report.rules.filter((rule) => rule.firing)
  return {
    seq: report.seq,
    verdict: brief(report.verdict),
    firing: firing.map(({ rule }) => rule),
    change: report.change,
    pipeline,
    cause: report.judged ? causeOf(report, firing) : null,
    more: report.more,
  }
}

/** What the supervisor is asked for: an alarm that fits the model, or labels enough to learn from. */
function causeOf(report: MonitorReport, firing: MonitorReport['rules']): RetrainCause | null {
  const { endpoint, incident, champion, seq, at } = report
  const asOf = report.next.newest
  // That fewer requests come is no fault of the model: people hear of it.
  const model = firing.filter(({ kind }) => kind !== 'volume')
  if (incident !== null && model.length > 0) {
    return {
      kind: model.some(({ kind }) => kind === 'drift') ? 'drift' : 'quality',
      key: `${endpoint}:${incident.id}:${champion.version}`,
      reason: model
        .map(({ rule, reason }) => `${rule}: ${reason}`)
        .join('; ')
        .slice(0, 1_000),
      asOf,
      at,
    }
  }
  if (!report.enoughLabels) return null
  return { kind: 'labels', key: `labels:${endpoint}:${seq}`, reason: `enough new labels for ${endpoint}`, asOf, at }
}
