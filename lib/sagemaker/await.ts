import { setTimeout as sleep } from 'node:timers/promises'
import { isPassing } from './faults.ts'

/** What is looked at again and again. */
export interface Waiting<There> {
  look(): Promise<There>
  /** Whether it has come to what is waited for. */
  isOver(there: There): boolean
  /** Hears each look. */
  onLook?: (there: There) => void | Promise<void>
  readonly signal: AbortSignal
  /** Milliseconds between two looks, first and at most; what is usual unless it is said. */
  readonly pauses?: { readonly first: number; readonly most: number }
  /** When waiting ends without it, ms since 1970. */
  readonly until?: number
}

const usualPauses = { first: 1_000, most: 15_000 }

/**
 * Waits for a resource to come to something, with growing pauses. Calls that are throttled or not answered are no end:
 * what is waited for goes on without us, and costs.
 * @returns what it came to; undefined when the time was up
 * @throws the signal's reason, and what `look` throws that will not pass
 */
export async function awaitStatus<There>(waiting: Waiting<There>): Promise<There | undefined> {
  const { look, isOver, onLook, signal, pauses = usualPauses, until = Number.POSITIVE_INFINITY } = waiting
  for (let pause = pauses.first; ; pause = Math.min(pauses.most, pause * 1.3)) {
    signal.throwIfAborted()
    try {
      const there = await look()
      await onLook?.(there)
      if (isOver(there)) return there
    } catch (error) {
      if (!isPassing(error)) throw error
    }
    if (Date.now() >= until) return undefined
    await sleep(Math.min(pause, Math.max(0, until - Date.now())), undefined, { signal }).catch(() => {})
  }
}
