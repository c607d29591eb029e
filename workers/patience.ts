/** What can be seen of something that is waited for. */
export interface Signs {
  /** Why nothing more can come of it, where that is so: `it ended with 1`. */
  readonly dead?: string | undefined
  /** Whatever changes while it works: its answers, the size of its log, the processor time it has used. */
  readonly vital: readonly unknown[]
}

/** How long something may show no sign of life before it is given up, ms. */
export const usualSilenceMs = 600_000
/**
 * What two looks in a row count for at most, ms: a time in which nobody could look (we were stopped, the machine slept)
 * is no silence.
 */
export const longestGapMs = 60_000

/**
 * Decides how long to wait: as long as there are signs of life, however slow the machine is. Feed it what is seen,
 * again and again.
 * @returns a function that says why to stop waiting, or undefined to go on. Its clock is in ms and only runs forward
 */
export function createPatience(silenceMs = usualSilenceMs): (signs: Signs, now: number) => string | undefined {
  let before: { readonly vital: string; readonly at: number } | undefined
  let silentMs = 0
  return ({ dead, vital }, now) => {
    if (dead !== undefined) return dead
    const seen = JSON.stringify(vital)
    silentMs = seen === before?.vital ? silentMs + Math.min(now - before.at, longestGapMs) : 0
    before = { vital: seen, at: now }
    return silentMs < silenceMs ? undefined : `no sign of life for ${inWords(silenceMs)}`
  }
}

function inWords(ms: number): string {
  return ms < 120_000 ? `${ms / 1000} s` : `${Math.round(ms / 60_000)} minutes`
}
