/** Runs work again and again, each time a while after it ended last. */
export interface Repeater {
  every(ms: number, work: () => Promise<void>): void
  stop(): void
}

/** @param failed hears why work failed; it is tried again all the same */
export function createRepeater(failed: (error: unknown) => void): Repeater {
  const timers = new Set<NodeJS.Timeout>()
  let isStopping = false
  const every = (ms: number, work: () => Promise<void>): void => {
    const timer = setTimeout(async () => {
      timers.delete(timer)
      await work().catch(failed)
      if (!isStopping) every(ms, work)
    }, ms)
    timers.add(timer)
  }
  return {
    every,
    stop() {
      isStopping = true
      for (const timer of timers) clearTimeout(timer)
    },
  }
}
