import { randomInt } from 'node:crypto'
import { mkdirSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { Connection } from '@temporalio/client'
import getPort from 'get-port'
import { createStore, ensureBucket } from '../../lib/store/store.ts'
import { attributes } from '../../workflows/attributes.ts'
import { cacheHome } from '../settings.ts'
import { lifeOf, waitFor } from '../wait-for.ts'
import { findSeaweed, findTemporal } from './binaries.ts'
import type { Command } from './child.ts'
import { withStartLock } from './start-lock.ts'
import { keyFiles, logFile, makePlatformFolder, type PlatformState, platformFolder } from './state.ts'
import { makeStoreKeys } from './store-keys.ts'

/** Tells the user what is going on. */
export type Say = (what: string) => void

/** A process that is kept running. */
export interface Kept {
  pid: number
  /** Set once it answers. */
  isReady: boolean
  /** Why it is not started again: it ended too often before it answered. */
  dead: string | undefined
}

/** Keeps a command running. */
export type Supervise = (command: Command) => Promise<Kept>

/** What a server is started with: the project, where it was before, who keeps it running, and who hears of it. */
type Starting = [root: string, last: PlatformState | undefined, supervise: Supervise, say: Say]

/** Starts both servers at once: neither needs the other. The environment's take their place. */
export async function startServers(...starting: Starting): Promise<Pick<PlatformState, 's3' | 'temporal'>> {
  const [launchS3, launchTemporal] = await Promise.all([foundS3(...starting), foundTemporal(...starting)])
  const [s3, temporal] = await withStartLock(() => Promise.all([launchS3(), launchTemporal()]), starting[3])
  return { s3, temporal }
}

/** Starts Temporal's development server, unless `TEMPORAL_ADDRESS` names another. `last` is where it was before. */
export async function startTemporal(...starting: Starting): Promise<PlatformState['temporal']> {
  return withStartLock(await foundTemporal(...starting), starting[3])
}

async function foundTemporal(
  ...[root, last, supervise, say]: Starting
): Promise<() => Promise<PlatformState['temporal']>> {
  const { TEMPORAL_ADDRESS: address } = process.env
  if (address !== undefined) return async () => ({ address, from: 'TEMPORAL_ADDRESS' })
  const binary = await findTemporal(cacheHome(), say)
  return () => launchTemporal(binary, root, last, supervise, say)
}

async function launchTemporal(
  binary: Awaited<ReturnType<typeof findTemporal>>,
  root: string,
  last: PlatformState | undefined,
  supervise: Supervise,
  say: Say,
): Promise<PlatformState['temporal']> {
  const port = await freePort(portOf(last?.temporal.address) ?? 7233)
  const uiPort = await freePort(portOf(last?.temporal.ui) ?? 8233)
  say(`starting Temporal from ${binary.from}`)
  const log = logFile(root, 'temporal')
  makePlatformFolder(root)
  const kept = await supervise({
    name: 'Temporal',
    path: binary.path,
    args: [
      ...['server', 'start-dev', '--ip', '127.0.0.1', '--port', String(port), '--ui-port', String(uiPort)],
      ...['--db-filename', join(platformFolder(root), 'temporal.db'), '--log-level', 'warn'],
      // The default lets a shard start 20 tasks a second: 42 ms an activity, of which nothing is work.
      ...['--dynamic-config-value', 'history.transferProcessorMaxPollRPS=2000'],
      // Off by default: then fairness keys do nothing, and a large batch keeps all others waiting.
      ...['--dynamic-config-value', 'matching.enableFairness=true'],
      // They are kept within a partition of a queue only, of which there are four by default.
      ...['--dynamic-config-value', 'matching.numTaskqueueReadPartitions=1'],
      ...['--dynamic-config-value', 'matching.numTaskqueueWritePartitions=1'],
      ...Object.values(attributes).flatMap(({ name }) => ['--search-attribute', `${name}=Keyword`]),
    ],
    env: process.env,
    log,
    isPrivate: true,
  })
  const address = `127.0.0.1:${port}`
  await until('Temporal', log, kept, say, async () => {
    // The client by itself would try again after longer and longer times.
    await openPort(port)
    const connection = await Connection.connect({ address, connectTimeout: '30s' })
    try {
      const namespace = { namespace: 'default' }
      await connection.withDeadline(Date.now() + 30_000, () => connection.workflowService.describeNamespace(namespace))
      return true
    } finally {
      await connection.close()
    }
  })
  return { address, ui: `http://127.0.0.1:${uiPort}`, from: binary.from }
}

/** Starts SeaweedFS and makes the bucket, unless `S3_ENDPOINT` names another store. `last` is where it was before. */
export async function startS3(...starting: Starting): Promise<PlatformState['s3']> {
  return withStartLock(await foundS3(...starting), starting[3])
}

/** The same whatever the environment names. */
export async function startOwnS3(...starting: Starting): Promise<PlatformState['s3']> {
  return withStartLock(await foundOwnS3(...starting), starting[3])
}

async function foundS3(...starting: Starting): Promise<() => Promise<PlatformState['s3']>> {
  const { S3_ENDPOINT: endpoint } = process.env
  return endpoint === undefined ? foundOwnS3(...starting) : async () => ({ endpoint, from: 'S3_ENDPOINT' })
}

async function foundOwnS3(...[root, last, supervise, say]: Starting): Promise<() => Promise<PlatformState['s3']>> {
  const binary = await findSeaweed(cacheHome(), say)
  return () => launchS3(binary, root, last, supervise, say)
}

async function launchS3(
  binary: Awaited<ReturnType<typeof findSeaweed>>,
  root: string,
  last: PlatformState | undefined,
  supervise: Supervise,
  say: Say,
): Promise<PlatformState['s3']> {
  const { credentials, env } = makeStoreKeys(root)
  const port = await freePort(portOf(last?.s3.endpoint) ?? 8333)
  const others = ['master', 'volume', 'filer'] as const
  const ports: string[] = []
  const spare = (): Promise<number> => getPort({ port: sparePorts() })
  for (const name of others) ports.push(`-${name}.port=${await spare()}`, `-${name}.port.grpc=${await spare()}`)
  // SeaweedFS wants its administration's two ports ten thousand apart.
  let adminPort = 23_646
  while (
    (await getPort({ port: adminPort })) !== adminPort ||
    (await getPort({ port: adminPort + 10_000 })) !== adminPort + 10_000
  )
    adminPort++
  say(`starting SeaweedFS from ${binary.from}`)
  const log = logFile(root, 's3')
  const data = join(platformFolder(root), 's3')
  makePlatformFolder(root)
  mkdirSync(data, { recursive: true, mode: 0o700 })
  const kept = await supervise({
    name: 'SeaweedFS',
    path: binary.path,
    args: [
      ...[
        'mini',
        `-dir=${data}`,
        '-ip=127.0.0.1',
        '-ip.bind=127.0.0.1',
        ...ports,
        `-s3.port=${port}`,
        `-s3.port.grpc=${await spare()}`,
      ],
      ...[
        `-admin.port=${adminPort}`,
        `-admin.port.grpc=${adminPort + 10_000}`,
        '-s3.port.iceberg=0',
        '-s3.port.lance=0',
      ],
      ...[
        '-webdav=false',
        '-admin.ui=false',
        '-master.telemetry=false',
        `-s3.config=${keyFiles(root).s3Server}`,
        '-s3.iam=false',
        '-disableHttp',
        // They would be in /tmp, where those that another user left stand in the way.
        '-s3.localSocket=s3.sock',
        '-filer.localSocket=filer.sock',
      ],
    ],
    env: { ...process.env, ...env },
    // Its sockets lie there, and no security.toml of the project's is read as its own.
    folder: platformFolder(root),
    log,
    isPrivate: true,
  })
  const endpoint = `http://127.0.0.1:${port}`
  const store = createStore({
    endpoint,
    bucket: process.env.SLIPWAY_BUCKET ?? 'slipway',
    region: 'us-east-1',
    credentials,
    cacheFolder: '',
  })
  await until('SeaweedFS', log, kept, say, async () => {
    await ensureBucket(store)
    return true
  })
  return { endpoint, from: binary.from }
}

/** A port that is free, the preferred one if it is. */
export async function freePort(preferred: number): Promise<number> {
  return getPort({ port: [preferred, ...sparePorts()], host: '127.0.0.1' })
}

/**
 * Ports below those that systems give to whoever connects somewhere (from 32768 on): what is free when it is looked for
 * is not taken by a connection before its server listens.
 */
const sparePorts = (): number[] => Array.from({ length: 20 }, () => 24_000 + randomInt(8_000))

/** @throws when nobody listens there */
export function openPort(port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.destroy()
      resolve()
    })
    socket.once('error', reject)
  })
}

export function portOf(address: string | undefined): number | undefined {
  const port = Number(/:(\d+)$/.exec(address ?? '')?.[1])
  return Number.isInteger(port) && port > 0 ? port : undefined
}

/** Waits until a server that is being started answers. @throws SlipwayError PLATFORM_MISSING */
export async function until(
  what: string,
  log: string,
  kept: Kept,
  say: Say,
  look: () => Promise<true | undefined>,
): Promise<void> {
  await waitFor({
    what: `${what} to start`,
    look,
    signs: () => ({ dead: kept.dead, vital: lifeOf(kept.pid, { log, idles: true }) }),
    log,
    code: 'PLATFORM_MISSING',
    say,
  })
  kept.isReady = true
}
