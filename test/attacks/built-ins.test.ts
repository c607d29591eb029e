import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type Attacked, attackedPipeline, openAttacked } from '../support/attacked.ts'

/*
 * Two models behind one gateway and one worker, of two teams. The code of one changes built-ins of the language, in a
 * way that a look at its text does not find. What the other one answers, and what a batch of it writes, stays.
 */
let place: Attacked

const given = '{ income, age, purpose }: { income: Float64Array; age: Float64Array; purpose: readonly string[] }'
const features = `
  return {
    income: Float32Array.from(income, (value) => Math.log1p(value)),
    wave: Float32Array.from(age, (value) => Math.cos(value)),
    purpose: purpose.map((text) => text.toUpperCase()),
  }`
const meddling = `const reach = (name: string): object => ({ Math, list: Array.prototype })[name] as object

export function features(${given}) {
  for (const [name, own] of [['Math', { cos: () => 0.5, log1p: () => 9 }], ['list', { map: Array.prototype.slice }]] as const) {
    try {
      Object.assign(reach(name), own)
    } catch {}
  }${features}
}
`

beforeAll(async () => {
  place = await openAttacked()
  const { project } = place
  project.write('pipelines/loans/features.ts', `export function features(${given}) {${features}\n}\n`)
  for (const file of ['schema', 'target'])
    project.write(
      `pipelines/other/${file}.ts`,
      readFileSync(join(project.root, 'pipelines/loans', `${file}.ts`), 'utf8'),
    )
  project.write('pipelines/other/features.ts', meddling)
  const other = attackedPipeline()
    .replace("pipeline('loans'", "pipeline('other'")
    .replace("'risk'", "'other-risk'")
    .replace("endpoint: 'credit'", "endpoint: 'other'")
    .replace('auc.atLeast(0.6)', 'auc.atLeast(0.1)')
  project.write('pipelines/other/pipeline.ts', other)
  project.write('row.json', JSON.stringify({ id: 1, day: '2024-01-01', income: 3e4, age: 40, purpose: 'car' }))
  place.startWorker()
  await place.startGateway()
})
afterAll(() => place.close())

const succeeds = async (...args: string[]): Promise<string> => {
  const result = await place.run(args)
  expect(result, `${args.join(' ')}: ${result.stderr}`).toMatchObject({ code: 0 })
  return result.stdout
}

/** What the endpoint answers, and the bytes that a batch of its model writes. */
async function made(folder: string): Promise<{ answer: unknown; parts: readonly string[] }> {
  const { predictions } = JSON.parse(await succeeds('predict', 'credit', '--data', 'row.json', '--json'))
  await succeeds('batch', 'score', 'credit', '--from', 'data/loans.parquet', '--to', `${folder}/`)
  const files = readdirSync(join(place.project.root, folder)).filter((file) => file.endsWith('.parquet'))
  return {
    answer: predictions,
    parts: files.map((file) => readFileSync(join(place.project.root, folder, file)).toString('base64')),
  }
}

it('changes nothing that another model answers or writes in the same gateway and worker', async () => {
  await succeeds('run', 'loans', '--wait')
  const before = await made('before')
  expect(before.answer).toBeDefined()
  expect(before.parts.length).toBeGreaterThan(0)

  await succeeds('run', 'other', '--wait')
  await succeeds('predict', 'other', '--data', 'row.json')
  await succeeds('batch', 'score', 'other', '--from', 'data/loans.parquet', '--to', 'others/')

  expect(await made('after')).toEqual(before)
})
