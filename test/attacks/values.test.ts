import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Attacked, type AttackedProcess, openAttacked } from '../support/attacked.ts'
import { eventually } from '../support/gateways.ts'
import { loansSql } from '../support/project.ts'
import { documentsOf, historiesOf } from '../support/said-anywhere.ts'

/** Values of bad rows that nothing but data may hold. */
const planted = {
  text: 'ZANZIBAR-4711',
  number: '918273645',
  masked: '7340033',
  maskedText: 'MASKED-NAME-8812',
  record: 'RAGGED-5150',
  cast: 'CAST-6502',
  label: 'LABEL-6809',
  sent: 'SENT-8086',
  sentNumber: '846264338',
  thrown: 'THROWN-6800',
}
/** Values of good rows of a masked column, which people see nowhere either. */
const anyMasked = /annabell|boborick/
const anyPlanted = new RegExp(Object.values(planted).join('|'))

const schema = `import { z } from 'zod'
export const Loan = z.object({
  id: z.int(), day: z.date(), income: z.number().min(0).max(200000),
  age: z.int().min(18).max(100).meta({ masked: true }), name: z.string().regex(/^[a-z]+$/).meta({ masked: true }),
  purpose: z.enum(['car', 'home', 'travel', 'tools']), defaulted: z.int().min(0).max(1),
})
`
const head = `import { auc, binary, pipeline, psi, slice, trees } from 'slipway'
import { features } from '../loans/features.ts'
import { Loan } from '../loans/schema.ts'
import { bad } from '../loans/target.ts'
`
const model = `
  const parts = p.split(checked, { byHashOf: 'id', validation: 0.2, test: 0.3, seed: 3 })
  const model = p.train('risk', { on: parts, features, target: binary('defaulted', bad), learner: trees({ trees: 10, leaves: 7, minRowsPerLeaf: 10 }), seed: 1 })
  const candidate = p.package(model)
  p.gate(candidate, { on: parts.test, must: [auc.atLeast(0.6), slice('name', auc.atLeast(0.1))], champion: 'not compared' })`
const loans = `${head}
export default pipeline('loans', (p) => {
  const checked = p.validate(p.snapshot('loans', { from: 'data/loans.parquet', schema: Loan }), { maxBadRows: 0.01, unique: [['id']] })${model}
  const live = p.deploy(candidate, { endpoint: 'credit' })
  p.monitor(live, { every: '7d', drift: psi.over(0.2), minRows: 1, retrain: { window: '120d', cooldown: '1s' } })
})
`
/** Pipelines that end with each way a value can get into an error. */
const failing: Readonly<Record<string, string>> = {
  strict: `const checked = p.validate(p.snapshot('loans', { from: 'data/loans.parquet', schema: Loan }))${model}`,
  ragged: `const checked = p.validate(p.snapshot('ragged', { from: 'data/ragged.csv', schema: Loan }))${model}`,
  casting: `const raw = p.snapshot('notes', { from: 'data/notes.csv', schema: z.object({ id: z.int(), note: z.string() }) })
  const checked = p.table('numbers', { from: { raw }, schema: z.object({ id: z.int(), number: z.int() }), sql: 'SELECT id, note::BIGINT AS number FROM raw' })
  p.validate(checked)`,
  labelled: `const checked = p.validate(p.snapshot('loans', { from: 'data/good.parquet', schema: Loan }))${model.replace("binary('defaulted', bad)", "binary('defaulted', labelled)")}`,
  throwing: `const checked = p.validate(p.snapshot('loans', { from: 'data/good.parquet', schema: Loan }))${model.replace('on: parts, features,', 'on: parts, features: throwing,')}`,
}

let place: Attacked
const processes: AttackedProcess[] = []
/** What commands have written, by what they are. */
const commands = new Map<string, { readonly code: number; readonly stdout: string; readonly stderr: string }>()

async function command(name: string, ...args: string[]) {
  const result = await place.run(args)
  commands.set(name, result)
  return result
}

beforeAll(async () => {
  place = await openAttacked()
  const { project } = place
  project.write('pipelines/loans/schema.ts', schema)
  project.write(
    'pipelines/loans/features.ts',
    `export function features({ income, age, name }: { income: Float64Array; age: Float64Array; name: readonly string[] }) {
  return { income, age, name }
}
`,
  )
  project.write('pipelines/loans/pipeline.ts', loans)
  for (const [name, body] of Object.entries(failing))
    project.write(
      `pipelines/${name}/pipeline.ts`,
      `import { z } from 'zod'
${head}
export function labelled(defaulted: Float64Array) { return Array.from(defaulted, (_, i) => (i === 700 ? '${planted.label.slice(0, 5)}' + '${planted.label.slice(5)}' : 0)) as unknown as Float64Array }
export function throwing({ income, purpose }: { income: Float64Array; purpose: readonly string[] }) {
  if (income.length > 100) JSON.parse(purpose[0] + '${planted.thrown.slice(0, 7)}' + '${planted.thrown.slice(7)}')
  return { income }
}
export default pipeline('${name}', (p) => {
  ${body}
})
`,
    )
  const named = `SELECT *, ['annabell', 'boborick'][1 + id % 2] AS name FROM (${loansSql(2_000)})`
  const badly = (id: number, column: string, value: string) =>
    `CASE WHEN id = ${id} THEN ${value} ELSE ${column} END AS ${column}`
  await project.data('data/good.parquet', named)
  await project.data(
    'data/loans.parquet',
    `SELECT id, day, ${badly(1_501, 'income', planted.number)}, ${badly(1_502, 'age', planted.masked)},
       ${badly(1_503, 'name', `'${planted.maskedText}'`)}, ${badly(1_504, 'purpose', `'${planted.text}'`)}, defaulted FROM (${named})`,
  )
  await project.data('data/ragged.csv', `SELECT * FROM (${named})`)
  const ragged = join(project.root, 'data/ragged.csv')
  const lines = readFileSync(ragged, 'utf8').split('\n')
  writeFileSync(
    ragged,
    [...lines.slice(0, 1_200), `${lines[1_200]},${planted.record}`, ...lines.slice(1_201)].join('\n'),
  )
  const notes = Array.from({ length: 2_000 }, (_, i) => `${i},${i === 1_900 ? planted.cast : i}`)
  project.write('data/notes.csv', `id,note\n${notes.join('\n')}\n`)
  project.write('labels.csv', `requestId,label\nr1,1\nr2,${planted.label}\n`)

  processes.push(place.startWorker(), await place.startGateway({ SLIPWAY_CAPTURE_RATE: '1' }))
  const first = await command('run', 'run', 'loans', '--wait')
  // Without it there is nothing to attack, and no retraining to wait for.
  expect(first, first.stdout + first.stderr).toMatchObject({ code: 0 })
  for (const name of Object.keys(failing)) await command(name, 'run', name, '--wait')
  for (const [name, ...args] of [
    ['quarantining', '--max-bad-rows', '0.5'],
    ['too many', '--max-bad-rows', '0'],
    ['failing', '--on-bad-row', 'fail'],
  ])
    await command(
      `batch ${name}`,
      'batch',
      'score',
      'credit',
      '--from',
      'data/loans.parquet',
      '--to',
      `${name}/`,
      ...args,
    )
  await command(
    'batch ragged',
    'batch',
    'score',
    'credit',
    '--from',
    'data/ragged.csv',
    '--to',
    'r/',
    '--on-bad-row',
    'fail',
  )
  await command('labels', 'labels', 'import', 'labels.csv')
  await command('signal', 'signal', 'labels', 'loans')
  await eventually(async () =>
    /"retrainings": \[\s*\{/.test((await place.run(['retrain', 'status', 'loans', '--json'])).stdout),
  )
}, 600_000)
afterAll(() => place.close())

describe('a value of a bad row', () => {
  it('ends runs and batches as it ever did, and rows that may be set aside are', () => {
    const codes = Object.fromEntries([...commands].map(([name, { code }]) => [name, code]))
    const said = [...commands].map(([name, { code, stderr }]) => `${name} ${code}: ${stderr}`).join('\n')
    expect(codes, said).toEqual({
      run: 0,
      strict: 10,
      ragged: 10,
      casting: 10,
      labelled: 11,
      throwing: 11,
      'batch quarantining': 0,
      'batch too many': 18,
      'batch failing': 10,
      'batch ragged': 10,
      labels: 10,
      signal: 0,
    })
  })

  it('is answered to the client that sent it', async () => {
    const good = { id: 1, day: '2024-01-01', income: 3e4, age: 40, name: 'annabell', purpose: 'car' }
    const post = async (path: string, body: string) => {
      const answer = await fetch(`${place.gateway}${path}`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body,
      })
      return { status: answer.status, text: await answer.text() }
    }
    const predict = (row: object) => post('/v1/models/credit:predict', JSON.stringify({ instances: [row] }))
    expect((await predict(good)).status).toBe(200)
    for (const bad of [
      { ...good, income: Number(planted.sentNumber) },
      { ...good, age: planted.sent },
      { ...good, name: planted.sent },
    ])
      expect((await predict(bad)).status).toBe(400)
    expect((await post('/v1/models/credit:predict', `{"instances": [${planted.sent}]}`)).status).toBe(400)
    const feedback = await post('/feedback', JSON.stringify({ requestId: 'r', label: planted.sent }))
    expect(feedback).toMatchObject({ status: 400, text: expect.stringContaining(planted.sent) })
  })

  it('is in no history, memo or search attribute', async () => {
    const histories = await historiesOf(place.env.TEMPORAL_ADDRESS)
    expect(histories.size).toBeGreaterThan(8)
    expect([...histories].filter(([, text]) => anyPlanted.test(text)).map(([name]) => name)).toEqual([])
    // What is looked for would be found: rules, rows and columns are there.
    expect([...histories].filter(([, text]) => anyMasked.test(text)).map(([name]) => name)).toEqual([])
    const all = [...histories.values()].join('\n')
    expect(all).toMatch(/row 150\d breaks/)
    // In payloads, too.
    expect(all.includes('"step":"risk"')).toBe(true)
  })

  it('is in no document of the store but artifacts and quarantine', async () => {
    await eventually(async () => [...(await documentsOf(place.env)).keys()].some((key) => key.startsWith('windows/')))
    const documents = await documentsOf(place.env)
    expect([...documents].filter(([, text]) => anyPlanted.test(text)).map(([key]) => key)).toEqual([])
    expect([...documents].filter(([, text]) => anyMasked.test(text)).map(([key]) => key)).toEqual([])
  })

  it('is in no log of a worker or gateway', () => {
    for (const each of processes) expect(each.said()).not.toMatch(anyPlanted)
    const { root } = place.project
    const logs = readdirSync(root, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.log'))
    for (const file of logs) expect(readFileSync(join(root, file), 'utf8'), file).not.toMatch(anyPlanted)
  })

  it('is shown by the command line, but for masked columns', async () => {
    const { stdout: strict = '', stderr = '' } = commands.get('strict') ?? {}
    expect(strict + stderr).toMatch(/row 1502 breaks/)
    // Read from the quarantine.
    expect(strict).toContain(`value: ${planted.number}`)
    expect(strict + stderr).not.toMatch(new RegExp(`${planted.masked}|${planted.maskedText}`))
    const run = /run {3}(strict-\S+)/.exec(strict)?.[1] as string
    const { stdout } = await place.run(['show', run])
    const quarantine = /bad rows: slipway show (\w+)/.exec(stdout)?.[1] as string
    const rows = await place.run(['show', quarantine])
    expect(rows.stdout).toContain(planted.text)
    expect(rows.stdout).toMatch(/masked:[0-9a-f]{16}/)
    expect(rows.stdout).not.toMatch(new RegExp(`${planted.masked}|${planted.maskedText}`))
    expect(commands.get('labels')?.stderr).toContain(planted.label)
  })
})
