import { AlertmanagerWebhook, causesOf, pipelineLabel, type RetrainCause } from '../pipelines/alerts.ts'
import { invalid } from './rows.ts'
import { textOf } from './text.ts'

/**
 * Reads what Prometheus Alertmanager posts to a webhook.
 * @throws SlipwayError REQUEST_INVALID for another shape, or an alert that names no pipeline
 */
export function readAlertmanager(body: Buffer): { pipeline: string; cause: RetrainCause }[] {
  const text = textOf(body)
  let given: unknown
  try {
    given = JSON.parse(text)
  } catch (error) {
    throw invalid(`the body is not JSON: ${(error as Error).message}`)
  }
  const webhook = AlertmanagerWebhook.safeParse(given)
  if (!webhook.success) {
    const [issue] = webhook.error.issues
    throw invalid(`not an Alertmanager webhook of version 4: ${issue?.path.join('.')}: ${issue?.message}`)
  }
  const causes = causesOf(webhook.data)
  if (causes === undefined) throw invalid(`an alert needs the label ${pipelineLabel}, the name of the pipeline`)
  return causes
}
