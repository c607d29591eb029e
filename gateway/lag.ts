/** Milliseconds a turn of the event loop may take before requests are refused unread. */
const limitMs = 60
const everyMs = 20

/** Watches how late this thread's timers are: what a request has to wait before anybody even looks at it. */
export function watchLag(): { isLagging(): boolean; stop(): void } {
  let expected = performance.now() + everyMs
  let lag = 0
  const timer = setInterval(() => {
    const now = performance.now()
    // Rises at once, falls by halves.
    lag = Math.max(now - expected, lag / 2)
    expected = now + everyMs
  }, everyMs)
  timer.unref()
  return { isLagging: () => lag > limitMs, stop: () => clearInterval(timer) }
}
