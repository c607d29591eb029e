import {
  type CalendarSpec,
  type Client,
  DAYS_OF_WEEK,
  type DayOfWeek,
  MONTHS,
  type Month,
  ScheduleOverlapPolicy,
} from '@temporalio/client'
import { type CronCalendar, cronCalendars } from '../lib/definition/cron.ts'
import type { BatchRequest } from '../lib/formats/batch-request.ts'
import { inConsole } from '../lib/formats/console-link.ts'
import type { BatchDefinition } from '../lib/store/batches.ts'
import { batchScheduleId, taskQueue } from '../workflows/messages.ts'
import { dropSchedule, setSchedule } from './schedules.ts'

const overlaps = {
  skip: ScheduleOverlapPolicy.SKIP,
  wait: ScheduleOverlapPolicy.BUFFER_ALL,
  allow: ScheduleOverlapPolicy.ALLOW_ALL,
} as const

/** Sets the schedule of a batch, or drops it where it has none any more. */
export async function setBatchSchedule(
  client: Client,
  name: string,
  { pipeline, endpoint, policy }: BatchDefinition,
  console?: string,
): Promise<void> {
  const scheduleId = batchScheduleId(pipeline, name)
  if (policy.cron === null) return dropSchedule(client, scheduleId)
  const request: BatchRequest = { owner: pipeline, name, slot: null, redo: false, by: 'schedule', adHoc: null }
  await setSchedule(client, {
    scheduleId,
    spec: { calendars: cronCalendars(policy.cron).map(calendarSpec), timezone: 'UTC' },
    action: {
      type: 'startWorkflow',
      workflowType: 'scoreBatch',
      workflowId: scheduleId,
      args: [request],
      taskQueue,
      staticSummary: `batch ${name} of ${pipeline}`,
      ...inConsole(console, '/batches'),
    },
    policies: { overlap: overlaps[policy.overlap], catchupWindow: Math.max(10_000, policy.catchupMs) },
    memo: { pipeline, endpoint, kind: 'batch' },
  })
}

/** Temporal's own reading of a line of cron differs where both day fields are restricted: it gets calendars instead. */
function calendarSpec({ month, dayOfWeek, minute, hour, dayOfMonth }: CronCalendar): CalendarSpec {
  return {
    minute: [...minute],
    hour: [...hour],
    dayOfMonth: [...dayOfMonth],
    month: month.map((number) => MONTHS[number - 1] as Month),
    dayOfWeek: dayOfWeek.map((number) => DAYS_OF_WEEK[number] as DayOfWeek),
  }
}
