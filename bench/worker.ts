import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Client, Connection } from '@temporalio/client'
import {
  bundleWorkflowCode,
  DefaultLogger,
  NativeConnection,
  Runtime,
  Worker,
  type WorkerOptions,
} from '@temporalio/worker'
import type { ActivityDeps } from '../activities/step.ts'
import { hostVersions, packageRoot } from '../lib/code/host.ts'
import { adaptersOf } from '../lib/extensions/adapters.ts'
import { startTestStore, startTestTemporal } from '../test/support/servers.ts'
import { processorSeconds } from '../workers/wait-for.ts'

/** Where measured workflows run: servers of their own, and a worker in this process. */
export interface BenchPlace {
  readonly deps: ActivityDeps
  readonly client: Client
  /** Processor time so far of servers and worker, s. */
  spent(): number
}

/** The queue of the measured worker. */
export const benchQueue = 'bench'

/** Measures with a worker that hosts the workflows of `bench/workflows.ts` and some activities. */
export async function withBenchWorker<T>(
  activities: (deps: ActivityDeps) => NonNullable<WorkerOptions['activities']>,
  measure: (place: BenchPlace) => Promise<T>,
): Promise<T> {
  const quiet = new DefaultLogger('ERROR')
  if (Runtime._instance === undefined)
    Runtime.install({ logger: quiet, telemetryOptions: { logging: { forward: {}, filter: 'ERROR' } } })
  const scratch = mkdtempSync(join(tmpdir(), 'slipway-bench-'))
  const [server, temporal] = await Promise.all([startTestStore(), startTestTemporal()])
  const { store } = server
  const client = new Client({ connection: await Connection.connect({ address: temporal.address }) })
  const deps: ActivityDeps = {
    store,
    signer: undefined,
    trusted: new Map(),
    host: hostVersions(),
    client,
    sources: undefined,
    outputs: undefined,
    root: packageRoot,
    adapters: await adaptersOf(packageRoot, { store }),
    scoringThreads: 1,
    alerts: undefined,
    scratch,
  }
  const connection = await NativeConnection.connect({ address: temporal.address })
  const worker = await Worker.create({
    connection,
    taskQueue: benchQueue,
    workflowBundle: await bundleWorkflowCode({
      workflowsPath: join(packageRoot, 'bench/workflows.ts'),
      logger: quiet,
    }),
    activities: activities(deps),
    // As many as workers of Slipway have.
    maxConcurrentActivityTaskExecutions: 8,
  })
  const pids = [process.pid, server.child.pid, temporal.child.pid]
  const spent = (): number => pids.reduce((sum, pid) => sum + (processorSeconds(pid) ?? 0), 0)
  try {
    return await worker.runUntil(measure({ deps, client, spent }))
  } finally {
    await connection.close()
    await client.connection.close()
    await Promise.all([server.stop(), temporal.stop()])
    rmSync(scratch, { recursive: true, force: true })
  }
}
