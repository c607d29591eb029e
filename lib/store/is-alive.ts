import { statSync } from 'node:fs'

/**
 * Whether a process still runs that left something behind. One of another user may not be asked, which says that it
 * runs; but what is ours was left by a process of ours, and who has its number now is somebody else.
 * @param left a file or folder that the process made
 */
export function isAlive(pid: number, left: string): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM' && !isOurs(left)
  }
}

function isOurs(left: string): boolean {
  try {
    return statSync(left).uid === process.getuid?.()
  } catch {
    return true
  }
}
