import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { InferenceSession, Tensor } from 'onnxruntime-node'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { digestOf } from '../../lib/store/digest.ts'
import { readRoute } from '../../lib/store/routes.ts'
import { query } from '../support/batch-place.ts'
import { expectUserError } from '../support/cli.ts'
import { loanModel } from '../support/finished-models.ts'
import { eventually } from '../support/gateways.ts'
import { openPlace, type Place } from '../support/place.ts'
import { loansSql, writeLoans } from '../support/project.ts'

/*
 * A finished ONNX model goes the way that trained ones go: baseline, package, gates, endpoint, batch.
 */
let place: Place
const bytes = loanModel()

beforeAll(async () => {
  place = await openPlace()
  const { project } = place
  writeLoans(project)
  await project.data('data/loans.parquet', loansSql())
  await project.data('data/new.parquet', loansSql(500))
  writeFileSync(join(project.root, 'loans.onnx'), bytes)
  project.write(
    'pipelines/given/features.ts',
    `export function columns({ income, age, purpose }: { income: Float64Array; age: Float64Array; purpose: readonly string[] }) {
  return { income, age, purpose }
}
`,
  )
  project.write(
    'pipelines/given/pipeline.ts',
    `import { auc, binary, onnx, pipeline, psi } from 'slipway'
import { bad } from '../loans/target.ts'
import { Loan } from '../loans/schema.ts'
import { columns } from './features.ts'
export default pipeline('given', (p) => {
  const loans = p.snapshot('loans', { from: 'data/loans.parquet', schema: Loan })
  const parts = p.split(loans, { byHashOf: 'id', validation: 0.2, test: 0.3, seed: 3 })
  const model = p.train('risk', {
    on: parts, features: columns, target: binary('defaulted', bad), learner: onnx('loans.onnx', { inputs: { years: 'age' } }), seed: 1,
  })
  const candidate = p.package(model)
  p.gate(candidate, { on: parts.test, must: [auc.atLeast(0.6), auc.notWorseThan('champion', { by: 0.05 })] })
  const live = p.deploy(candidate, { endpoint: 'given', allAtOnce: true })
  p.monitor(live, { every: '7d', drift: psi.over(0.2), minRows: 1 })
})
`,
  )
})
afterAll(() => place?.close())

const slipway = (...args: string[]): Promise<string> => place.succeeds(...args)
const run = async (...args: string[]) => JSON.parse(await slipway('run', ...args, '--wait', '--json'))

type Loan = Readonly<{ id: bigint; income: bigint; age: bigint; purpose: string; prediction: number }>

/** What ONNX Runtime says of rows with the file as it was given. */
async function asGiven(rows: readonly Loan[]): Promise<number[]> {
  const session = await InferenceSession.create(bytes, { intraOpNumThreads: 1 })
  const shape = [rows.length, 1]
  const { probabilities } = await session.run({
    income: new Tensor(
      'float32',
      Float32Array.from(rows, ({ income }) => Number(income)),
      shape,
    ),
    years: new Tensor(
      'int64',
      BigInt64Array.from(rows, ({ age }) => BigInt(age)),
      shape,
    ),
    purpose: new Tensor(
      'string',
      rows.map(({ purpose }) => purpose),
      shape,
    ),
  })
  await session.release()
  return rows.map((_, row) => ((probabilities as Tensor).data as Float32Array)[2 * row + 1] as number)
}

describe('a finished model in a pipeline', () => {
  let scored: Loan[]

  it('is taken as it is, packaged, gated and deployed', async () => {
    const first = await run('given')
    expect(first).toMatchObject({ status: 'succeeded', model: { name: 'given', version: 1, champion: true } })
    expect(await slipway('show', first.runId)).toMatch(
      /risk .* a finished model on 2,\d\d\d rows; validation auc 0\.\d+/,
    )
  })

  it('says on its card which file it is, and what its answers depend on', async () => {
    const card = await slipway('show', 'given')
    expect(card).toContain('Binary classifier for `defaulted`, a finished model, ONNX.')
    expect(card).toContain(`the ONNX file \`${digestOf(bytes).slice(7, 19)}\`, taken as it is`)
    expect(card).toMatch(/^\| income \| number \| [6-9]\d\.\d % \|$/m)
    expect(card).toContain('Which rows it was trained on is not known here.')
  })

  it('answers in a batch what ONNX Runtime answers with the file as it was given', async () => {
    await slipway('batch', 'score', 'given', '--from', 'data/new.parquet', '--to', 'scored/')
    await slipway('verify', 'scored/')
    scored = (await query(`SELECT * FROM '${place.project.root}/scored/*.parquet' ORDER BY id`)) as never
    expect(scored).toHaveLength(500)
    expect(new Set(scored.map(({ prediction }) => prediction)).size).toBeGreaterThan(100)
    expect(scored.map(({ prediction }) => prediction)).toEqual(await asGiven(scored))
  })

  it('answers the same at its endpoint', async () => {
    const some = scored.slice(0, 20)
    const plain = (_: string, value: unknown) => (typeof value === 'bigint' ? Number(value) : value)
    place.project.write(
      'rows.json',
      JSON.stringify(
        some.map(({ prediction: _, ...row }) => row),
        plain,
      ),
    )
    await eventually(
      async () => (await fetch(`${place.gateway}/v2/models/given/ready`).catch(() => undefined))?.ok === true,
    )
    const { predictions } = JSON.parse(await slipway('predict', 'given', '--data', 'rows.json', '--json'))
    expect(predictions).toEqual(some.map(({ prediction }) => prediction))
  })

  it('refuses to score what is no whole number where the model takes whole numbers', async () => {
    const row = { id: 1, day: '2024-01-01T00:00:00Z', income: 30_000, age: 30, purpose: 'car' }
    const body = (age: number) => ({
      inputs: [
        ['income', 'FP32', 30_000],
        ['age', 'FP64', age],
        ['purpose', 'BYTES', 'car'],
      ].map(([name, datatype, value]) => ({ name, datatype, shape: [1, 1], data: [value] })),
    })
    const ask = (age: number) =>
      fetch(`${place.gateway}/v2/models/given/infer`, { method: 'POST', body: JSON.stringify(body(age)) })
    expect((await ask(row.age)).status).toBe(200)
    const refused = await ask(30.5)
    expect(refused.ok).toBe(false)
    expect(await refused.json()).toEqual({ error: 'feature "age" is not whole, and the model takes whole numbers' })
  })

  it('is watched against the rows of its snapshot', async () => {
    const report = JSON.parse(await slipway('drift', 'check', 'given', '--from', 'data/new.parquet', '--json'))
    expect(JSON.stringify(report)).toContain('"income"')
  })

  it('is known by its bytes: the same file elsewhere is the same model, another one is not', async () => {
    const definition = 'pipelines/given/pipeline.ts'
    const text = readFileSync(join(place.project.root, definition), 'utf8')
    writeFileSync(join(place.project.root, 'moved.onnx'), bytes)
    place.project.write(definition, text.replace('loans.onnx', 'moved.onnx'))
    const ran = async () =>
      (await run('given')).steps.flatMap(({ name, cached }: { name: string; cached: boolean }) => (cached ? [] : name))
    expect(await ran()).not.toContain('risk')
    writeFileSync(join(place.project.root, 'moved.onnx'), loanModelNamed('another'))
    expect(await ran()).toContain('risk')
  })
})

describe('the rollout of a finished model', () => {
  const definition = 'pipelines/given/pipeline.ts'
  const canary = 'canary: { steps: [50], minSamples: 20, watch: [errors.notWorseBy(0.05)] }'

  /**
   * Brings a model of that name to the endpoint by steps, while somebody asks it.
   * @returns the exit code and the record
   */
  async function rolledOut(name: string, headers: Record<string, string> = {}) {
    writeFileSync(join(place.project.root, 'moved.onnx'), loanModelNamed(name))
    let isOver = false
    const asking = (async () => {
      for (let i = 0; !isOver; i++) {
        const loan = { id: i, day: 0, income: 20_000 + ((i * 7_919) % 60_000), age: 40, purpose: 'car' }
        const body = JSON.stringify({ instances: [loan] })
        await fetch(`${place.gateway}/v1/models/given:predict`, { method: 'POST', headers, body }).catch(() => {})
      }
    })()
    const { code, stdout, stderr } = await place.run('run', 'given', '--wait', '--json').finally(() => {
      isOver = true
    })
    await asking
    expect(stdout, stderr).not.toBe('')
    return { code, record: JSON.parse(stdout) }
  }

  it('goes by steps: one that answers takes over, one that fails is thrown out', async () => {
    const text = readFileSync(join(place.project.root, definition), 'utf8')
    const byCanary = text.replace('allAtOnce: true', canary).replace('{ auc,', '{ auc, errors,')
    place.project.write(definition, byCanary)
    const sound = await rolledOut('sound')
    expect(sound).toMatchObject({ code: 0, record: { model: { champion: true } } })
    const { version } = sound.record.model
    const failing = await rolledOut('failing', { 'x-slipway-fault': 'candidate' })
    expect(failing).toMatchObject({ code: 14, record: { model: { version: version + 1, champion: false } } })
    expect((await readRoute(place.store.store, 'given'))?.champion.version).toBe(version)
    place.project.write(definition, text)
  })
})

describe('slipway register', () => {
  let snapshot: string
  const register = (...args: string[]) =>
    place.run('register', 'loans.onnx', '--on', snapshot, '--target', 'defaulted', '--task', 'binary', ...args)

  it('makes a version of a finished model on the rows of a snapshot, and serves it', async () => {
    const { steps } = await run('given')
    snapshot = steps[0].outputs.find(({ name }: { name: string }) => name === 'table').digest.slice(7, 19)
    const { code, stdout, stderr } = await register('--feed', 'years=age', '--endpoint', 'taken', '--wait', '--json')
    expect(code, stderr).toBe(0)
    const record = JSON.parse(stdout)
    expect(record).toMatchObject({ status: 'succeeded', model: { name: 'loans', version: 1, champion: true } })
    expect(await slipway('show', 'loans')).toMatch(/^\| rows of the baseline \| 2,?\d\d\d \|$/m)
    expect(await slipway('lineage', 'loans')).toContain(snapshot)
  })

  it('serves what the pipeline of the same model serves, of the columns that it takes', async () => {
    await eventually(
      async () => (await fetch(`${place.gateway}/v2/models/taken/ready`).catch(() => undefined))?.ok === true,
    )
    const rows = [
      { income: 30_000, age: 30, purpose: 'car' },
      { income: 60_000, age: 55, purpose: 'travel' },
    ]
    place.project.write('few.json', JSON.stringify(rows))
    const { predictions } = JSON.parse(await slipway('predict', 'taken', '--data', 'few.json', '--json'))
    const loans = rows.map(({ income, age, purpose }) => ({ income: BigInt(income), age: BigInt(age), purpose }))
    expect(predictions).toEqual(await asGiven(loans as never))
  })

  it.each([
    ['a column that does not feed', [], 'MODEL_INVALID', /loans\.onnx: no feature feeds its input "years"/, 2],
    ['another task', ['--feed', 'years=age', '--class', '7'], 'MODEL_INVALID', /has no column "7"/, 2],
    ['no such output', ['--feed', 'years=age', '--output', 'p'], 'MODEL_INVALID', /its outputs are label, prob/, 2],
    ['a snapshot that is not there', ['--on', 'abcdef012345'], 'NOT_FOUND', /there is no such snapshot/, 2],
    ['a target that is not there', ['--target', 'late'], 'COLUMN_MISSING', /it has id, day, income/, 10],
  ] as [string, string[], string, RegExp, number][])(
    'refuses %s, and starts nothing',
    async (_, args, code, said, exit) => {
      const before = await slipway('runs', '--json')
      expect(expectUserError(await register(...args, '--name', 'another'), exit, code)).toMatch(said)
      expect(await slipway('runs', '--json')).toBe(before)
    },
  )
})

describe('a finished model that cannot be served', () => {
  it.each([
    ['whose input no feature feeds', "{ inputs: { years: 'agee' } }", /"agee", .*did you mean "age"\?/s],
    ['of an input that it has not', "{ inputs: { year: 'age' } }", /it has no input "year"\n.*did you mean "years"\?/],
  ])('%s is refused when it is planned, with the name of its file', async (_, options, said) => {
    const definition = 'pipelines/given/pipeline.ts'
    const text = readFileSync(join(place.project.root, definition), 'utf8')
    place.project.write(definition, text.replace(/\{ inputs: .*? \} \}/, options))
    for (const command of ['plan', 'run']) {
      const told = expectUserError(await place.run(command, 'given'), 2, 'MODEL_INVALID')
      expect(told).toMatch(/(moved|loans)\.onnx: /)
      expect(told.replaceAll(/\s+next: /g, '\n')).toMatch(said)
    }
    place.project.write(definition, text)
  })
})

/** The model with another name of its graph. */
function loanModelNamed(name: string): Uint8Array {
  const text = Buffer.from(bytes).toString('latin1').replace('elsewhere', name.padEnd('elsewhere'.length))
  return Buffer.from(text, 'latin1')
}
