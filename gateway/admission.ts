/** Requests that are let in whatever happens: so few are no crowd, however slow the machine is. */
const least = 8
/** Milliseconds an answer may take under load before fewer are let in, and how many times what it takes without. */
const acceptable = { ms: 15, times: 4 }
const everyMs = 100

/**
 * How many requests may be under way at once, found by trying (a little more, or as much less as it takes; compare
 * Netflix's concurrency-limits): more while answers stay quick, fewer when they take longer than they should. What is
 * refused is refused at once and costs little; what is let in is answered in time. A queue of our own would only make
 * everybody late.
 */
export interface Admission {
  /** Whether one more may come in. */
  admits(): boolean
  enter(): void
  /** @param ms from arrival to answer; undefined for one that says nothing of how busy the answering thread is */
  leave(ms: number | undefined): void
  readonly underWay: number
  stop(): void
}

export function createAdmission(): Admission {
  let limit = 1024
  let underWay = 0
  let most = 0
  let answered = 0
  let totalMs = 0
  /** What an answer takes when there is no crowd: the quickest interval lately, forgotten over minutes. */
  let calmMs = Number.POSITIVE_INFINITY
  const timer = setInterval(() => {
    if (answered === 0) return
    const meanMs = totalMs / answered
    calmMs = Math.min(calmMs * 1.001, meanMs)
    const target = Math.max(acceptable.ms, acceptable.times * calmMs)
    // By Little's law what is under way is in proportion to how long it takes.
    if (meanMs > target) limit = Math.max(least, Math.min(limit, most) * Math.max(0.3, target / meanMs))
    else if (most >= limit) limit += Math.max(1, limit * 0.1)
    most = underWay
    answered = 0
    totalMs = 0
  }, everyMs)
  timer.unref()
  return {
    admits: () => underWay < limit,
    enter() {
      underWay++
      if (underWay > most) most = underWay
    },
    leave(ms) {
      underWay--
      if (ms === undefined) return
      answered++
      totalMs += ms
    },
    get underWay() {
      return underWay
    },
    stop: () => clearInterval(timer),
  }
}
