import { Client, Connection } from '@temporalio/client'
import proto from '@temporalio/proto'
import { DefaultLogger, NativeConnection, Runtime, Worker } from '@temporalio/worker'
import { type Activities, createActivities } from '../../activities/index.ts'
import type { Digest } from '../../lib/formats/artifact.ts'
import type { ModelState } from '../../lib/formats/records.ts'
import { championIn } from '../../lib/stats/registration.ts'
import { putBundle } from '../../lib/store/objects.ts'
import { registerVersion } from '../../lib/store/registration.ts'
import { readModel } from '../../lib/store/registry.ts'
import { readRoute, writeRoute } from '../../lib/store/routes.ts'
import type { Store } from '../../lib/store/store.ts'
import { targetsOf } from '../../lib/targets/targets.ts'
import { converterFile, workflowBundle } from '../../workers/files.ts'
import { attributes } from '../../workflows/attributes.ts'
import { taskQueue } from '../../workflows/messages.ts'
import { startTestStore, startTestTemporal } from './servers.ts'
import { openWorld, type World } from './world.ts'

/**
 * A world on the real servers: owners, registry, routes and records are real; what comes before the gate answers at
 * once.
 */
export interface RealWorld extends World {
  readonly store: Store
  /** Where commands find the servers. */
  readonly env: Readonly<Record<string, string>>
  readonly client: Client
  close(): Promise<void>
}

export async function openRealWorld(): Promise<RealWorld> {
  const [server, temporal] = await Promise.all([startTestStore(), startTestTemporal()])
  const { store } = server
  Runtime.install({
    logger: new DefaultLogger('ERROR'),
    telemetryOptions: { logging: { forward: {}, filter: 'ERROR' } },
  })
  const connection = await Connection.connect({ address: temporal.address })
  const keyword = proto.temporal.api.enums.v1.IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD
  await connection.operatorService.addSearchAttributes({
    namespace: 'default',
    searchAttributes: Object.fromEntries(Object.values(attributes).map(({ name }) => [name, keyword])),
  })
  const client = new Client({ connection, dataConverter: { payloadConverterPath: converterFile } })

  const qualities = new Map<string, number>()
  const world = openWorld({ quality: (digest) => qualities.get(digest) ?? 0 })
  const { models, routes, records } = world
  const deps = {
    store,
    client,
    trusted: new Map(),
    host: {},
    adapters: { targets: targetsOf(store) },
    scoringThreads: 1,
    scratch: server.folder,
  }
  const real = createActivities({
    ...deps,
    signer: undefined,
    sources: undefined,
    outputs: undefined,
    alerts: undefined,
  } as never)
  const { readPlan, snapshotSource, evaluatePackage, judgeCandidate, guardCandidate } = world.activities
  /** What the registry says after something was written, and that it was. */
  const noted = async <T>(model: string, reason: string, counts: boolean, write: () => Promise<T>): Promise<T> => {
    const before = await readModel(store, model)
    const result = await write()
    const after = (await readModel(store, model)) as ModelState
    models.set(model, after)
    if (counts) world.tookOver(`model ${model}`, championIn(before)?.digest, championIn(after)?.digest, reason)
    return result
  }
  const activities: Activities = {
    ...real,
    readPlan,
    snapshotSource,
    evaluatePackage,
    judgeCandidate,
    guardCandidate,
    // The rows it would compare on are of plans and runs that there are none of here.
    async findGuarded({ endpoint, candidate }) {
      const champion = (await readRoute(store, endpoint))?.champion.digest
      if (champion === undefined || champion === candidate) return null
      return { champion, anchor: champion, labelled: null, championTest: null, alpha: 0.05 }
    },
    writeRegistration: (order) => noted(order.model, '', true, () => real.writeRegistration(order)),
    writeChampion: (order) => {
      const counts = order.expect !== undefined || order.reason.startsWith('rolled back by')
      return noted(order.model, order.reason, counts, () => real.writeChampion(order))
    },
    async writeRouteChange(order) {
      const before = await readRoute(store, order.endpoint)
      const result = await real.writeRouteChange(order)
      routes.set(order.endpoint, result.route)
      const { digest } = result.route.champion
      world.tookOver(`endpoint ${order.endpoint}`, before?.champion.digest, digest, order.reason)
      return result
    },
    async recordRun(record) {
      await real.recordRun(record)
      records.set(record.runId, record)
    },
  }
  const worker = await Worker.create({
    connection: await NativeConnection.connect({ address: temporal.address }),
    taskQueue,
    workflowBundle: { codePath: workflowBundle },
    dataConverter: { payloadConverterPath: converterFile },
    activities,
    // As real workers have.
    maxConcurrentActivityTaskExecutions: 8,
    stickyQueueScheduleToStartTimeout: '500ms',
  })
  const running = worker.run()
  const candidateOf = async (number: number, quality: number): Promise<Digest> => {
    const facts = { signature: 1, number, quality }
    const { digest } = await putBundle(store, { slipway: 'bundle/1', kind: 'model', files: {}, facts })
    qualities.set(digest, quality)
    return digest
  }
  return {
    ...world,
    activities,
    // Each look costs the server and the worker something.
    pulse: 150,
    client,
    store,
    env: {
      TEMPORAL_ADDRESS: temporal.address,
      S3_ENDPOINT: server.endpoint,
      AWS_ACCESS_KEY_ID: 'unused',
      AWS_SECRET_ACCESS_KEY: 'unused',
    },
    candidateOf,
    async putInForce(model, quality, endpoints = []) {
      const digest = await candidateOf(0, quality)
      const record = {
        digest,
        run: 'before',
        registeredAt: '',
        evaluation: null,
        gates: null,
        metrics: {},
        against: null,
      }
      await registerVersion(store, model, record, true)
      models.set(model, (await readModel(store, model)) as ModelState)
      const champion = { model, version: 1, digest }
      for (const endpoint of endpoints)
        routes.set(endpoint, await writeRoute(store, endpoint, { kind: 'open', variant: champion }, 'a test begins'))
      return champion
    },
    async close() {
      worker.shutdown()
      await running
      await connection.close()
      await Promise.all([server.stop(), temporal.stop()])
    },
  }
}
