import { setTimeout as sleep } from 'node:timers/promises'

/** A step of the story may take so long on a busy machine, ms. */
const patienceMs = 300_000

/**
 * Looks until something is there.
 * @param over where the wait makes no sense any more once this has ended
 * @throws Error which says what did not come
 */
export async function until<T>(
  what: string,
  look: () => Promise<T | undefined>,
  over: Promise<unknown> = new Promise(() => {}),
): Promise<T> {
  let isOver = false
  void over.then(
    () => {
      isOver = true
    },
    () => {
      isOver = true
    },
  )
  for (const end = Date.now() + patienceMs; ; await sleep(150)) {
    const last = isOver || Date.now() > end
    const there = await look()
    if (there !== undefined) return there
    if (last) throw new Error(`waited for ${what}, which did not come`)
  }
}
