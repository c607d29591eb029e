import { ScheduleOverlapPolicy, WorkflowFailedError } from '@temporalio/client'
import { SlipwayError } from '../lib/formats/errors.ts'
import type { MonitorReport } from '../lib/formats/monitor-report.ts'
import { readLastJudgement } from '../lib/store/monitors.ts'
import { readAlive } from '../lib/store/routes.ts'
import { signsOfPlatform } from '../workers/platform/signs.ts'
import { logFile } from '../workers/platform/state.ts'
import { type Wait, waitFor } from '../workers/wait-for.ts'
import { monitorScheduleId } from '../workflows/messages.ts'
import type { ClientContext } from './context.ts'

/** A check is made by the worker: its signs of life count, its log tells. */
function byWorker({ settings, say }: ClientContext): Pick<Wait<unknown>, 'signs' | 'log' | 'say'> {
  const { root } = settings
  return { signs: signsOfPlatform(root), log: logFile(root, 'worker'), say: (line) => say(`  ${line}`) }
}

/**
 * Has the monitor check an endpoint now, with all it was asked before.
 * @returns what it finds, once the supervisor has heard of it
 */
export async function checkNow(context: ClientContext, endpoint: string): Promise<MonitorReport> {
  const { store } = context
  const before = (await readLastJudgement(store, endpoint))?.seq ?? -1
  const asked = Date.now()
  await waitFor({
    ...byWorker(context),
    what: `what ${endpoint} was asked to be in the store`,
    log: logFile(context.settings.root, 'gateway'),
    async look() {
      const gateways = await readAlive(store)
      const all = gateways.every(({ at, sentUpTo }) => Date.parse(sentUpTo ?? at) >= asked)
      return (gateways.length > 0 && all) || undefined
    },
  })
  const check = await triggerCheck(context, endpoint)
  // The check ends when it has told the supervisor.
  await endOf(context, endpoint, check)
  const report = await readLastJudgement(store, endpoint)
  if (report !== undefined && report.seq > before) return report
  throw new SlipwayError('INTERNAL', `the check of ${endpoint} ended and left no report`, {
    next: `look at workflow ${check.workflowId} in the Temporal web UI`,
  })
}

interface Execution {
  readonly workflowId: string
  readonly runId?: string
}

/** Triggers the monitor's schedule. @returns the check it starts */
async function triggerCheck(context: ClientContext, endpoint: string): Promise<Execution> {
  const { client } = await context.temporal()
  const schedule = client.schedule.getHandle(monitorScheduleId(endpoint))
  const checks = async (): Promise<Execution[]> =>
    (await schedule.describe()).info.recentActions.flatMap(({ action }) =>
      action.type === 'startWorkflow'
        ? [{ workflowId: action.workflow.workflowId, runId: action.workflow.firstExecutionRunId }]
        : [],
    )
  const known = new Set((await checks()).map(({ runId }) => runId))
  await schedule.trigger(ScheduleOverlapPolicy.BUFFER_ONE)
  return waitFor({
    ...byWorker(context),
    what: `the check of ${endpoint} to begin`,
    look: async () => (await checks()).find(({ runId }) => !known.has(runId)),
  })
}

/** Waits until a check has ended. @throws SlipwayError when it failed */
async function endOf(context: ClientContext, endpoint: string, { workflowId, runId }: Execution): Promise<void> {
  const { client } = await context.temporal()
  const failure = await waitFor({
    ...byWorker(context),
    what: `the check of ${endpoint} to end`,
    look: () =>
      client.workflow
        .getHandle(workflowId, runId)
        .result()
        .then(
          () => null,
          (error) => {
            if (error instanceof WorkflowFailedError) return error.cause?.message ?? error.message
            throw error
          },
        ),
  })
  if (failure === null) return
  throw new SlipwayError('INTERNAL', `the check of ${endpoint} failed: ${failure}`, {
    next: `look at workflow ${workflowId} in the Temporal web UI`,
  })
}
