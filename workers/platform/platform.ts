import { existsSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { SlipwayError } from '../../lib/formats/errors.ts'
import { isAlive } from '../../lib/store/is-alive.ts'
import { newKeyPair } from '../../lib/store/signing.ts'
import { lifeOf, waitFor } from '../wait-for.ts'
import { pidIn, takePidLock } from './pid-lock.ts'
import { startProcesses } from './processes.ts'
import { type Say, startServers } from './servers.ts'
import {
  keyFiles,
  lastStateFile,
  logFile,
  makePlatformFolder,
  type PlatformState,
  platformFolder,
  readPlatform,
  readState,
  stateFile,
  writeWhole,
} from './state.ts'
import { openSupervisor } from './supervisor.ts'

export interface Platform {
  readonly state: PlatformState
  /** Resolves when `stop` has ended everything. */
  readonly ended: Promise<void>
  stop(): Promise<void>
}

const lockFile = (root: string): string => join(platformFolder(root), 'platform.lock')

/**
 * Starts the real things in small: Temporal's development server with its web UI and SeaweedFS, then a worker, a
 * gateway and the console, all on 127.0.0.1, with their data, logs and keys below `.slipway/`. What ends by itself is
 * started again; all end with us. `TEMPORAL_ADDRESS` and `S3_ENDPOINT` take the place of the servers they name.
 * @throws SlipwayError PLATFORM_MISSING when a server cannot be had or does not start; USAGE when one runs already
 */
export async function startPlatform(root: string, say: Say): Promise<Platform> {
  makePlatformFolder(root)
  takeLock(root)
  const supervisor = openSupervisor(say)
  let resolveEnded: () => void = () => {}
  const ended = new Promise<void>((resolve) => {
    resolveEnded = resolve
  })
  const stop = async (): Promise<void> => {
    await supervisor.stop()
    rmSync(stateFile(root), { force: true })
    rmSync(lockFile(root), { force: true })
    resolveEnded()
  }
  const { supervise } = supervisor
  try {
    const last = readState(lastStateFile(root))
    const servers = await startServers(root, last, supervise, say)
    const state: PlatformState = {
      pid: process.pid,
      startedAt: new Date().toISOString(),
      ...servers,
      worker: { pid: 0 },
    }
    const note = (more: Partial<PlatformState>): void => {
      Object.assign(state, more)
      for (const file of [stateFile(root), lastStateFile(root)]) writeWhole(file, JSON.stringify(state, null, 2))
    }
    makeSigningKey(root)
    note({})
    await startProcesses({ root, last, supervise, say, note })
    return { state, ended, stop }
  } catch (error) {
    await stop()
    throw error
  }
}

function makeSigningKey(root: string): void {
  const files = keyFiles(root)
  if (existsSync(files.signing)) return
  const { privateKey, publicKey } = newKeyPair()
  writeWhole(files.trusted, publicKey)
  writeWhole(files.signing, privateKey)
}

/** One platform a project: the lock is a file with our pid, and a dead owner's does not count. */
function takeLock(root: string): void {
  const owner = takePidLock(lockFile(root))
  if (owner !== undefined)
    throw new SlipwayError('USAGE', `a platform is starting or running here already (pid ${owner})`, {
      next: 'see `npx slipway status`',
    })
}

/** Ends the platform of a project, whoever started it. @returns false when there was none */
export async function stopPlatform(root: string, say: Say): Promise<boolean> {
  const pid = readPlatform(root)?.pid ?? pidIn(lockFile(root))
  if (pid === undefined || !isAlive(pid, lockFile(root))) return false
  process.kill(pid, 'SIGTERM')
  const log = logFile(root, 'platform')
  await waitFor({
    what: `the platform (pid ${pid}) to end`,
    look: async () => (isAlive(pid, lockFile(root)) ? undefined : true),
    signs: () => ({ vital: lifeOf(pid, { log }) }),
    log,
    say,
  }).catch(() => process.kill(pid, 'SIGKILL'))
  return true
}
