import { existsSync, readFileSync, statSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { type ErrorCode, SlipwayError } from '../lib/formats/errors.ts'
import { createPatience, type Signs } from './patience.ts'

/** Something that is waited for. */
export interface Wait<T> {
  /** `the worker`: for messages. */
  readonly what: string
  /** What is waited for, or undefined while it is not there. What it throws is shown if it never comes. */
  look(): Promise<T | undefined>
  /** Looks for signs of life; an answer of `look` that differs from the last one need not be among them. */
  signs(): Signs
  /** The log in which the reason stands if it never comes. */
  readonly log?: string | undefined
  /** Of the error when it is given up, WAIT_TIMED_OUT by default. */
  readonly code?: ErrorCode
  /** Hears what is waited for when it takes long. */
  readonly say?: ((line: string) => void) | undefined
  readonly silenceMs?: number
  /** Between two looks, ms. */
  readonly everyMs?: number
  /** For tests. */
  readonly clock?: Clock
}

interface Clock {
  /** In ms. */
  now(): number
  pause(ms: number): Promise<unknown>
}

const realClock: Clock = { now: () => performance.now(), pause: sleep }
/** After this long the user is told what is waited for, and as often again, ms. */
const tellEvery = 30_000

/**
 * Waits until something is there: as long as it shows signs of life, however slow the machine is.
 * @throws SlipwayError with the code given when it is dead or has been silent too long: what was waited for, and what
 *   was seen last
 */
export async function waitFor<T>(wait: Wait<T>): Promise<T> {
  const { clock = realClock, everyMs = 100 } = wait
  const isOver = createPatience(wait.silenceMs)
  let found: { readonly value: T } | undefined
  let problem = 'no answer'
  let looking: Promise<void> | undefined
  let told = clock.now()
  for (;;) {
    const pause = clock.pause(everyMs)
    // A look that hangs, at a server that takes connections and says nothing, must not keep us from giving up.
    looking ??= wait
      .look()
      .then(
        (value) => {
          if (value !== undefined) found = { value }
        },
        (error: Error) => {
          problem = error.message
        },
      )
      .finally(() => {
        looking = undefined
      })
    await Promise.race([looking, pause])
    if (found !== undefined) return found.value
    const signs = wait.signs()
    const why = isOver({ ...signs, vital: [...signs.vital, problem] }, clock.now())
    if (why !== undefined) throw givenUp(wait, why, problem)
    if (clock.now() - told > tellEvery) {
      told = clock.now()
      wait.say?.(`still waiting for ${wait.what} (${problem})`)
    }
    await pause
  }
}

function givenUp<T>({ what, code = 'WAIT_TIMED_OUT', log }: Wait<T>, why: string, problem: string): SlipwayError {
  const line = log === undefined ? undefined : tellingLine(log)
  const seen = line === undefined ? problem : `${problem}; its log says: ${line}`
  return new SlipwayError(code, `waited for ${what}: ${why}. Seen last: ${seen}`, {
    next: log === undefined ? 'see `npx slipway status`' : `see ${log}`,
  })
}

/** The last line of a log that looks like an error, with what it says to do next, or else its last one. */
function tellingLine(log: string): string | undefined {
  const said = existsSync(log) ? readFileSync(log, 'utf8').trim().split('\n') : ['']
  const at = said.findLastIndex((each) => /error|fail|[A-Z]+_[A-Z]+:/i.test(each))
  const line = said.at(at) as string
  const next = said[at + 1] ?? ''
  const telling = at >= 0 && next.startsWith('  next: ') ? [line, next] : [line]
  return telling.map((each) => each.trim().slice(0, 300)).join('; ') || undefined
}

/** Processor time is counted in such steps, s, where a process uses some even when it has nothing to do. */
const idleStep = 10

/**
 * What shows that a process works: processor time used and bytes written to its log. Where there is no /proc, the log
 * only.
 * @param idles whether it uses some processor time even when it does nothing, as servers do
 */
export function lifeOf(pid: number, { log, idles = false }: { log?: string | undefined; idles?: boolean }): unknown[] {
  const seconds = processorSeconds(pid)
  return [
    pid,
    seconds !== undefined && idles ? Math.floor(seconds / idleStep) : seconds,
    log !== undefined && existsSync(log) ? statSync(log).size : 0,
  ]
}

/** Linux counts in hundredths of a second. */
const ticksASecond = 100

/** Processor time that a process and the children it waited for have used, s; undefined where it cannot be told. */
export function processorSeconds(pid: number): number | undefined {
  try {
    // Behind the name, which may hold anything: utime, stime, cutime and cstime are fields 14 to 17.
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)?.split(' ') ?? []
    const ticks = fields.slice(11, 15).reduce((sum, field) => sum + Number(field), 0)
    return ticks / ticksASecond
  } catch {
    return undefined
  }
}
