import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { query } from '../support/batch-place.ts'
import { loanModel } from '../support/finished-models.ts'
import { eventually } from '../support/gateways.ts'
import { openPlace, type Place } from '../support/place.ts'
import { loansSql, writeLoans } from '../support/project.ts'

/*
 * Why a prediction is what it is: of trees, of a linear model and of a finished one, in requests, batches, gates and on
 * the command line. A fourth pipeline asks for nothing, and has nothing.
 */
let place: Place

const pipelineOf = (name: string, learner: string, features: string, explain: string, more = ''): string =>
  `import { auc, binary, linear, onnx, pipeline, trees } from 'slipway'
import { ${features === '../given/features.ts' ? 'columns as features' : 'features'} } from '${features}'
import { Loan } from '../loans/schema.ts'
import { bad } from '../loans/target.ts'
export default pipeline('${name}', (p) => {
  const loans = p.snapshot('loans', { from: 'data/loans.parquet', schema: Loan })
  const parts = p.split(loans, { byHashOf: 'id', validation: 0.2, test: 0.3, seed: 3 })
  const model = p.train('risk', { on: parts, features, target: binary('defaulted', bad), learner: ${learner}, seed: 1${more} })
  const candidate = p.package(model${explain})
  p.gate(candidate, { on: parts.test, must: [auc.atLeast(0.6)], champion: 'not compared' })
  p.deploy(candidate, { endpoint: '${name}', allAtOnce: true })
})
`

beforeAll(async () => {
  place = await openPlace()
  const { project } = place
  writeLoans(project)
  await project.data('data/loans.parquet', loansSql())
  await project.data('data/new.parquet', loansSql(500))
  writeFileSync(join(project.root, 'loans.onnx'), loanModel())
  project.write(
    'pipelines/given/features.ts',
    'export const columns = ({ income, age, purpose }: { income: Float64Array; age: Float64Array; purpose: readonly string[] }) => ({ income, age, purpose })\n',
  )
  const own = '../loans/features.ts'
  const some = 'trees({ trees: 20, leaves: 7, minRowsPerLeaf: 10 })'
  const given = "onnx('loans.onnx', { inputs: { years: 'age' } })"
  project.write(
    'pipelines/why/pipeline.ts',
    pipelineOf('why', some, own, ', { explain: true }', ", crosses: [['purpose', 'age']]"),
  )
  project.write('pipelines/line/pipeline.ts', pipelineOf('line', 'linear()', own, ', { explain: true }'))
  project.write(
    'pipelines/given/pipeline.ts',
    pipelineOf('given', given, '../given/features.ts', ', { explain: true }'),
  )
  project.write('pipelines/silent/pipeline.ts', pipelineOf('silent', some, own, ''))
  project.write(
    'pipelines/wrong/pipeline.ts',
    pipelineOf('wrong', given, '../given/features.ts', ", { explain: { method: 'path-dependent' } }"),
  )
})
afterAll(() => place?.close())

const slipway = (...args: string[]): Promise<string> => place.succeeds(...args)
const run = async (...args: string[]) => JSON.parse(await slipway('run', ...args, '--wait', '--json'))

interface Answer {
  readonly base: number
  readonly score: number
  readonly parts: readonly { feature: string; value?: unknown; part: number; error?: number }[]
}
const sumOf = ({ base, parts }: Answer): number => parts.reduce((sum, { part }) => sum + part, base)
const logistic = (value: number): number => 1 / (1 + Math.exp(-value))
const rows = [
  { id: 1, day: '2024-01-01T00:00:00Z', income: 30_000, age: 30, purpose: 'car' },
  { id: 2, day: '2024-01-02T00:00:00Z', income: 90_000, age: 61, purpose: 'home' },
]

/** @param more besides the rows */
async function ask(path: string, body: object) {
  const response = await fetch(`${place.gateway}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  })
  return { status: response.status, body: (await response.json()) as Record<string, never> }
}
const tensors = (some: readonly object[]) =>
  Object.keys(rows[0] as object).map((name) => {
    const data = some.map((row) => (row as Record<string, unknown>)[name])
    const datatype = name === 'id' ? 'INT64' : name === 'day' || name === 'purpose' ? 'BYTES' : 'FP64'
    return { name, datatype, shape: [data.length], data }
  })
const served = (name: string) =>
  eventually(async () => (await fetch(`${place.gateway}/v2/models/${name}/ready`).catch(() => undefined))?.ok === true)

describe('trees that are packaged with explanations', () => {
  it('are trained, gated and deployed as ever, and say over the test rows what their scores rest on', async () => {
    expect(await run('why')).toMatchObject({ status: 'succeeded', model: { name: 'why', version: 1 } })
    const { attribution, method, of } = JSON.parse(await slipway('explain', 'why', '--json'))
    expect([method, of, attribution.of]).toEqual(['path-dependent', 'log odds', 'log odds'])
    const features = attribution.features.map(({ feature }: { feature: string }) => feature)
    expect([...features].sort()).toEqual(['age', 'income', 'mean(purpose, age)', 'purpose', 'ratio'])
    expect(features[0]).toMatch(/income|ratio/)
    expect(await slipway('explain', 'why')).toMatch(/moves the log odds by, on average over \d+ test rows/)
  })

  it('explain an answer where a request of the Open Inference Protocol asks for it', async () => {
    await served('why')
    const path = '/v2/models/why/infer'
    const plain = await ask(path, { inputs: tensors(rows) })
    const told = await ask(path, { inputs: tensors(rows), parameters: { explain: true } })
    expect(told.status, JSON.stringify(told.body)).toBe(200)
    expect(plain.body).not.toHaveProperty('explanations')
    const { explanations, outputs } = told.body as unknown as {
      explanations: { method: string; of: string; rows: Answer[] }
      outputs: { data: number[] }[]
    }
    expect(outputs).toEqual(plain.body.outputs)
    expect(explanations).toMatchObject({ method: 'path-dependent', of: 'log odds' })
    for (const [i, answer] of explanations.rows.entries()) {
      expect(Math.abs(sumOf(answer) - answer.score)).toBeLessThan(1e-9)
      expect(Math.abs(logistic(answer.score) - (outputs[0]?.data[i] as number))).toBeLessThan(1e-6)
      const sizes = answer.parts.map(({ part }) => Math.abs(part))
      expect(sizes).toEqual([...sizes].sort((a, b) => b - a))
    }
    const parts = explanations.rows[0]?.parts ?? []
    expect(parts.find(({ feature }) => feature === 'income')).toMatchObject({ value: 30_000 })
    expect(parts.find(({ feature }) => feature === 'purpose')).toMatchObject({ value: 'car' })
    expect(parts.find(({ feature }) => feature.startsWith('mean('))).not.toHaveProperty('value')
  })

  it('explain the same by every other protocol', async () => {
    const { explanations } = (
      await ask('/v2/models/why/infer', { inputs: tensors(rows), parameters: { explain: true } })
    ).body
    const instances = await ask('/v1/models/why:predict', { instances: rows, explain: true })
    expect(instances.body.explanations).toEqual(explanations)
    const invocation = await ask('/endpoints/why/invocations', { instances: rows, params: { explain: true } })
    expect(invocation.body.explanations, JSON.stringify(invocation)).toEqual(explanations)
  })

  it('refuse what makes no sense, and more rows than a request may have explained', async () => {
    const path = '/v1/models/why:predict'
    expect(await ask(path, { instances: rows, explain: 'yes' })).toMatchObject({
      status: 400,
      body: { error: 'explain: expected true or false' },
    })
    const many = Array.from({ length: 1_001 }, () => rows[0])
    expect(await ask(path, { instances: many, explain: true })).toMatchObject({
      status: 400,
      body: { error: expect.stringMatching(/1001 rows are to be explained; a request may have 1000/) },
    })
    expect((await ask(path, { instances: many })).status).toBe(200)
  })

  it('explain rows of a file on the command line', async () => {
    place.project.write('row.json', JSON.stringify(rows))
    const text = await slipway('explain', 'why@1', '--row', 'row.json')
    expect(text).toMatch(/row 1: log odds -?\d.*, from -?\d.* when nothing is known/)
    expect(text).toMatch(/^income +30000 +[+-]\d.*█/m)
    const { rows: told } = JSON.parse(await slipway('explain', 'why', '--row', 'row.json', '--json'))
    const asked = await ask('/v1/models/why:predict', { instances: rows, explain: true })
    const { explanations } = asked.body as unknown as { explanations: { rows: Answer[] } }
    expect(told.map(({ score }: Answer) => score)).toEqual(explanations.rows.map(({ score }) => score))
  })

  it('explain every row of a batch in a column that parquet readers take apart', async () => {
    await slipway('batch', 'score', 'why', '--from', 'data/new.parquet', '--to', 'told/', '--explain')
    await slipway('verify', 'told/')
    const parquet = `'${place.project.root}/told/*.parquet'`
    const scored = await query(
      `SELECT prediction, explanation.base + explanation.parts.income + explanation.parts.age + explanation.parts.ratio
         + explanation.parts.purpose + explanation.parts."mean(purpose, age)" AS sum, explanation.score AS score
       FROM ${parquet}`,
    )
    expect(scored).toHaveLength(500)
    for (const { prediction, sum, score } of scored as Record<string, number>[]) {
      expect(Math.abs((sum as number) - (score as number))).toBeLessThan(1e-9)
      expect(Math.abs(logistic(score as number) - (prediction as number))).toBeLessThan(1e-6)
    }
    await slipway('batch', 'score', 'why', '--from', 'data/new.parquet', '--to', 'csv/', '--write', 'csv', '--explain')
    const [line] = await query(
      `SELECT explanation->'parts'->>'income' AS income FROM read_csv('${place.project.root}/csv/*.csv', all_varchar = true) LIMIT 1`,
    )
    expect(Number(line?.income)).toBeTypeOf('number')
  })
})

describe('a linear model', () => {
  it('is explained by its weights, exactly', async () => {
    await run('line')
    await served('line')
    const { body } = await ask('/v1/models/line:predict', { instances: rows, explain: true })
    const { explanations, predictions } = body as unknown as {
      explanations: { method: string; of: string; rows: Answer[] }
      predictions: number[]
    }
    expect(explanations).toMatchObject({ method: 'linear', of: 'log odds' })
    for (const [i, answer] of explanations.rows.entries()) {
      expect(Math.abs(sumOf(answer) - answer.score)).toBeLessThan(1e-9)
      expect(Math.abs(logistic(answer.score) - (predictions[i] as number))).toBeLessThan(1e-6)
    }
  })
})

describe('a finished model that is no trees', () => {
  it('is explained by asking it, with an error for each part, and few rows at once', async () => {
    await run('given')
    await served('given')
    const { body } = await ask('/v1/models/given:predict', { instances: rows, explain: true })
    const { explanations, predictions } = body as unknown as {
      explanations: { method: string; of: string; rows: Answer[] }
      predictions: number[]
    }
    expect(explanations).toMatchObject({ method: 'kernel', of: 'probability' })
    for (const [i, answer] of explanations.rows.entries()) {
      expect(answer.score).toBeCloseTo(predictions[i] as number, 12)
      expect(Math.abs(sumOf(answer) - answer.score)).toBeLessThan(1e-6)
      // Three features: all eight sets are asked.
      expect(answer.parts.map(({ error }) => error)).toEqual([0, 0, 0])
    }
    const many = Array.from({ length: 9 }, () => rows[0])
    expect((await ask('/v1/models/given:predict', { instances: many, explain: true })).status).toBe(400)
  })

  it('is refused by name where a method is asked for that wants trees', async () => {
    const { code, stdout, stderr } = await place.run('run', 'wrong', '--wait')
    expect(code).toBe(11)
    expect(`${stdout}${stderr}`).toContain('cannot be explained by "path-dependent"')
  })
})

describe('a version that keeps nothing to explain with', () => {
  it('says so to requests, batches and commands', async () => {
    await run('silent')
    await served('silent')
    expect(await ask('/v1/models/silent:predict', { instances: rows, explain: true })).toMatchObject({
      status: 400,
      body: { error: expect.stringContaining('p.package(…, { explain: true })') },
    })
    expect(await ask('/v1/models/silent:predict', { instances: rows, explain: false })).toMatchObject({ status: 200 })
    const command = await place.run('explain', 'silent')
    expect(command).toMatchObject({ code: 2, stderr: expect.stringContaining('keeps nothing to explain') })
    const batch = await place.run('batch', 'score', 'silent', '--from', 'data/new.parquet', '--to', 'no/', '--explain')
    expect(batch.code).toBe(2)
    expect(batch.stderr).toContain('keeps nothing to explain')
    expect(await place.run('explain', 'nobody')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('there is no rollout and no model nobody'),
    })
  })
})
