import type { Signs } from '../patience.ts'
import { lifeOf } from '../wait-for.ts'
import { logFile, readPlatform } from './state.ts'

/** What shows that the worker and the gateway of a project's embedded platform work, if there is one. */
export function signsOfPlatform(root: string): () => Signs {
  const wasThere = readPlatform(root) !== undefined
  return () => {
    const state = readPlatform(root)
    if (state === undefined) return { dead: wasThere ? 'the platform has ended' : undefined, vital: [] }
    const life = (pid: number, name: string): unknown[] => lifeOf(pid, { log: logFile(root, name), idles: true })
    return { vital: [...life(state.worker.pid, 'worker'), ...life(state.gateway?.pid ?? 0, 'gateway')] }
  }
}
