import type { Client } from '@temporalio/client'
import { defaultPayloadConverter } from '@temporalio/common'

/** The steps whose activities have ended in a history, each with its last attempt, and how long the history is. */
export async function attemptsIn(
  client: Client,
  workflowId: string,
): Promise<{ readonly attempts: [string, number][]; readonly events: number }> {
  const { events } = await client.workflow.getHandle(workflowId).fetchHistory()
  const scheduled = new Map<string, string>()
  const attempts: [string, number][] = []
  for (const {
    eventId,
    activityTaskScheduledEventAttributes: asked,
    activityTaskStartedEventAttributes: began,
  } of events ?? []) {
    const payload = asked?.input?.payloads?.[0]
    if (payload != null) {
      const { step } = defaultPayloadConverter.fromPayload<{ step?: { id?: string } }>(payload as never)
      if (step?.id !== undefined) scheduled.set(String(eventId), step.id)
    }
    const step = scheduled.get(String(began?.scheduledEventId))
    if (step !== undefined) attempts.push([step, began?.attempt ?? 0])
  }
  return { attempts, events: events?.length ?? 0 }
}

/** The workflow of the run there is. */
export async function onlyRun(client: Client): Promise<string> {
  for await (const { workflowId } of client.workflow.list({ query: "WorkflowType = 'runPipeline'" })) return workflowId
  throw new Error('there is no run')
}
