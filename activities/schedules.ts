import { type Client, ScheduleAlreadyRunning, ScheduleNotFoundError, type ScheduleOptions } from '@temporalio/client'

/** Removes a schedule, if it is there. */
export async function dropSchedule({ schedule }: Client, id: string): Promise<void> {
  await schedule
    .getHandle(id)
    .delete()
    .catch((error) => {
      if (!(error instanceof ScheduleNotFoundError)) throw error
    })
}

/** Makes a schedule, or changes the one that is there; a pause stays. */
export async function setSchedule({ schedule }: Client, options: ScheduleOptions): Promise<void> {
  try {
    await schedule.create(options)
  } catch (error) {
    if (!(error instanceof ScheduleAlreadyRunning)) throw error
    const { spec, action, policies } = options
    await schedule
      .getHandle(options.scheduleId)
      .update((before) => ({ ...before, spec, action, ...(policies === undefined ? {} : { policies }) }))
  }
}
