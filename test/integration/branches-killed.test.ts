import { afterAll, beforeAll, expect, it } from 'vitest'
import { readModel } from '../../lib/store/registry.ts'
import { progressQuery } from '../../workflows/messages.ts'
import { beginSlipway, slipway } from '../support/cli.ts'
import { type KillableWorkers, openKillableWorkers } from '../support/killable-workers.ts'
import { loansSql, writeLoans } from '../support/project.ts'
import { attemptsIn, onlyRun } from '../support/step-attempts.ts'

const branches = ['few', 'some', 'many', 'most']
let workers: KillableWorkers

beforeAll(async () => {
  workers = await openKillableWorkers()
  const { project } = workers
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
  workers.start()
})
afterAll(() => workers?.stop())

it('a worker that is killed in the middle of branches leaves what was done: no finished step is done again', async () => {
  const { project, env, client, bucket } = workers
  const run = beginSlipway(project.root, ['run', 'loans', '--wait', '--json'], env)
  await run.said('few/package')
  const workflowId = await onlyRun(client)
  const progress = await client.workflow.getHandle(workflowId).query(progressQuery)
  const finished = progress.finished.filter(({ stepKey }) => stepKey !== '').map(({ name }) => name)
  await workers.kill()
  workers.start()

  const { code, stdout, stderr } = await run.result
  expect(code, stderr).toBe(0)
  const record = JSON.parse(stdout)
  expect(record.branches).toEqual(
    branches.map((name) => ({ name, status: 'succeeded', model: `loans-${name} version 1`, failure: null })),
  )
  for (const name of branches) expect((await readModel(bucket.store, `loans-${name}`))?.versions, name).toHaveLength(1)
  const { attempts } = await attemptsIn(client, workflowId)
  expect(finished).toEqual(expect.arrayContaining(['loans', 'split', 'few/risk', 'few/package']))
  for (const step of finished) expect([step, attempts.filter(([id]) => id === step)]).toEqual([step, [[step, 1]]])

  const again = await slipway(project.root, ['run', 'loans', '--wait', '--json'], env)
  const steps: { name: string; cached: boolean }[] = JSON.parse(again.stdout).steps
  expect(steps).toHaveLength(3 + 5 * branches.length)
  expect(steps.filter(({ cached }) => !cached)).toEqual([])
})
