import { z } from 'zod'

/** Why a supervisor should retrain. */
export const RetrainCause = z.object({
  kind: z.enum(['drift', 'quality', 'labels', 'schedule', 'alertmanager']),
  /** Tells causes apart: the same key twice is one cause. */
  key: z.string().min(1).max(200),
  /** In words. */
  reason: z.string().max(1_000),
  /** Rows from this time on are not to be used, ISO: the newest known outcome. Null: whatever is newest. */
  asOf: z.iso.datetime().nullable(),
  /** When it was raised, ISO. */
  at: z.string(),
})
export type RetrainCause = z.infer<typeof RetrainCause>

const Texts = z.record(z.string(), z.string())

/** What Prometheus Alertmanager posts to a webhook receiver, version 4 (prometheus.io/docs/alerting, webhook_config). */
export const AlertmanagerWebhook = z.looseObject({
  version: z.literal('4'),
  status: z.enum(['firing', 'resolved']),
  commonLabels: Texts.default({}),
  alerts: z
    .array(
      z.looseObject({
        status: z.enum(['firing', 'resolved']),
        labels: Texts,
        annotations: Texts.default({}),
        startsAt: z.string(),
        fingerprint: z.string().optional(),
      }),
    )
    .min(1)
    .max(1_000),
})
export type AlertmanagerWebhook = z.infer<typeof AlertmanagerWebhook>

/** The label that names the pipeline an alert is about. */
export const pipelineLabel = 'slipway_pipeline'

/**
 * The causes in a webhook, by pipeline: alerts that fire, each with a key that stays the same while it goes on.
 * @returns undefined when a firing alert names no pipeline
 */
export function causesOf(webhook: AlertmanagerWebhook): { pipeline: string; cause: RetrainCause }[] | undefined {
  const causes: { pipeline: string; cause: RetrainCause }[] = []
  for (const { status, labels, annotations, startsAt, fingerprint } of webhook.alerts) {
    if (status !== 'firing') continue
    const pipeline = labels[pipelineLabel] ?? webhook.commonLabels[pipelineLabel]
    if (pipeline === undefined) return undefined
    const name = labels.alertname ?? 'alert'
    const words = annotations.summary ?? annotations.description
    causes.push({
      pipeline,
      cause: {
        kind: 'alertmanager',
        key: `alertmanager:${fingerprint ?? name}:${startsAt}`.slice(0, 200),
        reason: `${name}${words === undefined ? '' : `: ${words}`}`.slice(0, 1_000),
        asOf: null,
        at: startsAt,
      },
    })
  }
  return causes
}
