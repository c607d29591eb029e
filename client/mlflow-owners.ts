import { setTimeout as sleep } from 'node:timers/promises'
import { type Client, WorkflowUpdateFailedError } from '@temporalio/client'
import { SlipwayError } from '../lib/formats/errors.ts'
import { readModel } from '../lib/store/registry.ts'
import { asServed, listEndpoints, readRoute } from '../lib/store/routes.ts'
import type { Owners, WaitingRun } from '../lib/tracking/decisions.ts'
import { attributes } from '../workflows/attributes.ts'
import { approveUpdate, type Decision, progressQuery, rejectUpdate, runWorkflowId } from '../workflows/messages.ts'
import { askOwnerOfEndpoint, askOwnerOfModel } from './ask-owner.ts'
import type { ClientContext } from './context.ts'
import { numberedVersion } from './model-version.ts'
import { rollBack } from './roll-back.ts'

/** How long the champion of a model may take to follow that of its endpoint, ms. */
const followsWithin = 30_000

/** Those who carry out what people decide in MLflow: runs and owners, asked through Temporal. */
export function openOwners(context: ClientContext, client: Client): Owners {
  return {
    async waiting(pipeline) {
      const which = `${attributes.pipeline.name} = '${pipeline}' AND WorkflowType = 'runPipeline'`
      const waiting: WaitingRun[] = []
      for await (const { workflowId, startTime } of client.workflow.list({
        query: `${which} AND ExecutionStatus = 'Running'`,
      })) {
        // One that has just ended, or has no worker, says nothing and asks nothing.
        const progress = await client.workflow
          .getHandle(workflowId)
          .query(progressQuery)
          .catch(() => undefined)
        const asked = progress?.waitingFor
        if (progress === undefined || asked?.step === undefined) continue
        waiting.push({
          runId: workflowId.slice(runWorkflowId('').length),
          workflowId,
          startedAt: startTime.getTime(),
          steps: progress.finished,
          question: { role: asked.role, step: asked.step, against: asked.against?.digest ?? 'nothing' },
        })
      }
      return waiting
    },
    async decide(runId, { approved, by, reason, role, step, against }) {
      const decision: Decision = { by, reason, role, step, against: against === 'nothing' ? null : against }
      try {
        const handle = client.workflow.getHandle(runWorkflowId(runId))
        await handle.executeUpdate(approved ? approveUpdate : rejectUpdate, { args: [decision] })
        return undefined
      } catch (error) {
        if (error instanceof WorkflowUpdateFailedError) return error.cause?.message ?? error.message
        throw error
      }
    },
    rollBack: (model, version, reason) => goBack(context, model, version, reason),
  }
}

/** Every endpoint that serves the model goes back, or the model itself where none does. */
async function goBack(
  { settings, store }: ClientContext,
  model: string,
  version: number,
  reason: string,
): Promise<void> {
  const to = await numberedVersion(store, model, String(version))
  let isServed = false
  for (const endpoint of await listEndpoints(store)) {
    const route = await readRoute(store, endpoint)
    if (route?.champion.model !== model) continue
    isServed = true
    const askOwner: Parameters<typeof rollBack>[0]['askOwner'] = (which, order) =>
      askOwnerOfEndpoint(settings, which, order)
    if (route.champion.digest !== to.digest)
      await rollBack({ store, askOwner }, route, await asServed(store, route, to), reason)
  }
  if (!isServed) await askOwnerOfModel(settings, model, { version, reason })
  for (const until = Date.now() + followsWithin; ; await sleep(250)) {
    if ((await readModel(store, model))?.champions.at(-1) === version) return
    if (Date.now() > until)
      throw new SlipwayError(
        'ROUTE_CONFLICT',
        `the endpoints of ${model} went back, and its champion does not follow`,
        {
          next: `look at the workflow model/${model} in Temporal's web UI; is a worker running?`,
        },
      )
  }
}
