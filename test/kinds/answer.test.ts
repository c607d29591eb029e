import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { query } from '../support/batch-place.ts'
import { eventually } from '../support/gateways.ts'
import { openPlace, type Place } from '../support/place.ts'
import { loansSql, writeLoans } from '../support/project.ts'

/*
 * A function of the pipeline's own makes an answer of scores and rows: packaged, proven, served, scored in batches and
 * watched as feature functions are.
 */
let place: Place
const answerFile = 'pipelines/loans/answer.ts'

/** Truth values: refused where default is likely, or the income is small. */
const refused = (limit = 0.6): string => `export function refused(
  { probability }: { probability: Float32Array },
  { income }: { income: Float64Array },
): boolean[] {
  return Array.from(probability, (p, i) => p > ${limit} || income[i]! < 22000)
}
`

function write(answer = refused(), { named = 'refused', more = '', options = '' } = {}): void {
  place.project.write(answerFile, answer)
  writeLoans(place.project, {
    body: `import { auc, binary, latency, pipeline, psi, trees } from 'slipway'
import { ${named} } from './answer.ts'
import { features } from './features.ts'
import { Loan } from './schema.ts'

export default pipeline('loans', (p) => {
  const loans = p.snapshot('loans', { from: 'data/loans.parquet', schema: Loan })
  const parts = p.split(loans, { byHashOf: 'id', validation: 0.2, test: 0.3, seed: 3 })
  const on = { on: parts, features, target: binary('defaulted'), learner: trees({ trees: 20, leaves: 7, minRowsPerLeaf: 10 }), seed: 1 }
  const candidate = p.package(p.train('risk', on), { answer: ${named}${options} })
  p.gate(candidate, { on: parts.test, must: [auc.atLeast(0.5), latency.p99.atMost(1000)], champion: 'not compared' })
  ${more}
})
`,
  })
}

const deployed = `const live = p.deploy(candidate, { endpoint: 'loans', allAtOnce: true })
  p.monitor(live, { every: '7d', drift: psi.over(0.2), minRows: 1 })`

beforeAll(async () => {
  place = await openPlace({ SLIPWAY_CAPTURE_RATE: '1' })
  await place.project.data('data/loans.parquet', loansSql())
  // The poor: the function refuses all of them.
  await place.project.data(
    'data/poor.parquet',
    `SELECT * REPLACE (20000 + id % 1000 AS income) FROM (${loansSql(800)})`,
  )
})
afterAll(() => place?.close())

const slipway = (...args: string[]): Promise<string> => place.succeeds(...args)
const run = async () => JSON.parse(await slipway('run', 'loans', '--wait', '--json'))
const ask = async (path: string, body: unknown, headers: Record<string, string> = {}) =>
  fetch(`${place.gateway}${path}`, { method: 'POST', body: JSON.stringify(body), headers })

const rowOf = (id: number, income: number) => ({ id, day: '2024-01-01T00:00:00Z', income, age: 40, purpose: 'car' })
type Scored = Readonly<{ income: bigint; prediction: number; answer: boolean }>

describe('a model that a function answers for', () => {
  it('is packaged with it, and says how often it answers what', async () => {
    write(refused(), { more: deployed })
    const first = await run()
    expect(first).toMatchObject({ status: 'succeeded', model: { name: 'loans', version: 1, champion: true } })
    expect(await slipway('show', first.runId)).toMatch(
      /package .*; refused answers (true|false) \d+ %, (true|false) \d+ %/,
    )
    const card = await slipway('show', 'loans')
    expect(card).toMatch(/`refused` `[0-9a-f]{12}` makes the answer/)
  })

  it('trains nothing anew where the function is edited, and is another package', async () => {
    write(refused(0.5), { more: deployed })
    const second = await run()
    expect(second.model.version).toBe(2)
    const ran = second.steps
      .filter(({ cached }: { cached: boolean }) => !cached)
      .map(({ name }: { name: string }) => name)
    expect(ran).not.toContain('risk')
    expect(ran).toContain('package')
  })

  let scored: Scored[]
  it('has its answers beside the predictions in batches', async () => {
    await slipway('batch', 'score', 'loans', '--from', 'data/loans.parquet', '--to', 'scored/')
    await slipway('verify', 'scored/')
    scored = (await query(
      `SELECT income, prediction, answer FROM '${place.project.root}/scored/*.parquet' ORDER BY id`,
    )) as never
    expect(scored).toHaveLength(4_000)
    for (const { income, prediction, answer } of scored)
      expect(answer).toBe(prediction > 0.5 || Number(income) < 22_000)
    expect(scored.some(({ answer }) => answer)).toBe(true)
    expect(scored.some(({ answer }) => !answer)).toBe(true)
  })

  it('answers the same at its endpoint, by every protocol', async () => {
    await eventually(
      async () => (await fetch(`${place.gateway}/v2/models/loans/ready`).catch(() => undefined))?.ok === true,
    )
    const rows = [rowOf(1, 21_000), rowOf(2, 70_000)]
    const columns = Object.fromEntries(
      Object.keys(rows[0] as object).map((name) => [name, rows.map((row) => row[name as 'id'])]),
    )
    const instances = (await (await ask('/v1/models/loans:predict', { instances: rows })).json()) as {
      predictions: { probability: number; answer: boolean }[]
    }
    const { predictions } = instances
    const [poor, rich] = predictions.map(({ probability }) => probability) as [number, number]
    expect(predictions).toEqual([
      { probability: poor, answer: true },
      { probability: rich, answer: rich > 0.5 },
    ])
    expect(await (await ask('/v1/models/loans:predict', { inputs: columns })).json()).toEqual({
      outputs: { probability: [poor, rich], answer: [true, rich > 0.5] },
    })
    const jsonType = { 'content-type': 'application/json' }
    expect(await (await ask('/invocations', rows, jsonType)).json()).toEqual({ predictions })
    const csv = await ask('/invocations', rows, { ...jsonType, accept: 'text/csv' })
    expect(await csv.text()).toBe(`${poor},true\n${rich},${rich > 0.5}\n`)
    const lines = await ask('/endpoints/loans/invocations', rows, { ...jsonType, accept: 'application/jsonlines' })
    expect(
      (await lines.text())
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line)),
    ).toEqual(predictions)

    const types = { id: 'INT64', day: 'BYTES', income: 'FP64', age: 'INT64', purpose: 'BYTES' }
    const inputs = Object.entries(types).map(([name, datatype]) => ({
      name,
      datatype,
      shape: [2],
      data: columns[name],
    }))
    const inferred = (await (await ask('/v2/models/loans/infer', { inputs })).json()) as { outputs: unknown[] }
    expect(inferred.outputs).toEqual([
      { name: 'probability', datatype: 'FP32', shape: [2], data: [poor, rich] },
      { name: 'answer', datatype: 'BOOL', shape: [2], data: [true, rich > 0.5] },
    ])
    const wanted = { inputs, outputs: [{ name: 'answer', parameters: { binary_data: true } }] }
    const binary = await ask('/v2/models/loans/infer', wanted)
    const length = Number(binary.headers.get('inference-header-content-length'))
    const body = Buffer.from(await binary.arrayBuffer())
    expect([...body.subarray(length)]).toEqual([1, rich > 0.5 ? 1 : 0])
  })

  it('takes no features in the place of rows, and says so', async () => {
    const inputs = [
      { name: 'income', datatype: 'FP64', shape: [1], data: [1] },
      { name: 'age', datatype: 'FP64', shape: [1], data: [40] },
      { name: 'ratio', datatype: 'FP32', shape: [1], data: [1] },
      { name: 'purpose', datatype: 'BYTES', shape: [1], data: ['car'] },
    ]
    const answer = await ask('/v2/models/loans/infer', { inputs })
    expect(answer.status).toBe(400)
    expect(await answer.text()).toContain('answers by a function of rows')
  })

  it('says in its OpenAPI document and its metadata what it answers', async () => {
    // biome-ignore lint/suspicious/noExplicitAny: whatever the document holds
    const { paths } = (await (await fetch(`${place.gateway}/openapi.json`)).json()) as any
    const answer = paths['/v1/models/loans:predict'].post.responses['200'].content['application/json'].schema
    expect(answer.properties.predictions.items.properties.answer).toEqual({ type: 'boolean' })
    const metadata = (await (await fetch(`${place.gateway}/v2/models/loans`)).json()) as { outputs: unknown[] }
    expect(metadata.outputs).toContainEqual({ name: 'answer', datatype: 'BOOL', shape: [-1] })
  })

  it('is watched by what it answers: a check sees answers move', async () => {
    const { code, stdout } = await place.run('drift', 'check', 'loans', '--from', 'data/poor.parquet', '--json')
    expect(code).toBe(17)
    const report = JSON.parse(stdout) as { columns: { column: string; psi: number }[] }
    expect(JSON.stringify(report)).toContain('answer:')
    const told = (await place.run('drift', 'check', 'loans', '--from', 'data/poor.parquet')).stdout
    expect(told).toMatch(/answers/)
  })

  it('is rebuilt from the store alone, its function too', async () => {
    expect(await slipway('verify', 'loans')).toContain('identical')
  })

  it('is evaluated by its answers: what came of rows that were answered so', async () => {
    const told = await slipway('show', 'loans')
    expect(told).toMatch(/answer +rows +positive\n.*(true|false) +[\d,]+ +0\.\d+/)
    expect(told).toMatch(/answers agree with what came in \d+(\.\d)? % of rows/)
    await slipway('open', 'loans', '--html', `${place.project.root}/page.html`)
    const page = readFileSync(`${place.project.root}/page.html`, 'utf8')
    expect(page).toContain('<h2>What it answers</h2>')
    expect(page).toMatch(/answers by<\/th><td>refused /)
  })
})

describe('a function that does not answer', () => {
  const body = (text: string): string =>
    `export function refused({ probability }: { probability: Float32Array }): any {\n  ${text}\n}\n`

  it.each([
    [
      'throws on some row',
      'return Array.from(probability, (p) => { if (p > 0.5) throw new RangeError("no rule"); return true })',
      'no rule',
    ],
    ['answers too few rows', 'return [...probability].slice(1)', /returns \d+ answers for \d+ rows/],
    ['answers NaN', 'return probability.map((p) => Math.log(p - 0.4))', /answers NaN for row \d+/],
    ['answers nothing', 'return Array.from(probability, (p) => (p > 0.5 ? null : "fine"))', /answers null for row \d+/],
    [
      'answers now texts, now numbers',
      'return Array.from(probability, (p) => (p > 0.4 ? 1 : "fine"))',
      /answers .* for row \d+/,
    ],
    [
      'looks at other rows',
      'return Array.from(probability, (p) => p > probability.reduce((a, b) => a + b, 0) / probability.length)',
      /among \d+ rows and/,
    ],
  ])('as it %s, ends the run with its place', async (_, text, words) => {
    write(body(text))
    const { code, stdout, stderr } = await place.run('run', 'loans', '--wait')
    expect(code, stdout + stderr).toBe(11)
    expect(stdout + stderr).toMatch(words)
    expect(stdout + stderr).toContain(`${answerFile}:`)
    expect(stdout + stderr).not.toMatch(/\n\s+at /)
  })

  it('as it asks the clock, is refused before anything runs', async () => {
    write(body('return Array.from(probability, () => Date.now())'))
    const { code, stderr } = await place.run('plan', 'loans')
    expect(code).toBe(2)
    expect(stderr).toContain('CODE_IMPURE')
  })

  it('as it throws for some rows only when it serves, gets an error that says so, and others their answers', async () => {
    const odd = `export function refused({ probability }: { probability: Float32Array }, { age }: { age: Float64Array }) {
  return Array.from(probability, (p, i) => {
    if (age[i] === 100) throw new RangeError('nobody is 100')
    return p > 0.5 ? 'refused' : 'granted'
  })
}
`
    write(odd, { more: deployed, options: ', inputVersion: 2' })
    await run()
    await eventually(async () => {
      const { predictions } = (await (
        await ask('/v1/models/loans:predict', { instances: [rowOf(1, 50_000)] })
      ).json()) as {
        predictions?: { answer: unknown }[]
      }
      return typeof predictions?.[0]?.answer === 'string'
    })
    const failed = await ask('/v1/models/loans:predict', { instances: [{ ...rowOf(1, 50_000), age: 100 }] })
    expect(failed.status).toBe(422)
    expect(await failed.text()).toContain('nobody is 100')
    await place.project.data('data/old.parquet', `SELECT * REPLACE (100 AS age) FROM (${loansSql(50)})`)
    const batch = await place.run('batch', 'score', 'loans', '--from', 'data/old.parquet', '--to', 'old/')
    expect(batch.code).toBe(11)
    expect(batch.stdout + batch.stderr).toContain('nobody is 100')
  })
})
