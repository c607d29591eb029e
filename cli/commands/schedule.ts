import { userInfo } from 'node:os'
import { type ScheduleHandle, ScheduleNotFoundError, ScheduleOverlapPolicy } from '@temporalio/client'
import { SlipwayError } from '../../lib/formats/errors.ts'
import { openContext } from '../context.ts'
import { isoTime, type JsonOption } from '../options.ts'
import { print, printJson, table } from '../output.ts'

/** `schedule list`: everything that happens by itself. */
export async function list(options: JsonOption): Promise<number> {
  const { client } = await openContext().temporal()
  const found = []
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
  if (options.json === true) printJson(found)
  else if (found.length === 0) print('nothing is scheduled')
  else
    print(
      table(
        ['schedule', 'kind', 'state', 'last', 'next'],
        found.map(({ id, kind, paused, note, next, last }) => [
          id.replace('/', ' '),
          kind,
          paused ? `paused${note === '' ? '' : `: ${note}`}` : 'on',
          last ?? '',
          paused ? '' : (next ?? ''),
        ]),
      ),
    )
  return 0
}

export interface ScheduleOptions extends JsonOption {
  readonly reason?: string
  readonly from?: string
  readonly to?: string
}

/** `schedule pause|resume|trigger|backfill flights monitor`. */
export async function act(
  verb: 'pause' | 'resume' | 'trigger' | 'backfill',
  owner: string,
  name: string,
  options: ScheduleOptions,
): Promise<number> {
  const { client } = await openContext().temporal()
  const id = `${owner}/${name}`
  const note = `${options.reason ?? 'no reason given'} (${userInfo().username})`
  try {
    await carryOut(client.schedule.getHandle(id), verb, note, options)
  } catch (error) {
    if (!(error instanceof ScheduleNotFoundError)) throw error
    throw new SlipwayError('NOT_FOUND', `there is no schedule "${owner} ${name}"`, {
      next: 'see `npx slipway schedule list`',
    })
  }
  const past = { pause: 'paused', resume: 'resumed', trigger: 'triggered', backfill: 'backfilling' }[verb]
  if (options.json === true) printJson({ schedule: id, state: past })
  else print(`${owner} ${name}: ${past}`)
  return 0
}

async function carryOut(
  handle: ScheduleHandle,
  verb: 'pause' | 'resume' | 'trigger' | 'backfill',
  note: string,
  { from, to }: ScheduleOptions,
): Promise<void> {
  switch (verb) {
    case 'pause':
      return handle.pause(note)
    case 'resume':
      return handle.unpause(note)
    case 'trigger':
      // Beside one that is going on two would read the same windows: the second waits.
      return handle.trigger(ScheduleOverlapPolicy.BUFFER_ONE)
    case 'backfill': {
      if (from === undefined || to === undefined)
        throw new SlipwayError('USAGE', 'backfill needs --from and --to', {
          next: 'for example --from 2001-06-01 --to 2001-06-30',
        })
      const start = new Date(isoTime('--from', from))
      // A day is meant whole.
      const end = new Date(Date.parse(isoTime('--to', to)) + (/^\d{4}-\d{2}-\d{2}$/.test(to) ? 86_400_000 - 1 : 0))
      if (start >= end) throw new SlipwayError('USAGE', '--from must be before --to')
      return handle.backfill({ start, end, overlap: ScheduleOverlapPolicy.BUFFER_ALL })
    }
  }
}
