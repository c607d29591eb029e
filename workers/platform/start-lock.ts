import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { cacheHome } from '../settings.ts'
import { lifeOf, waitFor } from '../wait-for.ts'
import { breakPidLock, pidIn, takePidLock } from './pid-lock.ts'

/**
 * One server of this user starts at a time: free ports are found by looking, and two that look at once find the same. A
 * lock whose owner has died, or hangs, does not count.
 */
export async function withStartLock<T>(work: () => Promise<T>, say?: (line: string) => void): Promise<T> {
  const file = join(cacheHome(), 'platform-start.lock')
  if (takePidLock(file) !== undefined) while (!(await take(file, say))) breakPidLock(file, pidIn(file))
  try {
    return await work()
  } finally {
    rmSync(file, { force: true })
  }
}

/** @returns false when whoever has it hangs: ports that clash then are found out by the servers themselves */
function take(file: string, say: ((line: string) => void) | undefined): Promise<boolean> {
  let owner: number | undefined
  return waitFor({
    what: `the start of another platform (its lock: ${file})`,
    look: async () => {
      owner = takePidLock(file)
      return owner === undefined ? true : undefined
    },
    signs: () => ({ vital: lifeOf(owner ?? 0, {}) }),
    say,
  }).catch(() => false)
}
