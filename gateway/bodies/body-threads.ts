import { availableParallelism } from 'node:os'
import { SlipwayError } from '../../lib/formats/errors.ts'
import { lateFor, type Waiter } from '../late.ts'
import { BodyThread } from './body-thread.ts'

/**
 * Large bodies that are read, scored and answered at once. Each takes a core and some hundred MB for a second or two:
 * one core is for the thread that answers, one for models.
 */
const most = Math.max(1, Math.min(2, availableParallelism() - 2))
/** A thread without work is ended after this, ms, and its memory with it. */
const idleMs = 1_000

/** Threads for large bodies: begun when there is one, and ended when there is none. */
export interface BodyThreads {
  /**
   * A thread for one request, when its turn comes.
   * @throws SlipwayError DEADLINE_EXCEEDED, OVERLOADED
   */
  lease(until: Waiter): Promise<Lease>
  close(): void
}

export interface Lease {
  readonly thread: BodyThread
  /** Gives it to the next one; once. */
  release(): void
}

export function createBodyThreads(): BodyThreads {
  const free: { readonly thread: BodyThread; readonly timer: NodeJS.Timeout }[] = []
  const waiting: { readonly until: Waiter; resolve(lease: Lease): void; reject(error: Error): void }[] = []
  let leased = 0
  let isClosed = false

  const take = (): BodyThread => {
    for (let next = free.pop(); next !== undefined; next = free.pop()) {
      clearTimeout(next.timer)
      if (next.thread.isOpen) return next.thread
    }
    return new BodyThread()
  }
  const giveBack = (thread: BodyThread): void => {
    if (!thread.isOpen) return
    if (isClosed) {
      thread.close()
      return
    }
    const entry = {
      thread,
      timer: setTimeout(() => {
        free.splice(free.indexOf(entry), 1)
        thread.close()
      }, idleMs).unref(),
    }
    free.push(entry)
  }
  const lease = (): Lease => {
    const thread = take()
    let isReleased = false
    leased++
    return {
      thread,
      release() {
        if (isReleased) return
        isReleased = true
        leased--
        giveBack(thread)
        next()
      },
    }
  }
  const next = (): void => {
    while (leased < most) {
      const first = waiting.shift()
      if (first === undefined) return
      const { until, resolve, reject } = first
      if (until.deadline < performance.now()) reject(lateFor(until))
      else resolve(lease())
    }
  }
  return {
    async lease(until) {
      if (isClosed) throw new SlipwayError('OVERLOADED', 'the gateway stops', { next: 'ask another one' })
      if (leased < most) return lease()
      return new Promise((resolve, reject) => waiting.push({ until, resolve, reject }))
    },
    close() {
      isClosed = true
      for (const { thread, timer } of free.splice(0)) {
        clearTimeout(timer)
        thread.close()
      }
    },
  }
}
