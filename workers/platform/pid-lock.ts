import { linkSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { isAlive } from '../../lib/store/is-alive.ts'

/**
 * Takes a lock: a file that holds the pid of its owner. A dead owner's does not count.
 * @returns undefined when it is ours now, else the pid of who has it
 */
export function takePidLock(file: string): number | undefined {
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 })
  const own = `${file}.${process.pid}`
  writeFileSync(own, String(process.pid), { mode: 0o600 })
  try {
    for (;;) {
      try {
        // Not there, or there with its pid in it: nobody ever reads one that is half written.
        linkSync(own, file)
        return undefined
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
      }
      const owner = pidIn(file)
      if (owner !== undefined && isAlive(owner, file)) return owner
      breakPidLock(file, owner)
    }
  } finally {
    rmSync(own, { force: true })
  }
}

/** The pid that a lock holds; undefined when there is no lock, or nobody's. */
export function pidIn(file: string): number | undefined {
  try {
    const pid = Number(readFileSync(file, 'utf8'))
    return pid > 0 ? pid : undefined
  } catch {
    return undefined
  }
}

/** Takes a lock away from an owner that is dead, or hangs, and from nobody who took it since. */
export function breakPidLock(file: string, owner: number | undefined): void {
  const aside = `${file}.${process.pid}-broken`
  try {
    renameSync(file, aside)
    if (pidIn(aside) !== owner) linkSync(aside, file)
  } catch {
    // Somebody else did it.
  }
  rmSync(aside, { force: true })
}
