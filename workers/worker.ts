import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import proto from '@temporalio/proto'
import { NativeConnection, Worker, type WorkerOptions } from '@temporalio/worker'
import { createActivities } from '../activities/index.ts'
import { capturedReader } from '../gateway/captured/captured-reader.ts'
import { hostVersions } from '../lib/code/host.ts'
import { adaptersOf } from '../lib/extensions/adapters.ts'
import { SlipwayError } from '../lib/formats/errors.ts'
import { beginSeals } from '../lib/store/begin-seals.ts'
import { isAlive } from '../lib/store/is-alive.ts'
import { type Outage, outageOf, rideOut } from '../lib/store/outage.ts'
import { requireSuitableStore } from '../lib/store/probe.ts'
import { ensureBucket, isStoreAway } from '../lib/store/store.ts'
import { attributes } from '../workflows/attributes.ts'
import { scoringQueue, taskQueue } from '../workflows/messages.ts'
import { connect, isAway, type TemporalClient } from './connect.ts'
import { converterFile, workflowBundle } from './files.ts'
import { adoptStore, beginWithStore } from './same-store.ts'
import { alertTargetOf, consoleAddress, type Settings, signerOf, storeOf, trustedKeysOf } from './settings.ts'

/** What runs until the process is asked to end. */
export interface SlipwayWorker {
  run(): Promise<void>
}

/**
 * A worker: hosts all workflows and activities. It knows no pipeline; code reaches it by digest, through the store.
 * Shards have a task queue of their own, of which it scores as many at once as it has cores: batches leave room for
 * everything else. The store is tried first, and refused if it lacks what Slipway's promises rest on. A store or
 * Temporal server that is away is waited for.
 */
export async function createWorker(
  settings: Settings,
  extra: Pick<WorkerOptions, 'interceptors'> = {},
): Promise<SlipwayWorker> {
  const store = storeOf(settings)
  const storeAway = waitedFor(`the S3 store at ${store.address}`)
  const patientStore = storeOf(settings, storeAway)
  await ensureBucket(patientStore)
  // It is also asked without credentials, by a client that has no patience of its own.
  await rideOut(storeAway, () => requireSuitableStore(patientStore), isStoreAway)
  await beginSeals(patientStore)
  patientStore.client.destroy()
  const away = waitedFor(`the Temporal server at ${settings.temporal.connectionOptions.address}`)
  const client = await rideOut(away, () => connect(settings), isAway, true)
  await registerAttributes(client)
  // `up --adopt-store` says so: without a worker there is no platform in which `recover` could.
  const begin = process.env.SLIPWAY_ADOPT_STORE === '1' ? adoptStore : beginWithStore
  await begin(store, client.client)
  const scratch = await makeScratch()
  const { temporal: target } = settings
  const connection = await rideOut(away, () => NativeConnection.connect(target.connectionOptions), isAway, true)
  const threads = scoringThreads()
  const [signer, trusted] = [signerOf(settings), trustedKeysOf(settings)]
  const readCaptured = capturedReader({ store, trusted })
  const adapters = await adaptersOf(settings.root, { store }, { signer, trusted, scratch, readCaptured })
  const activities = createActivities({
    store,
    signer,
    trusted,
    host: hostVersions(),
    client: client.client,
    sources: process.env.SLIPWAY_SOURCES,
    outputs: process.env.SLIPWAY_OUTPUTS,
    root: settings.root,
    adapters,
    scoringThreads: threads,
    alerts: alertTargetOf(),
    console: () => consoleAddress(settings.root),
    scratch,
  })
  const { scoreShard, stageShard, collectShard } = activities
  const shared: Omit<WorkerOptions, 'taskQueue'> = {
    connection,
    ...(target.namespace === undefined ? {} : { namespace: target.namespace }),
    dataConverter: { payloadConverterPath: converterFile },
    shutdownGraceTime: '2s',
    ...extra,
  }
  const workers = await Promise.all([
    Worker.create({
      ...shared,
      taskQueue,
      workflowBundle: { codePath: workflowBundle },
      activities,
      // A run whose worker died is given to another one after this, not after the ten seconds of the default.
      stickyQueueScheduleToStartTimeout: '500ms',
      maxConcurrentActivityTaskExecutions: 8,
    }),
    Worker.create({
      ...shared,
      taskQueue: scoringQueue,
      activities: { scoreShard, stageShard, collectShard },
      // While one shard is fetched or stored, the threads have others to score.
      maxConcurrentActivityTaskExecutions: threads + 1,
    }),
  ])
  return { run: async () => void (await Promise.all(workers.map((worker) => worker.run()))) }
}

/** A server that a worker cannot do without: it waits for as long as it takes, and its log says for what. */
function waitedFor(server: string): Outage {
  const limits = { away: Number.POSITIVE_INFINITY, unknown: Number.POSITIVE_INFINITY }
  return outageOf({ server, isExpected: () => true, say: (line) => console.error(`worker: ${line}`), limits })
}

/** Shards at once: `SLIPWAY_SCORING_THREADS`, or as many as there are cores. */
function scoringThreads(env = process.env): number {
  const { SLIPWAY_SCORING_THREADS: given } = env
  if (given === undefined || given === '') return availableParallelism()
  const threads = Number(given)
  if (Number.isInteger(threads) && threads > 0) return threads
  throw new SlipwayError('USAGE', `SLIPWAY_SCORING_THREADS is "${given}", not a number of threads`)
}

/** A folder for the files of running steps, for its owner alone. What workers that were killed left behind goes. */
async function makeScratch(): Promise<string> {
  const prefix = 'slipway-scratch-'
  for (const folder of await readdir(tmpdir())) {
    const isLeft =
      folder.startsWith(prefix) && !isAlive(Number.parseInt(folder.slice(prefix.length), 10), join(tmpdir(), folder))
    // That of another user stays.
    if (isLeft) await rm(join(tmpdir(), folder), { recursive: true, force: true }).catch(() => {})
  }
  return mkdtemp(join(tmpdir(), `${prefix}${process.pid}-`))
}

/** Registers the search attributes that are missing. A server that does not allow it gets a clear word, once. */
async function registerAttributes({ client, connection }: TemporalClient): Promise<void> {
  const { namespace } = client.options
  const { customAttributes } = await connection.operatorService.listSearchAttributes({ namespace })
  const missing = Object.values(attributes).filter(({ name }) => customAttributes?.[name] === undefined)
  if (missing.length === 0) return
  const keyword = proto.temporal.api.enums.v1.IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD
  await connection.operatorService
    .addSearchAttributes({
      namespace,
      searchAttributes: Object.fromEntries(missing.map(({ name }) => [name, keyword])),
    })
    .catch((error: Error) => {
      if (/already exist/i.test(error.message)) return
      throw new SlipwayError(
        'TEMPORAL_UNREACHABLE',
        `Temporal does not let us add the search attributes ${missing.map(({ name }) => name).join(', ')}: ${error.message}`,
        {
          next: 'have an administrator create them as Keyword in this namespace',
        },
      )
    })
}
