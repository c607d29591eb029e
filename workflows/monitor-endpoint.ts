import {
  isCancellation,
  proxyActivities,
  setCurrentDetails,
  upsertSearchAttributes,
  workflowInfo,
} from '@temporalio/workflow'
import type { Activities } from '../activities/index.ts'
import { attributes } from './attributes.ts'
import { alerting, briefly, checking } from './options.ts'

/**
 * One check of an endpoint, started by its schedule: compares what was served since the last one with the training
 * rows, and what became known with what was predicted; tells people when an incident begins or ends, and the supervisor
 * while it goes on. A check whose windows are very many takes them in step by step; mode `gather` takes them in and
 * judges nothing.
 * @returns the verdict in words
 */
export async function monitorEndpoint(endpoint: string, mode: 'judge' | 'gather' = 'judge'): Promise<string> {
  const { checkEndpoint } = proxyActivities<Activities>({ ...checking, summary: `check ${endpoint}` })
  let result = await checkEndpoint({ endpoint, check: workflowInfo().runId, judge: mode === 'judge' })
  for (let step = 1; result?.more === true; step++)
    result = await checkEndpoint({ endpoint, check: `${workflowInfo().runId}/${step}`, judge: mode === 'judge' })
  if (result === null) return `${endpoint} is not watched any more, or serves nothing`
  const { seq, verdict, firing, change, pipeline, cause } = result
  upsertSearchAttributes([
    { key: attributes.pipeline, value: pipeline },
    { key: attributes.verdict, value: firing.length > 0 ? 'alarm' : 'ok' },
  ])
  setCurrentDetails(`**${endpoint}**, check ${seq}: ${verdict}\n\nSee \`slipway drift show ${endpoint}\``)
  if (cause !== null) {
    const summary = `tell the supervisor: ${cause.reason}`.slice(0, 200)
    const { signalSupervisor } = proxyActivities<Activities>({ ...briefly, summary })
    await signalSupervisor({ pipeline, cause })
  }
  if (change === 'resolved') {
    const { calmSupervisor } = proxyActivities<Activities>({
      ...briefly,
      summary: 'tell the supervisor that it is over',
    })
    await calmSupervisor({ pipeline, endpoint })
  }
  if (change !== 'none' && mode === 'judge') {
    const { sendAlert } = proxyActivities<Activities>({ ...alerting, summary: `incident ${change}` })
    try {
      await sendAlert({ endpoint, seq })
    } catch (error) {
      if (isCancellation(error)) throw error
      return `${verdict} (the alert could not be delivered)`
    }
  }
  return verdict
}
