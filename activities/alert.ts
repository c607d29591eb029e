import { pipelineLabel } from '../lib/formats/alerts.ts'
import { shortDigest } from '../lib/formats/artifact.ts'
import { SlipwayError } from '../lib/formats/errors.ts'
import type { MonitorReport } from '../lib/formats/monitor-report.ts'
import type { Monitor } from '../lib/store/monitors.ts'

/** Where alerts go: a webhook of one's own, or Alertmanager's API (a URL that ends with `/api/v2/alerts`). */
export interface AlertTarget {
  readonly url: string
  readonly token: string | undefined
}

/** One incident, as it is told to people and to Alertmanager. */
export interface Alert {
  readonly labels: Readonly<Record<string, string>>
  readonly annotations: Readonly<Record<string, string>>
  readonly startsAt: string
  /** The page that shows it: what Alertmanager calls its source. */
  readonly generatorURL?: string
  /** When it ended, or will be taken for ended if nothing more is heard. */
  readonly endsAt: string
  readonly status: 'firing' | 'resolved'
}

/**
 * The alert of a check: one an incident, grouped over all rules that fire, with what to do.
 * @param page of the console that shows it, where its address is known
 */
export function alertOf(report: MonitorReport, { pipeline, step }: Monitor, page?: string): Alert {
  const { endpoint, incident, champion, rules, at } = report
  const isOver = report.change === 'resolved' || incident === null
  return {
    labels: {
      alertname: 'SlipwayModelDegraded',
      severity: 'warning',
      endpoint,
      [pipelineLabel]: pipeline,
      // Alertmanager knows an alert by its labels: the numbers are in the annotations.
    },
    annotations: {
      summary: isOver
        ? `${endpoint}: the incident has ended`
        : `${endpoint}: ${incident.reasons.join('; ')}`.slice(0, 2_000),
      rules: rules
        .filter(({ firing }) => firing)
        .map(({ rule }) => rule)
        .join(', '),
      model: `${champion.model} version ${champion.version} (${shortDigest(champion.digest)})`,
      playbook: step.policy.playbook ?? '',
      command: `npx slipway drift show ${endpoint}`,
    },
    startsAt: incident?.since ?? at,
    ...(page !== undefined && { generatorURL: page }),
    // Alertmanager takes an alert for ended that is not sent again: every check sends it.
    endsAt: isOver ? at : new Date(Date.parse(at) + 2 * step.policy.everyMs + 60_000).toISOString(),
    status: isOver ? 'resolved' : 'firing',
  }
}

/** Alertmanager wants to hear again while an alert goes on; people do not. */
export const isAlertmanager = (url: string): boolean => new URL(url).pathname.endsWith('/api/v2/alerts')

/** @throws SlipwayError ALERT_UNDELIVERED when the other side does not take it */
export async function sendAlert({ url, token }: AlertTarget, alert: Alert): Promise<void> {
  const { status, ...told } = alert
  const body = isAlertmanager(url) ? [told] : { status, ...told }
  const answer = await fetch(url, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    },
    body: JSON.stringify(body),
    signal: AbortSignal.timeout(10_000),
  }).catch((error: Error) => {
    throw new SlipwayError('ALERT_UNDELIVERED', `the alert webhook does not answer: ${error.message}`, {
      next: 'check SLIPWAY_ALERT_URL',
    })
  })
  if (!answer.ok)
    throw new SlipwayError('ALERT_UNDELIVERED', `the alert webhook answers ${answer.status}`, {
      next: 'check SLIPWAY_ALERT_URL and SLIPWAY_ALERT_TOKEN_FILE',
    })
}
