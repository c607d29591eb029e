import { cpSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { packageRoot } from '../../lib/code/host.ts'
import { query } from '../support/batch-place.ts'
import { type ClosedLoopPlace, loans, openClosedLoop } from '../support/closed-loop-place.ts'
import { elsewhere, forgetSteps } from '../support/elsewhere.ts'
import { writeLoans } from '../support/project.ts'

/*
 * The whole life of the LightGBM folder of examples/trainers in an environment of `pip`: snapshot, gates, canaries (one
 * that is sabotaged), drift, a retraining, a batch, and its proof.
 */
let place: ClosedLoopPlace

/** The pipeline by a hyperparameter, which makes another model of about the same quality. */
const definition = (
  leaves: number,
): string => `import { auc, binary, errors, latency, pipeline, program, psi } from 'slipway'
import { features } from './features.ts'
import { Loan } from './schema.ts'
import { bad } from './target.ts'

export default pipeline('loans', (p) => {
  const loans = p.snapshot('loans', { from: 'data/loans-*.parquet', schema: Loan })
  const parts = p.split(p.validate(loans), { by: 'day', test: '60d', validation: '20d' })
  const learner = program({
    command: ['python', 'train.py'], folder: './lightgbm', environment: 'pip', hyperparameters: { rounds: 30, num_leaves: ${leaves} },
  })
  const candidate = p.package(p.train('risk', { on: parts, features, target: binary('defaulted', bad), learner, seed: 1 }))
  p.gate(candidate, { on: parts.test, must: [auc.atLeast(0.55)], champion: 'not compared' })
  const live = p.deploy(candidate, {
    endpoint: 'credit',
    canary: { steps: [50], minSamples: 30, watch: [errors.notWorseBy(0.02), latency.over(5000).notWorseBy(0.1)] },
  })
  p.monitor(live, {
    every: '1h', drift: psi.over(0.2), minRows: 100, minLabels: 100,
    retrain: { window: '120d', cooldown: '0s', maxPerDay: 50, notWorse: { by: 0.05 } },
  })
  p.batch(live, 'nightly', { from: 'in/{date}/*.csv', to: 'out/{date}/' })
})
`

beforeAll(async () => {
  place = await openClosedLoop({}, { body: definition(7) })
  cpSync(join(packageRoot, 'examples/trainers/lightgbm'), join(place.project.root, 'lightgbm'), { recursive: true })
})
afterAll(() => place?.close())

/** Does something while rows come to the endpoint. */
async function underTraffic<T>(work: () => Promise<T>, ...args: string[]): Promise<T> {
  const traffic = place.begin('traffic', 'credit', '--from', 'data/loans-1.parquet', '--rate', '100', ...args)
  try {
    return await work()
  } finally {
    traffic.interrupt()
    await traffic.result
  }
}
const run = (leaves: number, ...args: string[]) => {
  writeLoans(place.project, { body: definition(leaves) })
  return underTraffic(() => place.run('run', 'loans', '--wait', '--json'), ...args)
}

describe('a LightGBM folder', () => {
  it('is trained in its environment, gated and served', async () => {
    await place.open()
    expect(await place.champion()).toBe(1)
    const card = await place.run('show', 'loans')
    expect(card.stdout).toContain('program')
  })

  it('is replaced by a canary', async () => {
    const { code, stdout, stderr } = await run(9)
    expect(code, stderr + stdout).toBe(0)
    expect(await place.champion()).toBe(2)
  })

  it('keeps its place where a candidate is sabotaged', async () => {
    const { code, stdout } = await run(11, '--fault', 'errors=50%@candidate')
    expect(code, stdout).toBe(14)
    expect(await place.champion()).toBe(2)
  })

  it('is trained again when its rows drift, and the new version takes over by a canary', async () => {
    await place.project.data('data/loans-2.parquet', loans(4_000, 3_000, 20_000))
    // What came by in the canaries is judged before, however much that was.
    expect(await place.check()).toMatchObject({ change: 'none' })
    const report = await place.serve(6_400, 640, 20_000, 'drifted')
    expect(report).toMatchObject({ change: 'opened' })
    const retrained = await underTraffic(() => place.untilRetrained(1))
    expect(retrained, JSON.stringify(retrained.error)).toMatchObject({
      status: 'succeeded',
      origin: { user: 'supervisor', retraining: '1' },
    })
    expect(retrained.steps.find(({ name }) => name === 'never-worse')?.summary).toMatch(/^\d of \d passed/)
    expect(await place.champion()).toBe(4)
  })

  it('scores a batch as it answers, which is proven', async () => {
    await place.project.data('in/2024-10-01/a.csv', `SELECT * EXCLUDE (defaulted) FROM (${loans(7_000, 500, 20_000)})`)
    const scored = await place.run('batch', 'loans', 'nightly', '--date', '2024-10-01')
    expect(scored.code, scored.stderr).toBe(0)
    const rows = await query(`SELECT * FROM '${place.project.root}/out/2024-10-01/*.parquet' ORDER BY id LIMIT 20`)
    const instances = rows.map(({ prediction: _, id, day, income, age, purpose }) => ({
      ...{
        id: Number(id),
        day: new Date(String(day)).toISOString(),
        income: Number(income),
        age: Number(age),
        purpose,
      },
    }))
    const answer = await (await place.post('/v1/models/credit:predict', { instances })).json()
    expect(answer).toEqual({ predictions: rows.map(({ prediction }) => prediction) })
    expect((await place.run('verify', 'loans/nightly/2024-10-01')).code).toBe(0)
  })

  it('comes out identical elsewhere, in an environment made anew from its lock', async () => {
    await forgetSteps(place)
    const { code, stdout, stderr } = await elsewhere(place, 'verify', 'loans')
    expect([code, stdout], stderr).toEqual([0, expect.stringMatching(/^identical sha256:/)])
    expect(stderr).toMatch(/✓ risk +identical/)
  })
})
