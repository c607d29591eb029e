import { execFile } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { Gateway } from '../../gateway/gateway.ts'
import { packageRoot } from '../../lib/code/host.ts'
import { writeRoute } from '../../lib/store/routes.ts'
import { eventually, startTestGateway } from '../support/gateways.ts'
import { packageModel } from '../support/models.ts'
import { loansSql, newProject, type TestProject, writeLoans } from '../support/project.ts'
import { pythonEnvironmentOr } from '../support/python.ts'
import { openTestBucket, type TestBucket } from '../support/servers.ts'

/*
 * The gateway against the protocols' own public clients: tritonclient, boto3's sagemaker-runtime and MLflow's scoring
 * client in a Python environment, KServe's, ovmsclient and TensorFlow Serving's stubs in one each. The scripts of
 * test/reference/ say what is checked.
 */
const run = promisify(execFile)
const reference = join(packageRoot, 'test/reference')
let server: TestBucket
let project: TestProject
let gateway: Gateway

beforeAll(async () => {
  server = await openTestBucket()
  project = newProject()
  writeLoans(project)
  await project.data('data/loans.parquet', loansSql())
  const variant = await packageModel(project, server.store, 'loans', 1)
  await writeRoute(server.store, 'loans', { kind: 'open', variant }, 'test')
  gateway = await startTestGateway(server.store, { grpcPort: 0 })
  await eventually(() => gateway.endpoint('loans')?.route !== undefined)
})
afterAll(async () => {
  await gateway?.stop()
  await server?.stop()
  project?.remove()
})

const rows = [
  { id: 1, day: '2024-01-01T00:00:00Z', income: 30_000, age: 40, purpose: 'car' },
  { id: 2, day: '2024-01-02T12:00:00Z', income: 75_000, age: 23, purpose: 'travel' },
  { id: 3, day: '2024-01-03T00:00:00Z', income: 52_000.5, age: 71, purpose: 'home' },
]

it.for([
  [
    'answers tritonclient, boto3, the MLflow client and TensorFlow Serving requests as they expect',
    'clients',
    'clients.py',
    40,
  ],
  ["answers KServe's client, v1 and v2", 'kserve', 'kserve_client.py', 8],
  ["answers tritonclient over gRPC, and gRPC's tools for health and reflection", 'grpc', 'grpc_client.py', 40],
  ["answers KServe's client over gRPC, typed and raw", 'kserve', 'kserve_grpc_client.py', 6],
  ['answers ovmsclient, which asks as TensorFlow Serving is asked', 'ovms', 'ovms_client.py', 9],
  ['answers ovmsclient over gRPC', 'ovms', 'ovms_grpc_client.py', 9],
  ["answers TensorFlow Serving's own stubs over gRPC", 'tfs', 'tfs_client.py', 33],
] as const)('%s', async ([, packages, script, checks], context) => {
  // TensorFlow Serving's stubs ask for all of TensorFlow.
  const options = packages === 'tfs' ? ['--no-deps'] : []
  const environment = await pythonEnvironmentOr(join(reference, `${packages}-requirements.txt`), ...options)
  if ('missing' in environment) return context.skip(environment.missing)
  const answer = await fetch(`${gateway.address}/v1/models/loans:predict`, {
    method: 'POST',
    body: JSON.stringify({ instances: rows }),
  })
  const { predictions } = (await answer.json()) as { predictions: number[] }
  const file = join(project.root, 'rows.json')
  writeFileSync(file, JSON.stringify({ rows, expected: predictions }))
  const { stdout } = await run(join(environment.bin, 'python'), [
    join(reference, script),
    '--url',
    script.includes('grpc') || packages === 'tfs' ? (gateway.grpcAddress as string) : gateway.address,
    '--model',
    'loans',
    '--rows',
    file,
  ]).catch((error: { stdout?: string; stderr?: string }) => ({ stdout: `${error.stdout}${error.stderr}` }))
  expect(stdout).toContain('all passed')
  expect(stdout.match(/^ok /gm)?.length).toBeGreaterThanOrEqual(checks)
})
