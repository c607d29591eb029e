import { type ScheduleHandle, ScheduleNotFoundError, ScheduleOverlapPolicy } from '@temporalio/client'
import { SlipwayError } from '../lib/formats/errors.ts'
import type { ClientContext } from './context.ts'
import { type Said, saidBy } from './decision.ts'

/** Something that happens by itself. */
export interface ScheduleDocument {
  /** `flights/monitor`: its owner and its name. */
  readonly id: string
  readonly kind: string
  readonly paused: boolean
  /** Why it is paused. */
  readonly note: string
  /** ISO times. */
  readonly next: string | null
  readonly last: string | null
}

/** Everything that happens by itself, as `slipway schedule list --json` prints it. */
export async function readSchedules({ temporal }: ClientContext): Promise<ScheduleDocument[]> {
  const { client } = await temporal()
  const found: ScheduleDocument[] = []
  for await (const { scheduleId, memo } of client.schedule.list()) {
    if (memo?.kind === undefined) continue
    // A list of Temporal's lags behind: what was just paused is still on in it.
    const { state, info } = await client.schedule.getHandle(scheduleId).describe()
    found.push({
      id: scheduleId,
      kind: String(memo.kind),
      paused: state.paused,
      note: state.note ?? '',
      next: info.nextActionTimes[0]?.toISOString() ?? null,
      last: info.recentActions.at(-1)?.takenAt.toISOString() ?? null,
    })
  }
  return found
}

/** Times whose actions are made up for, both included. */
export interface Backfill {
  readonly start: Date
  readonly end: Date
}

/** Has a schedule do nothing until it is to go on. @throws SlipwayError NOT_FOUND */
export const pauseSchedule = (context: ClientContext, id: string, said: Said = {}): Promise<void> =>
  withSchedule(context, id, (schedule) => schedule.pause(noteOf(said)))

/** Lets a schedule that was paused go on. @throws SlipwayError NOT_FOUND */
export const resumeSchedule = (context: ClientContext, id: string, said: Said = {}): Promise<void> =>
  withSchedule(context, id, (schedule) => schedule.unpause(noteOf(said)))

/** Has it act now. Beside one that is going on two would read the same windows: the second waits. */
export const triggerSchedule = (context: ClientContext, id: string): Promise<void> =>
  withSchedule(context, id, (schedule) => schedule.trigger(ScheduleOverlapPolicy.BUFFER_ONE))

/** Has it act for all times of an interval, one after the other. */
export const backfillSchedule = (context: ClientContext, id: string, { start, end }: Backfill): Promise<void> =>
  withSchedule(context, id, (schedule) => schedule.backfill({ start, end, overlap: ScheduleOverlapPolicy.BUFFER_ALL }))

function noteOf(said: Said): string {
  const { by, reason } = saidBy(said)
  return `${reason} (${by})`
}

async function withSchedule(
  { temporal }: ClientContext,
  id: string,
  act: (schedule: ScheduleHandle) => Promise<void>,
): Promise<void> {
  const { client } = await temporal()
  try {
    await act(client.schedule.getHandle(id))
  } catch (error) {
    if (!(error instanceof ScheduleNotFoundError)) throw error
    throw new SlipwayError('NOT_FOUND', `there is no schedule "${id.replace('/', ' ')}"`, {
      next: 'see `npx slipway schedule list`',
    })
  }
}
