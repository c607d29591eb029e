import { patience } from '../formats/patience.ts'

/** A server that others wait for, by the one who waits: so long as it was there before, or somebody brings it back. */
export interface OutageOptions {
  /** What it is and where, for the words: `the store at http://…`. */
  readonly server: string
  /** Whether somebody is bringing it back: then it is waited for even if it never answered. */
  readonly isExpected: () => boolean
  /** Tells whoever waits that they wait, and that it is over. */
  readonly say: (line: string) => void
  /**
   * How long it may be away, ms: once it has answered or is expected, and otherwise, where its address may be wrong.
   */
  readonly limits?: { readonly away: number; readonly unknown: number }
  readonly now?: () => number
}

/**
 * One outage after the other of one server. All calls of a process share it: its budget is of the outage, not of a
 * call.
 */
export interface Outage {
  begin(): Call
  /** It answered, whatever it said. */
  answered(): void
  /** Tells of a wait that lasts without having failed. */
  lasts(since: number): void
}

/** A call to the server, with all its tries. */
export interface Call {
  /**
   * A try got no answer.
   * @param since when it began, where it waited itself
   * @returns how long to wait before the next, ms; undefined when the time is up
   */
  failed(since?: number): number | undefined
}

export function outageOf({ server, isExpected, say, limits = patience, now = Date.now }: OutageOptions): Outage {
  let away: number | undefined
  let isKnown = false
  let isSaid = false
  const limit = (): number => (isKnown || isExpected() ? limits.away : limits.unknown)
  const lasts = (since: number): void => {
    if (isSaid || now() - since < patience.told) return
    isSaid = true
    const most = Number.isFinite(limit()) ? ` (up to ${limit() / 1000} s)` : ''
    say(`${server} does not answer: waiting for it${most}`)
  }
  return {
    begin() {
      let own: number | undefined
      return {
        failed(since = now()) {
          own ??= since
          away ??= since
          // One that answers others and never this call does not answer it.
          const first = Math.min(own, away)
          if (now() - first >= limit()) return undefined
          lasts(away)
          return patience.pause
        },
      }
    },
    answered() {
      if (isSaid) say(`${server} answers again`)
      isKnown = true
      isSaid = false
      away = undefined
    },
    lasts,
  }
}

/** Who has no time for outages, since somebody else tries again, makes a call these few times. */
export const afterHiccups = (): Outage => ({
  begin() {
    let left = 3
    return { failed: () => (left-- > 0 ? patience.pause : undefined) }
  },
  answered() {},
  lasts() {},
})

/** Whether the time in which a server said nothing ended a call: that time has been waited. */
const isTimeOut = (error: unknown): boolean => (error as { code?: unknown }).code === 'ETIMEDOUT'

/**
 * Does something that a server is needed for, again and again while it is away.
 * @param isAway whether an error says that
 * @param isWait whether the work is nothing but waiting for the answer: then its time counts as well
 */
export async function rideOut<T>(
  outage: Outage | undefined,
  work: () => Promise<T>,
  isAway: (error: unknown) => boolean,
  isWait = false,
): Promise<T> {
  const call = outage?.begin()
  for (;;) {
    const since = Date.now()
    const watch = isWait ? setInterval(() => outage?.lasts(since), patience.pause) : undefined
    try {
      const result = await work()
      outage?.answered()
      return result
    } catch (error) {
      const pause = isAway(error) ? call?.failed(isWait || isTimeOut(error) ? since : undefined) : undefined
      if (pause === undefined) throw error
      await new Promise((resolve) => setTimeout(resolve, pause))
    } finally {
      clearInterval(watch)
    }
  }
}
