import { durationMs } from '../lib/definition/duration.ts'
import { SlipwayError } from '../lib/formats/errors.ts'
import { showDuration } from '../lib/formats/show-duration.ts'

/** What `--timeout` measures: everything a command does, from planning to the last line. */
export interface WallClock {
  /** Says which run goes on when the time is up. */
  began(runId: string): void
  /** Whether somebody still waits: what has no end of its own asks. */
  readonly isOver: boolean
}

/**
 * Does something within a time, if there is one.
 * @throws SlipwayError WAIT_TIMED_OUT when it is up, whoever does not answer
 */
export async function withinTime<T>(
  timeout: string | undefined,
  work: (clock: WallClock) => Promise<T>,
  begun?: string,
): Promise<T> {
  let runId = begun
  let isOver = false
  const clock: WallClock = {
    began(id) {
      runId = id
    },
    get isOver() {
      return isOver
    },
  }
  if (timeout === undefined) return work(clock)
  const ms = durationMs(timeout)
  let timer: NodeJS.Timeout | undefined
  const up = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      isOver = true
      reject(timedOut(runId, showDuration(ms)))
    }, ms)
  })
  return Promise.race([work(clock), up]).finally(() => clearTimeout(timer))
}

const timedOut = (runId: string | undefined, after: string): SlipwayError =>
  runId === undefined
    ? new SlipwayError('WAIT_TIMED_OUT', `no run is known to have begun after ${after}`, {
        next: 'slipway doctor says what does not answer; the same again attaches to a run that has begun',
      })
    : new SlipwayError('WAIT_TIMED_OUT', `run ${runId} is not done after ${after}; it goes on`, {
        next: `slipway wait ${runId}`,
      })
