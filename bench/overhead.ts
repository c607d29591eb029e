import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Client, Connection } from '@temporalio/client'
import { bundleWorkflowCode, DefaultLogger, NativeConnection, Runtime, Worker } from '@temporalio/worker'
import { runStep } from '../activities/step.ts'
import { hostVersions, packageRoot } from '../lib/code/host.ts'
import { adaptersOf } from '../lib/extensions/adapters.ts'
import { digestOf } from '../lib/store/digest.ts'
import { putBytes } from '../lib/store/objects.ts'
import type { Store } from '../lib/store/store.ts'
import { startTestStore, startTestTemporal } from '../test/support/servers.ts'
import { type Figure, interleaved } from './measure.ts'

const stepsARun = 20

async function createBenchActivities(store: Store, client: Client) {
  const adapters = await adaptersOf(packageRoot, { store })
  const deps = {
    store,
    signer: undefined,
    trusted: new Map(),
    host: hostVersions(),
    client,
    sources: undefined,
    outputs: undefined,
    root: packageRoot,
    adapters,
    scoringThreads: 1,
    alerts: undefined,
    scratch: mkdtempSync(join(tmpdir(), 'slipway-bench-')),
  }
  return {
    async bare(name: string): Promise<void> {
      await putBytes(store, `bare ${name}`, 'text/plain')
    },
    async trivialStep(name: string): Promise<void> {
      const step = {
        id: 'split',
        kind: 'split',
        table: 'none',
        rule: { by: 'hash', column: name, validation: 0.1, test: 0.1, seed: 0 },
      } as const
      const inputs = { table: { digest: digestOf('input'), mediaType: 'text/plain', size: 5 } }
      await runStep(deps, { run: 'bench', step, inputs }, async () => ({
        outputs: [{ name: 'table', ...(await putBytes(store, `step ${name}`, 'text/plain')) }],
        facts: {},
      }))
    },
  }
}
export type BenchActivities = Awaited<ReturnType<typeof createBenchActivities>>

/** What a step costs over a bare Temporal activity that writes one S3 object, on the same servers. */
export async function measureOverhead(): Promise<Figure> {
  Runtime.install({
    logger: new DefaultLogger('ERROR'),
    telemetryOptions: { logging: { forward: {}, filter: 'ERROR' } },
  })
  const [server, temporal] = await Promise.all([startTestStore(), startTestTemporal()])
  const connection = await Connection.connect({ address: temporal.address })
  const client = new Client({ connection })
  const workflowBundle = await bundleWorkflowCode({
    workflowsPath: join(packageRoot, 'bench/workflows.ts'),
    logger: new DefaultLogger('ERROR'),
  })
  const native = await NativeConnection.connect({ address: temporal.address })
  const worker = await Worker.create({
    connection: native,
    taskQueue: 'bench',
    workflowBundle,
    activities: await createBenchActivities(server.store, client),
  })
  const execute = (workflow: string) => (round: number) =>
    client.workflow.execute(workflow, {
      taskQueue: 'bench',
      workflowId: `${workflow}-${round}`,
      args: [`${workflow}-${round}`, stepsARun],
    })
  const { ours, theirs } = await worker.runUntil(interleaved(7, execute('trivialSteps'), execute('bareActivities')))
  await native.close()
  await connection.close()
  await Promise.all([server.stop(), temporal.stop()])
  const ms = (seconds: number): string => `${((seconds * 1000) / stepsARun).toFixed(1)} ms a step`
  return {
    what: `a trivial step (artifact, record, lineage) against a bare activity that writes one S3 object, ${stepsARun} in a row`,
    ours: ms(ours),
    theirs: ms(theirs),
    ratio: ours / theirs,
    limit: 3,
  }
}
