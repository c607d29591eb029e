import type { Backfill } from '../../client/schedules.ts'
import {
  backfillSchedule,
  pauseSchedule,
  readSchedules,
  resumeSchedule,
  triggerSchedule,
} from '../../client/schedules.ts'
import { SlipwayError } from '../../lib/formats/errors.ts'
import { openContext } from '../context.ts'
import { isoTime, type JsonOption } from '../options.ts'
import { print, printJson, table } from '../output.ts'

/** `schedule list`: everything that happens by itself. */
export async function list(options: JsonOption): Promise<number> {
  const found = await readSchedules(openContext())
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

const past = { pause: 'paused', resume: 'resumed', trigger: 'triggered', backfill: 'backfilling' }

/** `schedule pause|resume|trigger|backfill flights monitor`. */
export async function act(
  verb: keyof typeof past,
  owner: string,
  name: string,
  options: ScheduleOptions,
): Promise<number> {
  const context = openContext()
  const id = `${owner}/${name}`
  if (verb === 'pause') await pauseSchedule(context, id, options)
  else if (verb === 'resume') await resumeSchedule(context, id, options)
  else if (verb === 'trigger') await triggerSchedule(context, id)
  else await backfillSchedule(context, id, intervalOf(options))
  if (options.json === true) printJson({ schedule: id, state: past[verb] })
  else print(`${owner} ${name}: ${past[verb]}`)
  return 0
}

/** @throws SlipwayError USAGE */
function intervalOf({ from, to }: ScheduleOptions): Backfill {
  if (from === undefined || to === undefined)
    throw new SlipwayError('USAGE', 'backfill needs --from and --to', {
      next: 'for example --from 2001-06-01 --to 2001-06-30',
    })
  const start = new Date(isoTime('--from', from))
  // A day is meant whole.
  const end = new Date(Date.parse(isoTime('--to', to)) + (/^\d{4}-\d{2}-\d{2}$/.test(to) ? 86_400_000 - 1 : 0))
  if (start >= end) throw new SlipwayError('USAGE', '--from must be before --to')
  return { start, end }
}
