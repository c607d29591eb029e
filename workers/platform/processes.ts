import { existsSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { builtFile } from '../../lib/code/host.ts'
import { freePort, portOf, type Say, until } from './servers.ts'
import { withStartLock } from './start-lock.ts'
import { logFile, type PlatformState, platformFolder } from './state.ts'
import type { KeepRunning } from './supervisor.ts'

/** What processes of ours are started with. */
interface Starting {
  readonly root: string
  /** Where all was before. */
  readonly last: PlatformState | undefined
  readonly supervise: KeepRunning
  readonly say: Say
  /** Puts on record where something runs. */
  note(started: Partial<PlatformState>): void
}

/** Starts a worker, a gateway and the console at once: none needs another. Resolves when all are ready. */
export async function startProcesses(starting: Starting): Promise<void> {
  await Promise.all([
    startWorker(starting),
    withStartLock(() => Promise.all([startGateway(starting), startConsole(starting)]), starting.say),
  ])
}

async function startWorker({ root, supervise, say, note }: Starting): Promise<void> {
  say('starting a worker')
  const log = logFile(root, 'worker')
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
      log,
    },
    ({ pid }) => note({ worker: { pid } }),
  )
  await until('the worker', log, kept, say, async () => existsSync(readyFile) || undefined)
}

/** Starts a gateway on the port it had before. It may be drilled: what runs here is nobody's production. */
async function startGateway({ root, last, supervise, say, note }: Starting): Promise<void> {
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
        // glibc keeps what large bodies took for good otherwise: after the first it takes them for usual.
        MALLOC_MMAP_THRESHOLD_: process.env.MALLOC_MMAP_THRESHOLD_ ?? '131072',
        // No load balancer is here to see that it is not ready.
        SLIPWAY_DRAIN_MS: process.env.SLIPWAY_DRAIN_MS ?? '0',
        // Little is served here: all of it can be kept.
        SLIPWAY_CAPTURE_RATE: process.env.SLIPWAY_CAPTURE_RATE ?? '1',
      },
      log,
    },
    ({ pid }) => note({ gateway: { pid, address, grpc: `127.0.0.1:${grpcPort}` } }),
  )
  // Not by asking at its port: somebody else might answer there.
  await until('the gateway', log, kept, say, async () => existsSync(readyFile) || undefined)
}

/** Starts the console on the port it had before: a small server, which loads what it reads by when somebody looks. */
async function startConsole({ root, last, supervise, say, note }: Starting): Promise<void> {
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
    ({ pid }) => note({ console: { pid, address: `http://127.0.0.1:${port}` } }),
  )
  await until('the console', log, kept, say, async () => existsSync(readyFile) || undefined)
}
