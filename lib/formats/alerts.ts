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

/**
 * What Prometheus Alertmanager posts to a webhook receiver, version 4 (prometheus.io/docs/alerting, webhook_config).
 */
export const AlertmanagerWebhook = z.looseObject({
  version: z.literal('4'),
  status: z.enum(['firing', 'resolved']),
  commonLabels: Texts.default({}),
  /** Looked at one by one: what is wrong with one says nothing about the others. */
  alerts: z.array(z.unknown()).min(1).max(1_000),
})
export type AlertmanagerWebhook = z.infer<typeof AlertmanagerWebhook>

const Alert = z.looseObject({
  status: z.enum(['firing', 'resolved']),
  labels: Texts,
  annotations: Texts.default({}),
  startsAt: z.string(),
  fingerprint: z.string().optional(),
})

/** The label that names the pipeline an alert is about. */
export const pipelineLabel = 'slipway_pipeline'

/** Why a pipeline should be retrained. */
export interface PipelineCause {
  readonly pipeline: string
  readonly cause: RetrainCause
}

/** An alert nothing was done about: a fault of its own, or of nobody (Watchdog fires always). */
export interface RefusedAlert {
  /** Its name; where it has none, its place in the webhook, from 0. */
  readonly alert: string
  readonly why: string
}

/**
 * The causes in a webhook: alerts that fire, each with a key that stays the same while it goes on; and alerts that name
 * none.
 */
export function causesOf({ alerts, commonLabels }: AlertmanagerWebhook): {
  readonly causes: readonly PipelineCause[]
  readonly refused: readonly RefusedAlert[]
} {
  const causes: PipelineCause[] = []
  const refused: RefusedAlert[] = []
  for (const [place, given] of alerts.entries()) {
    const parsed = Alert.safeParse(given)
    if (!parsed.success) {
      const [issue] = parsed.error.issues
      refused.push({ alert: String(place), why: `${issue?.path.join('.')}: ${issue?.message}` })
      continue
    }
    const { status, labels, annotations, startsAt, fingerprint } = parsed.data
    if (status !== 'firing') continue
    const name = labels.alertname ?? commonLabels.alertname ?? 'alert'
    const pipeline = labels[pipelineLabel] ?? commonLabels[pipelineLabel]
    if (pipeline === undefined) {
      refused.push({ alert: name, why: `it needs the label ${pipelineLabel}, the name of the pipeline` })
      continue
    }
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
  return { causes, refused }
}
