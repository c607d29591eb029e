import { type ChildProcess, spawn } from 'node:child_process'
import { Client, Connection } from '@temporalio/client'
import { defaultPayloadConverter } from '@temporalio/common'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { readModel } from '../../lib/store/registry.ts'
import { progressQuery } from '../../workflows/messages.ts'
import { beginSlipway, slipway } from '../support/cli.ts'
import { buildFaultyWorker } from '../support/faulty-worker-file.ts'
import { loansSql, newProject, type TestProject, writeLoans } from '../support/project.ts'
import { bucketSettings, openTestBucket, startTestTemporal, type TestBucket } from '../support/servers.ts'

let workerFile: string
const branches = ['few', 'some', 'many', 'most']
let project: TestProject
let bucket: TestBucket
let temporal: Awaited<ReturnType<typeof startTestTemporal>>
let client: Client
let env: Record<string, string>
let worker: ChildProcess

/** Starts a real worker that ends only when it is killed. */
const startWorker = (): ChildProcess =>
  spawn(process.execPath, [workerFile], { env: { ...process.env, ...env }, stdio: 'ignore' })
async function killWorker(): Promise<void> {
  const ended = new Promise((resolve) => worker.once('exit', resolve))
  worker.kill('SIGKILL')
  await ended
}

beforeAll(async () => {
  workerFile = await buildFaultyWorker('worker-of-branches')
  project = newProject()
  writeLoans(project, {
    body: `import { auc, binary, pipeline, trees } from 'slipway'
import { features } from './features.ts'
import { Loan } from './schema.ts'
import { bad } from './target.ts'

const sizes = [
  { name: 'few', leaves: 3 },
  { name: 'some', leaves: 7 },
  { name: 'many', leaves: 15 },
  { name: 'most', leaves: 31 },
]
export default pipeline('loans', { parallel: 2 }, (p) => {
  const loans = p.validate(p.snapshot('loans', { from: 'data/loans.parquet', schema: Loan }))
  const parts = p.split(loans, { byHashOf: 'id', validation: 0.2, test: 0.3, seed: 3 })
  p.each(sizes, (p, { leaves }) => {
    const learner = trees({ trees: 60, leaves, minRowsPerLeaf: 10 })
    const model = p.train('risk', { on: parts, features, target: binary('defaulted', bad), learner, seed: 1 })
    p.gate(p.package(model), { on: parts.test, must: [auc.atLeast(0.55)] })
  })
})
`,
  })
  await project.data('data/loans.parquet', loansSql())
  ;[bucket, temporal] = await Promise.all([openTestBucket(), startTestTemporal()])
  env = { TEMPORAL_ADDRESS: temporal.address, ...(await bucketSettings(bucket)), SLIPWAY_ROOT: project.root }
  client = new Client({ connection: await Connection.connect({ address: temporal.address }) })
  worker = startWorker()
})
afterAll(async () => {
  await killWorker()
  await client.connection.close()
  await Promise.all([bucket.stop(), temporal.stop()])
  project.remove()
})

/** The workflow of the run there is. */
async function onlyRun(): Promise<string> {
  for await (const { workflowId } of client.workflow.list({ query: "WorkflowType = 'runPipeline'" })) return workflowId
  throw new Error('there is no run')
}

/** The steps whose activities were asked for in a history, each with its last attempt. */
async function attemptsIn(workflowId: string): Promise<[string, number][]> {
  const { events } = await client.workflow.getHandle(workflowId).fetchHistory()
  const scheduled = new Map<string, string>()
  const attempts: [string, number][] = []
  for (const {
    eventId,
    activityTaskScheduledEventAttributes: asked,
    activityTaskStartedEventAttributes: began,
  } of events ?? []) {
    const payload = asked?.input?.payloads?.[0]
    if (payload != null) {
      const { step } = defaultPayloadConverter.fromPayload<{ step?: { id?: string } }>(payload as never)
      if (step?.id !== undefined) scheduled.set(String(eventId), step.id)
    }
    const step = scheduled.get(String(began?.scheduledEventId))
    if (step !== undefined) attempts.push([step, began?.attempt ?? 0])
  }
  return attempts
}

it('a worker that is killed in the middle of branches leaves what was done: no finished step is done again', async () => {
  const run = beginSlipway(project.root, ['run', 'loans', '--wait', '--json'], env)
  await run.said('few/package')
  const workflowId = await onlyRun()
  const progress = await client.workflow.getHandle(workflowId).query(progressQuery)
  const finished = progress.finished.filter(({ stepKey }) => stepKey !== '').map(({ name }) => name)
  await killWorker()
  worker = startWorker()

  const { code, stdout, stderr } = await run.result
  expect(code, stderr).toBe(0)
  const record = JSON.parse(stdout)
  expect(record.branches).toEqual(
    branches.map((name) => ({ name, status: 'succeeded', model: `loans-${name} version 1`, failure: null })),
  )
  for (const name of branches) expect((await readModel(bucket.store, `loans-${name}`))?.versions, name).toHaveLength(1)
  const attempts = await attemptsIn(workflowId)
  expect(finished).toEqual(expect.arrayContaining(['loans', 'split', 'few/risk', 'few/package']))
  for (const step of finished) expect([step, attempts.filter(([id]) => id === step)]).toEqual([step, [[step, 1]]])

  const again = await slipway(project.root, ['run', 'loans', '--wait', '--json'], env)
  const steps: { name: string; cached: boolean }[] = JSON.parse(again.stdout).steps
  expect(steps).toHaveLength(3 + 5 * branches.length)
  expect(steps.filter(({ cached }) => !cached)).toEqual([])
})
