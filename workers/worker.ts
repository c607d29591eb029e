import { mkdir, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import proto from '@temporalio/proto'
import { NativeConnection, Worker, type WorkerOptions } from '@temporalio/worker'
import { createActivities } from '../activities/index.ts'
import { hostVersions } from '../code/host.ts'
import { SlipwayError } from '../pipelines/errors.ts'
import { requireSuitableStore } from '../store/probe.ts'
import { ensureBucket } from '../store/store.ts'
import { attributes } from '../workflows/attributes.ts'
import { taskQueue } from '../workflows/messages.ts'
import { connect, type TemporalClient } from './connect.ts'
import { converterFile, workflowBundle } from './files.ts'
import { isAlive } from './platform/state.ts'
import { alertTargetOf, type Settings, signerOf, storeOf, trustedKeysOf } from './settings.ts'

/**
 * A worker: hosts all workflows and activities. It knows no pipeline; code reaches it by digest, through the store.
 * The store is tried first, and refused if it lacks what Slipway's promises rest on.
 */
export async function createWorker(
  settings: Settings,
  extra: Pick<WorkerOptions, 'interceptors'> = {},
): Promise<Worker> {
  const store = storeOf(settings)
  await ensureBucket(store)
  await requireSuitableStore(store)
  const client = await connect(settings)
  await registerAttributes(client)
  const scratch = await makeScratch()
  const { temporal: target } = settings
  const connection = await NativeConnection.connect(target.connectionOptions)
  return Worker.create({
    connection,
    ...(target.namespace === undefined ? {} : { namespace: target.namespace }),
    taskQueue,
    workflowBundle: { codePath: workflowBundle },
    dataConverter: { payloadConverterPath: converterFile },
    activities: createActivities({
      store,
      signer: signerOf(settings),
      trusted: trustedKeysOf(settings),
      host: hostVersions(),
      client: client.client,
      sources: process.env.SLIPWAY_SOURCES,
      alerts: alertTargetOf(),
      scratch,
    }),
    // A run whose worker died is given to another one after this, not after the ten seconds of the default.
    stickyQueueScheduleToStartTimeout: '500ms',
    maxConcurrentActivityTaskExecutions: 8,
    shutdownGraceTime: '2s',
    ...extra,
  })
}

/** A folder for the files of running steps. What workers that were killed left behind goes. */
async function makeScratch(): Promise<string> {
  const all = join(tmpdir(), 'slipway-scratch')
  await mkdir(all, { recursive: true })
  for (const folder of await readdir(all)) {
    if (!isAlive(Number(folder))) await rm(join(all, folder), { recursive: true, force: true })
  }
  const own = join(all, String(process.pid))
  await mkdir(own, { recursive: true })
  return own
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
