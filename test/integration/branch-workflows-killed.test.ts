import { afterAll, beforeAll, expect, it } from 'vitest'
import { listKeys } from '../../lib/store/documents.ts'
import { branchesWorkflowId } from '../../workflows/branch-messages.ts'
import { beginSlipway } from '../support/cli.ts'
import { eventually } from '../support/gateways.ts'
import { type KillableWorkers, openKillableWorkers } from '../support/killable-workers.ts'
import { attemptsIn, onlyRun } from '../support/step-attempts.ts'

/** Two steps a branch: past a hundred steps, workflows of their own carry them out, up to twenty branches each. */
const branches = Array.from({ length: 52 }, (_, i) => `b${String(i + 1).padStart(2, '0')}`)
const steps = 2 * branches.length
const groups = 3
let workers: KillableWorkers

beforeAll(async () => {
  workers = await openKillableWorkers()
  const { project } = workers
  project.write('data/rows.csv', `id\n${Array.from({ length: 60 }, (_, i) => i).join('\n')}\n`)
  project.write(
    'pipelines/many/pieces.ts',
    `import { z } from 'zod'
export const Row = z.object({ id: z.int() })
export function sum({ part }: { part: { id: Float64Array } }) {
  return { outputs: { sum: String(part.id.reduce((sum, id) => sum + id, 0)) } }
}
`,
  )
  project.write(
    'pipelines/many/pipeline.ts',
    `import { pipeline } from 'slipway'
import { Row, sum } from './pieces.ts'

const names = ${JSON.stringify(branches)}
export default pipeline('many', { parallel: 8 }, (p) => {
  const rows = p.snapshot('rows', { from: 'data/rows.csv', schema: Row })
  p.each(names, (p, name) => {
    const parts = p.split(rows, { byHashOf: 'id', validation: 0.3, test: 0.3, seed: Number(name.slice(1)) })
    p.step('sum', { inputs: { part: parts.test }, run: sum, outputs: { sum: 'text/plain' } })
  })
})
`,
  )
  workers.start()
  workers.start()
})
afterAll(() => workers?.stop())

it('workflows of branches whose workers are all killed in the middle go on: no finished step is done again', async () => {
  const { project, env, client, bucket } = workers
  const run = beginSlipway(project.root, ['run', 'many', '--wait', '--json'], env)
  const isInTheMiddle = async () => (await listKeys(bucket.store, 'steps/')).length > steps / 3
  await Promise.race([eventually(isInTheMiddle), run.result])
  await workers.kill()
  const workflowId = await onlyRun(client)
  const ids = Array.from({ length: groups }, (_, i) => branchesWorkflowId(workflowId.replace('run/', ''), i))
  const histories = () => Promise.all(ids.map((id) => attemptsIn(client, id)))
  const finished = (await histories()).flatMap(({ attempts }) => attempts)
  console.error(`killed when ${finished.length} of ${steps} steps had ended`)
  expect(finished.length).toBeGreaterThan(0)
  expect(finished.length).toBeLessThan(steps)

  workers.start()
  workers.start()
  const { code, stdout, stderr } = await run.result
  expect(code, stderr).toBe(0)
  expect(JSON.parse(stdout).branches).toEqual(
    branches.map((name) => ({ name, status: 'succeeded', model: null, failure: null })),
  )
  const ended = await histories()
  const attempts = ended.flatMap((each) => each.attempts)
  expect(new Set(attempts.map(([step]) => step)).size).toBe(steps)
  for (const [step, attempt] of finished) expect(attempts.filter(([id]) => id === step)).toEqual([[step, attempt]])
  console.error(`histories of ${ended.map(({ events }) => events).join(', ')} events`)
  // An activity is three events; those of workflow tasks, and of tasks that the killed workers left behind, come to it.
  for (const { attempts: own, events } of ended) expect(events).toBeLessThan(8 * own.length + 60)
  expect((await attemptsIn(client, workflowId)).events).toBeLessThan(120)
})
