import { type Client, ScheduleOverlapPolicy } from '@temporalio/client'
import { inConsole } from '../lib/formats/console-link.ts'
import type { StepOf } from '../lib/formats/plan.ts'
import { gatherScheduleId, monitorScheduleId, retrainScheduleId, taskQueue } from '../workflows/messages.ts'
import { dropSchedule, setSchedule } from './schedules.ts'

/**
 * Longer than this no gathering waits, ms: a check of a week would have hundreds of thousands of windows to read at
 * once.
 */
const gatherEveryMs = 3_600_000

/** A schedule of a monitor: what it starts, and how often. */
interface Regular {
  readonly scheduleId: string
  readonly kind: 'monitor' | 'gather' | 'retrain'
  /** Null for never. */
  readonly everyMs: number | null
  readonly workflowType: 'monitorEndpoint' | 'askForRetraining'
  readonly args: readonly string[]
  readonly summary: string
  /** Where the console shows it. */
  readonly page: string
}

/** Sets the schedules that a monitor asks for, and drops those that it does not ask for any more. */
export async function setMonitorSchedules(
  client: Client,
  pipeline: string,
  step: StepOf<'monitor'>,
  console?: string,
): Promise<void> {
  const { endpoint } = step
  for (const { scheduleId, kind, everyMs, workflowType, args, summary, page } of schedulesOf(pipeline, step)) {
    if (everyMs === null) await dropSchedule(client, scheduleId)
    else
      await setSchedule(client, {
        scheduleId,
        spec: { intervals: [{ every: everyMs }] },
        action: {
          type: 'startWorkflow',
          workflowType,
          workflowId: scheduleId,
          args: [...args],
          taskQueue,
          staticSummary: summary,
          ...inConsole(console, page),
        },
        policies: { overlap: ScheduleOverlapPolicy.SKIP, catchupWindow: '1 minute' },
        memo: { pipeline, endpoint, kind },
      })
  }
}

/** The ids of the schedules that a monitor asks for. */
export const monitorScheduleIds = (pipeline: string, step: StepOf<'monitor'>): string[] =>
  schedulesOf(pipeline, step).flatMap(({ scheduleId, everyMs }) => (everyMs === null ? [] : [scheduleId]))

function schedulesOf(pipeline: string, { endpoint, policy }: StepOf<'monitor'>): readonly Regular[] {
  return [
    {
      scheduleId: monitorScheduleId(endpoint),
      kind: 'monitor',
      everyMs: policy.everyMs,
      workflowType: 'monitorEndpoint',
      args: [endpoint],
      summary: `check of ${endpoint}`,
      page: `/monitors/${endpoint}`,
    },
    {
      scheduleId: gatherScheduleId(endpoint),
      kind: 'gather',
      everyMs: policy.everyMs > gatherEveryMs ? gatherEveryMs : null,
      workflowType: 'monitorEndpoint',
      args: [endpoint, 'gather'],
      summary: `what was served of ${endpoint}`,
      page: `/monitors/${endpoint}`,
    },
    {
      scheduleId: retrainScheduleId(pipeline),
      kind: 'retrain',
      everyMs: policy.retrain?.everyMs ?? null,
      workflowType: 'askForRetraining',
      args: [pipeline],
      summary: `${pipeline} is to be retrained regularly`,
      page: `/pipelines/${pipeline}`,
    },
  ]
}
