import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { query } from '../support/batch-place.ts'
import { eventually } from '../support/gateways.ts'
import { openPlace, type Place } from '../support/place.ts'
import { loansSql, writeLoans } from '../support/project.ts'

/*
 * A pipeline whose learner is linear goes the way that trees go: package, gates, endpoint, batch. And trees are told
 * beside it.
 */
let place: Place

beforeAll(async () => {
  place = await openPlace()
  const { project } = place
  writeLoans(project)
  await project.data('data/loans.parquet', loansSql())
  await project.data('data/new.parquet', loansSql(500))
  project.write(
    'pipelines/simple/pipeline.ts',
    `import { auc, binary, linear, pipeline, psi } from 'slipway'
import { features } from '../loans/features.ts'
import { Loan } from '../loans/schema.ts'
import { bad } from '../loans/target.ts'
export default pipeline('simple', (p) => {
  const loans = p.snapshot('loans', { from: 'data/loans.parquet', schema: Loan })
  const parts = p.split(loans, { byHashOf: 'id', validation: 0.2, test: 0.3, seed: 3 })
  const model = p.train('risk', { on: parts, features, target: binary('defaulted', bad), learner: linear(), seed: 1 })
  const candidate = p.package(model)
  p.gate(candidate, { on: parts.test, must: [auc.atLeast(0.6), auc.notWorseThan('champion', { by: 0.05 })] })
  const live = p.deploy(candidate, { endpoint: 'simple', allAtOnce: true })
  p.monitor(live, { every: '7d', drift: psi.over(0.2), minRows: 1 })
})
`,
  )
})
afterAll(() => place?.close())

const slipway = (...args: string[]): Promise<string> => place.succeeds(...args)
const run = async (...args: string[]) => JSON.parse(await slipway('run', ...args, '--wait', '--json'))
const shown = (...args: string[]): Promise<string> => slipway('show', ...args)

describe('a linear model', () => {
  let runId: string

  it('is trained, packaged without a compiled model, gated and deployed', async () => {
    const first = await run('simple')
    runId = first.runId
    expect(first).toMatchObject({ status: 'succeeded', model: { name: 'simple', version: 1, champion: true } })
    const steps = await shown(runId)
    expect(steps).toMatch(/risk .* logistic regression on 2,\d\d\d rows; validation auc 0\.\d+/)
    expect(steps).toMatch(/package .* no compiled model \(the graph has no tree ensemble\)/)
    expect(await shown('simple', '--compiled')).toMatch(/no tree ensemble/)
  })

  it('says on its card what it is, and what each feature weighs', async () => {
    const card = await shown('simple')
    expect(card).toContain('Binary classifier for `defaulted`, logistic regression, ONNX.')
    expect(card).toContain('## Features by share of spread')
    // Who earns more defaults less.
    expect(card).toMatch(/^\| income \| number \| \d+\.\d % \| -\d\.\d+ \|$/m)
    expect(card).toMatch(/^\| purpose \| category, 4 values \| \d+\.\d % \| {2}\|$/m)
    expect(card).toMatch(/^L2 1, 7 weights and an intercept, \d steps of Newton's method\.$/m)
    expect(card).toContain('By ONNX Runtime: there are no trees to compile.')
  })

  it('answers at its endpoint what it answers in a batch, whose bytes are verified', async () => {
    await slipway('batch', 'score', 'simple', '--from', 'data/new.parquet', '--to', 'scored/')
    await slipway('verify', 'scored/')
    const scored = await query(`SELECT * FROM '${place.project.root}/scored/*.parquet' ORDER BY id LIMIT 20`)
    expect(new Set(scored.map(({ prediction }) => prediction)).size).toBeGreaterThan(10)
    const rows = scored.map(({ id, day, income, age, purpose }) => ({ id: Number(id), day, income, age, purpose }))
    place.project.write(
      'rows.json',
      JSON.stringify(rows, (_, value) => (typeof value === 'bigint' ? Number(value) : value)),
    )
    await eventually(
      async () => (await fetch(`${place.gateway}/v2/models/simple/ready`).catch(() => undefined))?.ok === true,
    )
    const { predictions } = JSON.parse(await slipway('predict', 'simple', '--data', 'rows.json', '--json'))
    expect(predictions).toEqual(scored.map(({ prediction }) => prediction))
  })

  it('is watched: rows like those it was trained on have not drifted, weighed by what its features matter', async () => {
    const report = JSON.parse(await slipway('drift', 'check', 'simple', '--from', 'data/new.parquet', '--json'))
    expect(JSON.stringify(report)).toContain('"income"')
  })

  it('is trained anew for another penalty, and says so', async () => {
    const again = await run('simple', '--set', 'l2=30')
    expect(
      again.steps.filter(({ cached }: { cached: boolean }) => cached).map(({ name }: { name: string }) => name),
    ).toEqual(['loans', 'split'])
    const wrong = await place.run('run', 'simple', '--set', 'l2=0')
    expect(wrong.code).toBe(2)
    expect(wrong.stderr).toMatch(/--set l2: /)
  })
})

describe('trees', () => {
  it('are told beside a linear model on the same rows, in the run and with the card', async () => {
    const { runId } = await run('loans')
    expect(await shown(runId)).toMatch(
      /20 trees on 2,\d\d\d rows; validation auc .*; a linear model reaches auc 0\.\d+/,
    )
    expect(await shown('loans')).toMatch(/^on the validation rows +this model +a linear model\nauc +0\.\d+ +0\.\d+$/m)
    const { linear } = JSON.parse(await shown('loans', '--json'))
    expect(linear).toMatchObject({
      slipway: 'linear-baseline/1',
      l2: 1,
      validationMetrics: { auc: expect.any(Number) },
    })
    expect(JSON.parse(await shown('simple', '--json')).linear).toBe(null)
  })
})
