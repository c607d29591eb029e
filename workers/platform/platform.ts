import { existsSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { builtFile } from '../../lib/code/host.ts'
import { SlipwayError } from '../../lib/formats/errors.ts'
import { newKeyPair } from '../../lib/store/signing.ts'
import { lifeOf, waitFor } from '../wait-for.ts'
import { type Child, type Command, startChild } from './child.ts'
import { pidIn, takePidLock } from './pid-lock.ts'
import { freePort, type Kept, portOf, type Say, startS3, startTemporal, until } from './servers.ts'
import { withStartLock } from './start-lock.ts'
import {
  isAlive,
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

export interface Platform {
  readonly state: PlatformState
  /** Resolves when `stop` has ended everything. */
  readonly ended: Promise<void>
  stop(): Promise<void>
}

const lockFile = (root: string): string => join(platformFolder(root), 'platform.lock')
/** How often something may end before it answers. */
const mostEarlyEnds = 3

/**
 * Starts the real things in small: Temporal's development server with its web UI, SeaweedFS, and a worker, all on
 * 127.0.0.1, with their data, logs and keys below `.slipway/`. What ends by itself is started again; all end with us.
 * `TEMPORAL_ADDRESS` and `S3_ENDPOINT` take the place of the servers they name.
 * @throws SlipwayError PLATFORM_MISSING when a server cannot be had or does not start; USAGE when one runs already
 */
export async function startPlatform(root: string, say: Say): Promise<Platform> {
  makePlatformFolder(root)
  takeLock(root)
  const children = new Set<Child>()
  let stopping = false
  let resolveEnded: () => void = () => {}
  const ended = new Promise<void>((resolve) => {
    resolveEnded = resolve
  })
  const stop = async (): Promise<void> => {
    stopping = true
    // The worker first, while it can still tell Temporal; the servers after it.
    for (const child of [...children].reverse()) await child.stop()
    rmSync(stateFile(root), { force: true })
    rmSync(lockFile(root), { force: true })
    resolveEnded()
  }
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
        if (stopping) return
        if (!kept.isReady && ++earlyEnds === mostEarlyEnds) {
          kept.dead = `it ended ${earlyEnds} times, last with ${code}`
          return
        }
        say(`${command.name} ended with ${code}, starting it again (log: ${command.log})`)
        // One that cannot even start is not hammered.
        await sleep(Date.now() - startedAt < 5_000 ? 1_000 : 100)
        if (!stopping) await begin()
      })
    }
    await begin()
    return kept
  }

  try {
    const last = readState(lastStateFile(root))
    const s3 = await startS3(root, last, supervise, say)
    const temporal = await startTemporal(root, last, supervise, say)
    const state: PlatformState = {
      pid: process.pid,
      startedAt: new Date().toISOString(),
      temporal,
      s3,
      worker: { pid: 0 },
    }
    const save = (): void => {
      for (const file of [stateFile(root), lastStateFile(root)]) writeWhole(file, JSON.stringify(state, null, 2))
    }
    makeSigningKey(root)
    save()
    say('starting a worker')
    const readyFile = join(platformFolder(root), 'worker.ready')
    rmSync(readyFile, { force: true })
    const kept = await supervise(
      {
        name: 'worker',
        path: process.execPath,
        args: ['--enable-source-maps', builtFile('worker')],
        env: {
          ...process.env,
          SLIPWAY_ROOT: root,
          SLIPWAY_READY_FILE: readyFile,
          // Retrainings read the project's own sources.
          SLIPWAY_SOURCES: process.env.SLIPWAY_SOURCES ?? root,
          SLIPWAY_OUTPUTS: process.env.SLIPWAY_OUTPUTS ?? root,
        },
        log: logFile(root, 'worker'),
      },
      ({ pid }) => {
        state.worker.pid = pid
        save()
      },
    )
    await until('the worker', logFile(root, 'worker'), kept, say, async () => existsSync(readyFile) || undefined)
    const startGateway = (): Promise<void> =>
      startOwnGateway(root, last, supervise, say, (gateway) => {
        state.gateway = gateway
        save()
      })
    await withStartLock(startGateway, say)
    await withStartLock(
      () =>
        startOwnConsole(root, last, supervise, say, (started) => {
          state.console = started
          save()
        }),
      say,
    )
    return { state, ended, stop }
  } catch (error) {
    await stop()
    throw error
  }
}

/** Keeps a command running. `onStart` hears of every new process. */
type KeepRunning = (command: Command, onStart?: (child: Child) => void) => Promise<Kept>

/** Starts a gateway on the port it had before. It may be drilled: what runs here is nobody's production. */
async function startOwnGateway(
  root: string,
  last: PlatformState | undefined,
  supervise: KeepRunning,
  say: Say,
  onStart: (gateway: { pid: number; address: string; grpc: string }) => void,
): Promise<void> {
  const port = await freePort(portOf(last?.gateway?.address) ?? 8080)
  const grpcPort = await freePort(portOf(last?.gateway?.grpc) ?? 8081)
  const address = `${process.env.SLIPWAY_TLS_CERT === undefined ? 'http' : 'https'}://127.0.0.1:${port}`
  say('starting a gateway')
  const log = logFile(root, 'gateway')
  const readyFile = join(platformFolder(root), 'gateway.ready')
  rmSync(readyFile, { force: true })
  const kept = await supervise(
    {
      name: 'gateway',
      path: process.execPath,
      args: ['--enable-source-maps', builtFile('gateway')],
      env: {
        ...process.env,
        SLIPWAY_ROOT: root,
        SLIPWAY_READY_FILE: readyFile,
        SLIPWAY_GATEWAY_PORT: String(port),
        SLIPWAY_GRPC_PORT: String(grpcPort),
        SLIPWAY_ALLOW_FAULTS: '1',
        // No load balancer is here to see that it is not ready.
        SLIPWAY_DRAIN_MS: process.env.SLIPWAY_DRAIN_MS ?? '0',
        // Little is served here: all of it can be kept.
        SLIPWAY_CAPTURE_RATE: process.env.SLIPWAY_CAPTURE_RATE ?? '1',
      },
      log,
    },
    ({ pid }) => onStart({ pid, address, grpc: `127.0.0.1:${grpcPort}` }),
  )
  // Not by asking at its port: somebody else might answer there.
  await until('the gateway', log, kept, say, async () => existsSync(readyFile) || undefined)
}

/** Starts the console on the port it had before: a small server, which loads what it reads by when somebody looks. */
async function startOwnConsole(
  root: string,
  last: PlatformState | undefined,
  supervise: KeepRunning,
  say: Say,
  onStart: (started: { pid: number; address: string }) => void,
): Promise<void> {
  const port = await freePort(portOf(last?.console?.address) ?? 8082)
  say('starting the console')
  const log = logFile(root, 'console')
  const readyFile = join(platformFolder(root), 'console.ready')
  rmSync(readyFile, { force: true })
  const kept = await supervise(
    {
      name: 'console',
      path: process.execPath,
      args: ['--enable-source-maps', builtFile('console')],
      env: {
        ...process.env,
        SLIPWAY_ROOT: root,
        SLIPWAY_READY_FILE: readyFile,
        SLIPWAY_CONSOLE_PORT: String(port),
      },
      log,
    },
    ({ pid }) => onStart({ pid, address: `http://127.0.0.1:${port}` }),
  )
  await until('the console', log, kept, say, async () => existsSync(readyFile) || undefined)
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
  if (pid === undefined || !isAlive(pid)) return false
  process.kill(pid, 'SIGTERM')
  const log = logFile(root, 'platform')
  await waitFor({
    what: `the platform (pid ${pid}) to end`,
    look: async () => (isAlive(pid) ? undefined : true),
    signs: () => ({ vital: lifeOf(pid, { log }) }),
    log,
    say,
  }).catch(() => process.kill(pid, 'SIGKILL'))
  return true
}
