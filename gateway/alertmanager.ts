import { AlertmanagerWebhook, causesOf, type PipelineCause, type RefusedAlert } from '../lib/formats/alerts.ts'
import { SlipwayError } from '../lib/formats/errors.ts'
import { invalid } from '../lib/models/rows.ts'
import { jsonOf } from './text.ts'

/**
 * Tells supervisors why they should retrain. @returns the pipelines that cannot be told, and why
 * @throws SlipwayError OVERLOADED when nobody can be told now
 */
export type AlertTaker = (causes: readonly PipelineCause[]) => Promise<ReadonlyMap<string, string>>

/** What became of a webhook. */
export interface AlertsTaken {
  /** Pipelines whose supervisors were told. */
  readonly signalled: readonly string[]
  readonly refused: readonly RefusedAlert[]
}

/**
 * Takes what Prometheus Alertmanager posts to a webhook, each alert by itself: what is wrong with one keeps no other
 * from being heard.
 * @throws SlipwayError REQUEST_INVALID where alerts fire and none names a pipeline; NOT_FOUND
 * where none of the pipelines they name can be told; OVERLOADED when nobody can be told now: Alertmanager comes again
 */
export async function takeAlerts({ causes, refused }: AlertCauses, tell: AlertTaker | undefined): Promise<AlertsTaken> {
  if (causes.length === 0) {
    if (refused.length > 0) throw invalid(inWords(refused))
    return { signalled: [], refused }
  }
  if (tell === undefined)
    throw new SlipwayError('OVERLOADED', 'this gateway has nobody to hand alerts to: it knows no Temporal server', {
      next: 'set TEMPORAL_ADDRESS for it, or send the alert to one that has it',
    })
  const untold = await tell(causes)
  const all = [
    ...refused,
    ...causes.flatMap(({ pipeline, cause }) => {
      const why = untold.get(pipeline)
      return why === undefined ? [] : [{ alert: cause.reason, why }]
    }),
  ]
  const signalled = [...new Set(causes.map(({ pipeline }) => pipeline))].filter((pipeline) => !untold.has(pipeline))
  if (signalled.length === 0) throw new SlipwayError('NOT_FOUND', inWords(all))
  return { signalled, refused: all }
}

/** What the alerts of a webhook are about. */
export type AlertCauses = ReturnType<typeof causesOf>

/** Reads the body of a webhook. @throws SlipwayError REQUEST_INVALID for another shape */
export const readAlerts = (body: Buffer): AlertCauses => causesOf(webhookOf(body))

const inWords = (refused: readonly RefusedAlert[]): string =>
  refused
    .slice(0, 5)
    .map(({ alert, why }) => `alert ${alert}: ${why}`)
    .join('; ')

function webhookOf(body: Buffer): AlertmanagerWebhook {
  const webhook = AlertmanagerWebhook.safeParse(jsonOf(body))
  if (webhook.success) return webhook.data
  const [issue] = webhook.error.issues
  throw invalid(`not an Alertmanager webhook of version 4: ${issue?.path.join('.')}: ${issue?.message}`)
}
