import { cpSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DeleteObjectCommand } from '@aws-sdk/client-s3'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { packageRoot } from '../../lib/code/host.ts'
import type { RunRecord } from '../../lib/formats/records.ts'
import { blobKey } from '../../lib/store/objects.ts'
import { elsewhere, forgetSteps } from '../support/elsewhere.ts'
import { loanModel } from '../support/finished-models.ts'
import { openPlace, type Place } from '../support/place.ts'
import { linearProgram } from '../support/programs.ts'
import { loansSql, writeLoans } from '../support/project.ts'

/*
 * Every example, and every kind of step and of learner, is made again elsewhere to the same bytes: on one core, in
 * another time zone and language, without a record of a step, and without the definitions and the sources.
 */
let place: Place
beforeAll(async () => {
  place = await openPlace()
  writeLoans(place.project)
  await place.project.data('data/loans.parquet', loansSql())
})
afterAll(() => place?.close())

const run = async (...args: string[]): Promise<void> => {
  const { code, stderr, stdout } = await place.run('run', ...args, '--wait')
  expect(code, stderr + stdout).toBe(0)
}
/** What each version of these models came to: `weather@1 identical`. */
async function verdicts(models: readonly string[]): Promise<string[]> {
  await forgetSteps(place)
  const { code, stdout, stderr } = await elsewhere(place, 'verify', '--all')
  expect(code, stdout + stderr).toBe(0)
  const said = stdout.split('\n').flatMap((line) => /^(\S+ \w+) sha256:/.exec(line)?.[1] ?? [])
  return said.filter((line) => models.includes(line.split('@')[0] as string))
}

describe('a version', () => {
  /** Writes a pipeline on the loans, whose model learns from `rows`. */
  const write = (
    name: string,
    { rows = 'loans', learner = 'linear()', before = '', gate = 'auc.atLeast(0.5)' } = {},
  ): void =>
    place.project.write(
      `pipelines/${name}/pipeline.ts`,
      `import { auc, binary, linear, onnx, pipeline, program } from 'slipway'
import { features } from '../loans/features.ts'
import { Loan } from '../loans/schema.ts'
import { counted, Known, Purpose, sums, younger } from '../loans/more.ts'
export default pipeline('${name}', (p) => {
  const loans = p.snapshot('loans', { from: 'data/loans.parquet', schema: Loan })
  ${before}
  const parts = p.split(${rows}, { byHashOf: 'id', validation: 0.2, test: 0.3, seed: 3 })
  const train = { features, target: binary('defaulted'), learner: ${learner}, seed: 1 } as const
  const candidate = p.package(p.train('risk', { on: parts, ...train }))
  p.gate(candidate, { on: parts.test, must: [${gate}], champion: 'not compared' })
})
`,
    )

  beforeAll(() => {
    place.project.write(
      'pipelines/loans/more.ts',
      `import type { ColumnsOf } from 'slipway'
import { z } from 'zod'
import { Loan } from './schema.ts'
type Loans = ColumnsOf<z.infer<typeof Loan>>
export const Purpose = z.object({ purpose: z.string(), as_of: z.date(), known_at: z.date(), before: z.int() })
export const Known = Loan.extend({ before: z.int().nullable() })
export const counted = { sql: \`SELECT purpose, day AS as_of, day AS known_at,
  (row_number() OVER (PARTITION BY purpose ORDER BY day, id))::INTEGER AS before FROM loans\`, schema: Purpose, key: 'purpose', known: 'known_at' } as const
export const numbers = ({ income, age }: Pick<Loans, 'income' | 'age'>) => ({ income, age })
export const younger = ({ loans }: { loans: Loans }) => ({ ...loans, age: loans.age.map((age) => age - 1) })
export const sums = ({ rows }: { rows: Loans }) => ({ outputs: { rows, page: String(rows.income.length) }, facts: {} })
`,
    )
  })

  it('may rest on views, joins, tables by SQL and functions, steps of its own, backtests, programs, finished models', async () => {
    write('views', {
      rows: 'known',
      before: `const past = p.feature('purposes', { ...counted, from: { loans } })
  const joined = p.join(loans, past, { on: ['purpose'], asOf: { at: 'day', event: 'as_of', known: 'known_at' } })
  const known = p.table('known', { from: { joined }, sql: 'SELECT id, day, income, age, purpose, defaulted, before FROM joined', schema: Known })`,
    })
    write('steps', {
      rows: 'own.rows',
      before: `const rows = p.table('younger', { from: { loans }, run: younger, schema: Loan })
  const own = p.step('sums', { inputs: { rows }, outputs: { rows: Loan, page: 'text/plain' }, run: sums })`,
    })
    place.project.write(
      'pipelines/past/pipeline.ts',
      `import { auc, binary, linear, pipeline } from 'slipway'
import { features } from '../loans/features.ts'
import { Loan } from '../loans/schema.ts'
export default pipeline('past', (p) => {
  const loans = p.snapshot('loans', { from: 'data/loans.parquet', schema: Loan })
  const train = { features, target: binary('defaulted'), learner: linear(), seed: 1 } as const
  const past = p.backtest('days', loans, { by: 'day', cutoffs: ['2024-05-01', '2024-06-01'], test: '10d', validation: '10d', train })
  const parts = p.split(loans, { by: 'day', test: '10d', validation: '10d' })
  const candidate = p.package(p.train('risk', { on: parts, ...train }))
  p.gate(candidate, { on: parts.test, must: [past.worst(auc).atLeast(0.5)], champion: 'not compared' })
})
`,
    )
    place.project.write('trainer/train.mjs', await linearProgram())
    write('programs', { learner: "program({ command: ['node', 'train.mjs'], folder: './trainer' })" })
    place.project.write(
      'pipelines/classes/pipeline.ts',
      `import { logLoss, multiclass, pipeline, trees } from 'slipway'
import { Loan } from '../loans/schema.ts'
import { numbers } from '../loans/more.ts'
export default pipeline('classes', (p) => {
  const parts = p.split(p.snapshot('loans', { from: 'data/loans.parquet', schema: Loan }), { byHashOf: 'id', validation: 0.2, test: 0.3 })
  const candidate = p.package(p.train('purposes', { on: parts, features: numbers, target: multiclass('purpose'), learner: trees({ trees: 5 }), seed: 1 }))
  p.gate(candidate, { on: parts.test, must: [logLoss.atMost(5)], champion: 'not compared' })
})
`,
    )
    writeFileSync(join(place.project.root, 'loans.onnx'), loanModel())
    for (const name of ['views', 'steps', 'past', 'classes', 'programs']) await run(name)
    const { stdout } = await place.run('runs', 'programs', '--json')
    const [{ steps }] = JSON.parse(stdout)
    const snapshot = steps[0].outputs[0].digest.slice(7)
    const registered = await place.run(
      ...[
        'register',
        'loans.onnx',
        '--on',
        snapshot,
        '--target',
        'defaulted',
        '--task',
        'binary',
        '--feed',
        'years=age',
      ],
      '--wait',
    )
    expect(registered.code, registered.stderr).toBe(0)
    const names = ['classes', 'loans', 'past', 'programs', 'steps', 'views']
    expect(await verdicts(names)).toEqual(names.map((name) => `${name}@1 identical`))
  })

  it('needs nothing that its steps made: all that is gone from the store, but what the gates found', async () => {
    const [record] = JSON.parse((await place.run('runs', 'views', '--json')).stdout)
    const { client, bucket } = place.store.store
    const { steps } = JSON.parse((await place.run('show', record.runId, '--json')).stdout) as RunRecord
    const made = steps.filter(({ name }) => !['loans', 'gate'].includes(name)).flatMap(({ outputs }) => outputs)
    for (const { digest } of made) await client.send(new DeleteObjectCommand({ Bucket: bucket, Key: blobKey(digest) }))
    await forgetSteps(place)
    const { code, stdout, stderr } = await elsewhere(place, 'verify', 'views')
    expect([code, stdout], stderr).toEqual([0, `identical ${record.model.digest}\n`])
    expect(made.length).toBeGreaterThan(10)
  })
})

describe('verify --all', () => {
  // Last, since the largest of them is verified by every --all that follows.
  it('says identical of the examples', async () => {
    const data = 'node_modules/vega-datasets/data'
    const files = ['seattle-weather.csv', 'stocks.csv', 'sp500.csv', 'flights-3m.parquet'].map(
      (file) => `${data}/${file}`,
    )
    for (const path of ['pipelines/flights', 'pipelines/stocks', 'pipelines/weather', ...files])
      cpSync(join(packageRoot, path), join(place.project.root, path), { recursive: true })
    await run('weather')
    await run('stocks')
    // Few trees: how many there are changes nothing of what is said here.
    await run('flights', '--as-of', '2001-04-01', '--set', 'trees=40')
    const examples = ['flights', ...['aapl', 'amzn', 'goog', 'ibm', 'msft'].map((name) => `stocks-${name}`), 'weather']
    expect(await verdicts(examples)).toEqual(examples.map((name) => `${name}@1 identical`))
  })
})
