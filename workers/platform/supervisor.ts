import { setTimeout as sleep } from 'node:timers/promises'
import { type Child, type Command, startChild } from './child.ts'
import type { Kept, Say } from './servers.ts'

/** Keeps a command running. `onStart` hears of every new process. */
export type KeepRunning = (command: Command, onStart?: (child: Child) => void) => Promise<Kept>

export interface Supervisor {
  readonly supervise: KeepRunning
  /** Ends all, the last one begun first, and keeps nothing running any more. */
  stop(): Promise<void>
}

/** How often something may end before it answers. */
const mostEarlyEnds = 3

/** Starts processes, and starts again those that end by themselves. */
export function openSupervisor(say: Say): Supervisor {
  const children = new Set<Child>()
  let stopping = false
  const supervise: KeepRunning = async (command, onStart = () => {}) => {
    const kept: Kept = { pid: 0, isReady: false, dead: undefined }
    let earlyEnds = 0
    const begin = async (): Promise<void> => {
      const child = await startChild(command)
      children.add(child)
      kept.pid = child.pid
      onStart(child)
      const startedAt = Date.now()
      void child.ended.then(async (code) => {
        children.delete(child)
        if (stopping) {
          kept.dead ??= 'it was stopped'
          return
        }
        if (!kept.isReady && ++earlyEnds === mostEarlyEnds) {
          kept.dead = `it ended ${earlyEnds} times, last with ${code}`
          return
        }
        say(`${command.name} ended with ${code}, starting it again (log: ${command.log})`)
        // One that cannot even start is not hammered.
        await sleep(Date.now() - startedAt < 5_000 ? 1_000 : 100)
        if (!stopping) await begin()
      })
      // It was on its way when all were stopped.
      if (stopping) await child.stop()
    }
    await begin()
    return kept
  }
  const stop = async (): Promise<void> => {
    stopping = true
    // The worker first, while it can still tell Temporal; the servers after it.
    for (const child of [...children].reverse()) await child.stop()
  }
  return { supervise, stop }
}
