import { afterAll, beforeAll, expect, it } from 'vitest'
import { Tuning } from '../../lib/formats/tuning.ts'
import { getJson } from '../../lib/store/objects.ts'
import { type CliResult, slipway } from '../support/cli.ts'
import { type KillableWorkers, openKillableWorkers } from '../support/killable-workers.ts'
import { loansSql, writeLoans } from '../support/project.ts'

/*
 * Parameters chosen by trials, by real workers.
 */
let place: KillableWorkers

beforeAll(async () => {
  place = await openKillableWorkers()
  await place.project.data('data/loans.parquet', loansSql())
  place.start()
})
afterAll(() => place?.stop())

const write = (more: string): void =>
  writeLoans(place.project, { learner: `trees({ minRowsPerLeaf: 10 }), ${more}` })
const tune = 'tune: { trees: [5, 60], leaves: [3, 31], learningRate: [0.02, 0.4] }'
const run = (...args: string[]): Promise<CliResult> => slipway(place.project.root, args, place.env)
const ended = async (): Promise<ReturnType<typeof JSON.parse>> => {
  const { code, stdout, stderr } = await run('run', 'loans', '--wait', '--json')
  expect(code, stderr).toBe(0)
  return JSON.parse(stdout)
}
const outputOf = (record: { steps: { name: string; outputs: { name: string; digest: string }[] }[] }, name: string) =>
  record.steps.find((step) => step.name === 'tune-risk')?.outputs.find((output) => output.name === name)
    ?.digest as string

it('chooses parameters, trains with them, and packages how they were chosen', async () => {
  write(`${tune}, budget: { trials: 8 }`)
  const record = await ended()
  expect(record.status).toBe('succeeded')
  const tuning = await getJson(place.bucket.store, outputOf(record, 'trials'), Tuning)
  expect(tuning.trials).toHaveLength(8)
  console.error(record.steps.map((s: { name: string; summary: string; seconds: number }) => [s.name, s.summary, s.seconds]))
  const card = await run('show', 'loans')
  console.error(card.stdout)
})
