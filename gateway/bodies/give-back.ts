import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

/** How long after a large request, ms: another may follow at once. */
const laterMs = 1_000

let timer: NodeJS.Timeout | undefined

/**
 * Gives back what a large request took of this thread's heap, when none has come for a while: a thread that then only
 * has small work keeps it for good otherwise.
 */
export function giveBackLater(): void {
  clearTimeout(timer)
  timer = setTimeout(() => {
    setFlagsFromString('--expose-gc')
    const collect = runInNewContext('gc') as () => void
    collect()
  }, laterMs)
  timer.unref()
}
