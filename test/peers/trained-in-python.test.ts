import { cpSync, writeFileSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { packageRoot } from '../../lib/code/host.ts'
import type { RunRecord } from '../../lib/formats/records.ts'
import { listRuns } from '../../lib/store/runs.ts'
import { query } from '../support/batch-place.ts'
import { type ClosedLoopPlace, loan, loans, openClosedLoop } from '../support/closed-loop-place.ts'
import { loanModel } from '../support/finished-models.ts'
import { writeLoans } from '../support/project.ts'
import { pythonEnvironment } from '../support/python.ts'

/*
 * A folder of LightGBM and a finished ONNX file each go all the way that trees go, through the processes of the
 * platform: snapshot, gates, canary, a sabotaged candidate, drift, batch; and the folder is carried out again when its
 * monitor asks for a retraining.
 */
let place: ClosedLoopPlace
const path = process.env.PATH
beforeAll(async () => {
  const uv = await pythonEnvironment(join(packageRoot, 'test/reference/uv-requirements.txt'))
  process.env.PATH = [path, uv].join(delimiter)
})
afterAll(() => {
  process.env.PATH = path
})

const features = `export function features({ income, age, purpose }: { income: Float64Array; age: Float64Array; purpose: readonly string[] }) {
  return { income, age, purpose }
}
`
const retraining =
  "retrain: { every: '30d', window: '120d', cooldown: '0s', maxPerDay: 5, notWorse: { by: 0.03 } }, playbook: 'Look at the incomes.'"

const definition = (learner: string, more: string): string =>
  `import { auc, binary, errors, logLoss, onnx, pipeline, program, psi } from 'slipway'
import { features } from './features.ts'
import { Loan } from './schema.ts'
import { bad } from './target.ts'

export default pipeline('loans', (p) => {
  const loans = p.snapshot('loans', { from: 'data/loans-*.parquet', schema: Loan })
  const parts = p.split(p.validate(loans, { unique: [['id']] }), { by: 'day', test: '60d', validation: '20d' })
  const model = p.train('risk', { on: parts, features, target: binary('defaulted', bad), learner: ${learner}, seed: 1 })
  const candidate = p.package(model)
  p.gate(candidate, { on: parts.test, must: [auc.atLeast(0.6), logLoss.atMost(0.9)], champion: 'not compared' })
  const live = p.deploy(candidate, {
    endpoint: 'credit', canary: { steps: [50], minSamples: 20, watch: [errors.notWorseBy(0.05)] },
  })
  p.monitor(live, { every: '1h', drift: psi.over(0.2), minRows: 100, minLabels: 100, ${more} })
})
`

/** The same model under another name of its graph: other bytes. */
function loanModelNamed(name: string): Uint8Array {
  const text = Buffer.from(loanModel()).toString('latin1').replace('elsewhere', name.padEnd('elsewhere'.length))
  return Buffer.from(text, 'latin1')
}

interface Journey {
  readonly name: string
  readonly made: RegExp
  readonly compared: RegExp
  /** Defines another model of about the same quality. */
  define(version: number): { readonly features: string; readonly body: string }
}

const folder: Journey = {
  name: 'a folder of LightGBM',
  made: /made by a program on [\d,]+ rows; validation auc 0\.\d+/,
  compared: /compiled model proven; parity \d\.\de-\d+ over \d+ rows, \d\.\de-\d+ over 1,024 made-up ones/,
  define(version) {
    const learner = `program({
    command: ['python', 'train.py'], folder: './trainer', environment: 'uv', timeout: '10m', memory: '4GB',
    hyperparameters: { rounds: 20, num_leaves: ${4 + version} }, metrics: { loss: 'binary_logloss: ([0-9.]+)' },
  })`
    return { features, body: definition(learner, retraining) }
  },
}

const file: Journey = {
  name: 'a finished ONNX file',
  made: /a finished model on [\d,]+ rows; validation auc 0\.\d+/,
  compared: /parity \S+ over \d+ rows/,
  define(version) {
    writeFileSync(join(place.project.root, 'loans.onnx'), loanModelNamed(`v${version}`))
    return { features, body: definition("onnx('loans.onnx', { inputs: { years: 'age' } })", '') }
  },
}

const slipway = (...args: string[]): Promise<string> => place.succeeds(...args)

/** Does something while loans are asked for. */
async function underTraffic<T>(work: () => Promise<T>, headers: Record<string, string> = {}, shift = 0): Promise<T> {
  let isOver = false
  const asking = (async () => {
    for (let i = 0; !isOver; i++)
      await place.post('/v1/models/credit:predict', { instances: [loan(i, shift).row] }, headers).catch(() => {})
  })()
  try {
    return await work()
  } finally {
    isOver = true
    await asking
  }
}

/** Defines another model and runs the pipeline, while somebody asks the endpoint. */
async function rolledOut(journey: Journey, version: number, headers: Record<string, string> = {}) {
  writeLoans(place.project, journey.define(version))
  const { code, stdout, stderr } = await underTraffic(() => place.run('run', 'loans', '--wait', '--json'), headers)
  expect(stdout, stderr).not.toBe('')
  return { code, record: JSON.parse(stdout) }
}

describe.each([folder, file])('$name', (journey) => {
  let first: RunRecord

  beforeAll(async () => {
    place = await openClosedLoop({}, { features, body: 'export {}\n' })
    await place.project.data('data/new.parquet', loans(20_000, 500))
    cpSync(join(packageRoot, 'examples/trainers/lightgbm'), join(place.project.root, 'trainer'), { recursive: true })
    writeLoans(place.project, journey.define(1))
  })
  afterAll(() => place?.close())

  it('goes through snapshot, training, parity and gates, and is deployed', async () => {
    await place.open()
    ;[first] = (await listRuns(place.store.store, 'loans', 1)) as [RunRecord]
    const steps = await slipway('show', first.runId)
    expect(steps).toMatch(journey.made)
    expect(steps).toMatch(journey.compared)
    expect(steps).toMatch(/2 of 2 passed/)
    expect(await place.champion()).toBe(1)
  })

  it('is brought to its endpoint by steps where it answers, and thrown out where it is sabotaged', async () => {
    const sound = await rolledOut(journey, 2)
    expect(sound).toMatchObject({ code: 0, record: { model: { version: 2, champion: true } } })
    expect(await place.champion()).toBe(2)
    const sabotaged = await rolledOut(journey, 3, { 'x-slipway-fault': 'candidate' })
    expect(sabotaged).toMatchObject({ code: 14, record: { model: { version: 3, champion: false } } })
    expect(await place.champion()).toBe(2)
    writeLoans(place.project, journey.define(2))
  })

  it('is watched: calm while rows are what they were, and no longer when incomes move', async () => {
    expect(await place.serve(4_000, 320, 0, 'calm')).toMatchObject({ change: 'none' })
    await place.project.data('data/loans-2.parquet', loans(4_000, 3_000, 20_000))
    const report = await place.serve(6_400, 640, 20_000, 'moved')
    expect(report).toMatchObject({ change: 'opened' })
    expect(report.verdict).toMatch(/psi > 0.2: .*income/)
  })

  it.runIf(journey === folder)('is carried out again on fresh rows when its monitor asks, and judged', async () => {
    const run = await underTraffic(() => place.untilRetrained(1), {}, 20_000)
    expect(run, JSON.stringify(run.error)).toMatchObject({ status: 'succeeded', origin: { user: 'supervisor' } })
    expect(run.origin.cause).toMatch(/^drift: psi > 0.2/)
    const step = (of: RunRecord, name: string) => of.steps.find((each) => each.name === name)
    const log = async (of: RunRecord): Promise<string> => {
      const found = step(of, 'risk')?.outputs.find(({ name }) => name === 'log')
      return slipway('show', found?.digest.slice(7, 19) as string)
    }
    expect(step(run, 'risk')).toMatchObject({ cached: false })
    expect(step(run, 'risk')?.summary).toMatch(journey.made)
    expect(await log(run)).toMatch(/out \[20\]\tvalidation's binary_logloss: 0\.\d+/)
    expect(await log(run)).not.toBe(await log(first))
    expect(step(run, 'never-worse')?.summary).toMatch(/^\d of \d passed/)
    expect(await place.champion()).toBeGreaterThan(3)
  })

  it('scores a batch as its endpoint answers', async () => {
    await slipway('batch', 'score', 'loans', '--from', 'data/new.parquet', '--to', 'scored/')
    await slipway('verify', 'scored/')
    const scored = await query(`SELECT id, prediction FROM '${place.project.root}/scored/*.parquet' ORDER BY id`)
    expect(scored).toHaveLength(500)
    expect(new Set(scored.map(({ prediction }) => prediction)).size).toBeGreaterThan(20)
    const instances = scored.slice(0, 20).map(({ id }) => loan(Number(id), 0).row)
    const answer = await place.post('/v1/models/credit:predict', { instances })
    expect(((await answer.json()) as { predictions: unknown[] }).predictions).toEqual(
      scored.slice(0, 20).map(({ prediction }) => prediction),
    )
  })
})
