import { closeSync, mkdirSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { cacheHome } from '../settings.ts'
import { isAlive } from './state.ts'

/** How long one start waits for another, ms. */
const patience = 120_000

/**
 * One server of this user starts at a time: free ports are found by looking, and two that look at once find the same. A lock whose
 * owner has died does not count.
 */
export async function withStartLock<T>(work: () => Promise<T>): Promise<T> {
  const file = join(cacheHome(), 'platform-start.lock')
  mkdirSync(dirname(file), { recursive: true })
  for (const until = Date.now() + patience; ; await sleep(100)) {
    try {
      const lock = openSync(file, 'wx')
      writeSync(lock, String(process.pid))
      closeSync(lock)
      break
    } catch {
      const owner = Number(ownerOf(file))
      // After that long whoever holds it hangs; ports that clash are found out by the servers themselves.
      if ((owner > 0 && !isAlive(owner)) || Date.now() > until) rmSync(file, { force: true })
    }
  }
  try {
    return await work()
  } finally {
    rmSync(file, { force: true })
  }
}

function ownerOf(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return ''
  }
}
