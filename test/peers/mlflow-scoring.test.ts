import { type ChildProcess, spawn } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import getPort from 'get-port'
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest'
import type { Gateway } from '../../gateway/gateway.ts'
import { packageRoot } from '../../lib/code/host.ts'
import { mediaTypes } from '../../lib/formats/artifact.ts'
import { modelFiles } from '../../lib/models/model.ts'
import { getBundle, putBundle, putBytes } from '../../lib/store/objects.ts'
import { writeRoute } from '../../lib/store/routes.ts'
import { mlflowModel } from '../../lib/tracking/mlflow-model.ts'
import { eventually, startTestGateway } from '../support/gateways.ts'
import { packageModel } from '../support/models.ts'
import { loansSql, newProject, type TestProject, writeLoans } from '../support/project.ts'
import { pythonEnvironmentOr } from '../support/python.ts'
import { openTestBucket, type TestBucket } from '../support/servers.ts'

/*
 * One model, served by a gateway and by a real `mlflow models serve`, which are asked the same. Its features are the
 * columns of its rows, so that what MLflow takes and what a gateway takes are the same.
 */
let server: TestBucket
let project: TestProject
let gateway: Gateway
let mlflow: ChildProcess | undefined
let address: string
let environment: Awaited<ReturnType<typeof pythonEnvironmentOr>>

beforeAll(async () => {
  environment = await pythonEnvironmentOr(join(packageRoot, 'test/reference/mlflow-requirements.txt'))
  if ('missing' in environment) return
  server = await openTestBucket()
  project = newProject()
  writeLoans(project, {
    schema: `import { z } from 'zod'
export const Loan = z.object({
  id: z.int().nullable(), day: z.date().nullable(), income: z.number().nullable(), age: z.number(),
  purpose: z.string().nullable(), defaulted: z.int(),
})
`,
    features: `export function features({ income, age, purpose }: {
  income: Float64Array; age: Float64Array; purpose: readonly string[]
}) {
  return { income, age, purpose }
}
`,
  })
  await project.data('data/loans.parquet', loansSql())
  const variant = await packageModel(project, server.store, 'loans', 1)
  await writeRoute(server.store, 'loans', { kind: 'open', variant }, 'test')
  gateway = await startTestGateway(server.store)
  await eventually(() => gateway.endpoint('loans')?.route !== undefined)
  const bundle = await getBundle(server.store, variant.digest, 'model')
  const card = await putBytes(server.store, '# loans', mediaTypes.markdown)
  const described = await putBundle(server.store, { ...bundle, files: { ...bundle.files, [modelFiles.card]: card } })
  const files = await mlflowModel(server.store, described.digest)
  if (typeof files === 'string') throw new Error(files)
  const folder = join(project.root, 'mlflow-model')
  for (const [path, content] of files) {
    mkdirSync(dirname(join(folder, path)), { recursive: true })
    writeFileSync(join(folder, path), content)
  }
  const port = await getPort()
  address = `http://127.0.0.1:${port}`
  mlflow = spawn(
    join(environment.bin, 'mlflow'),
    ['models', 'serve', '-m', folder, '--env-manager', 'local', '--host', '127.0.0.1', '--port', String(port)],
    {
      stdio: 'ignore',
      detached: true,
      env: { ...process.env, PATH: `${environment.bin}:${process.env.PATH}` },
    },
  )
  await eventually(
    () =>
      fetch(`${address}/ping`).then(
        ({ ok }) => ok,
        () => false,
      ),
    120_000,
  )
})
afterAll(async () => {
  // Its workers are of its group.
  if (mlflow?.pid !== undefined) process.kill(-mlflow.pid, 'SIGKILL')
  await gateway?.stop()
  await server?.stop()
  project?.remove()
})

beforeEach((context) => {
  if ('missing' in environment) context.skip(environment.missing)
})

const json = 'application/json'
const columns = ['income', 'age', 'purpose']
const data: readonly (readonly unknown[])[] = [
  [30_000.5, 40, 'car'],
  [75_000.25, 23, 'travel'],
  [52_000.5, 71, 'home'],
]
const records: readonly Readonly<Record<string, unknown>>[] = data.map((row) =>
  Object.fromEntries(columns.map((name, i) => [name, row[i]])),
)
const byColumn = Object.fromEntries(columns.map((name, i) => [name, data.map((row) => row[i])]))
const csv = (rows: readonly (readonly unknown[])[]): string => rows.map((row) => `${row.join(',')}\n`).join('')

interface Told {
  readonly status: number
  readonly predictions: unknown
}
type Case = [what: string, body: unknown, type?: string]

/** Asks a server. Connections are not kept: MLflow's closes them when it fails. */
async function tell(where: string, [, body, type = json]: Case): Promise<Told> {
  const answer = await fetch(`${where}/invocations`, {
    method: 'POST',
    body: Buffer.from(typeof body === 'string' ? body : JSON.stringify(body)),
    headers: { connection: 'close', ...(type !== '' && { 'content-type': type }) },
  })
  const text = await answer.text()
  const { predictions } = answer.status === 200 ? (JSON.parse(text) as { predictions: unknown }) : {}
  return { status: answer.status, predictions }
}
const both = (request: Case): Promise<[ours: Told, theirs: Told]> =>
  Promise.all([tell(gateway.address, request), tell(address, request)])

const [first] = records
const one = (over: object): object => ({ dataframe_records: [{ ...first, ...over }] })
const { income: _, ...rest } = byColumn

it.each<Case>([
  ['dataframe_split', { dataframe_split: { columns, data } }],
  [
    'dataframe_split with an index, in another order',
    {
      dataframe_split: {
        index: [5, 6, 7],
        columns: columns.toReversed(),
        data: data.map((row) => row.toReversed()),
      },
    },
  ],
  ['dataframe_split of no rows', { dataframe_split: { columns, data: [] } }],
  ['dataframe_records', { dataframe_records: records }],
  ['inputs as columns', { inputs: byColumn }],
  ['inputs as rows', { inputs: records }],
  ['inputs as one row', { inputs: first }],
  ['instances', { instances: records }],
  ['CSV', csv([columns, ...data]), 'text/csv'],
  ['CSV that says its charset', csv([columns, ...data]), 'text/csv; charset=utf-8'],
  ['CSV with an index', csv([['', ...columns], ...data.map((row, i) => [i, ...row])]), 'text/csv'],
  ['CSV with a missing value', csv([columns, ['', 40, 'car'], [5, 40, 'car']]), 'text/csv'],
  ['JSON that says its charset', { dataframe_records: records }, 'application/json; charset=utf-8'],
  ['params', { dataframe_records: records, params: { temperature: 1 } }],
  ['no params', { dataframe_records: records, params: null }],
  ['a column more', { dataframe_records: records.map((row) => ({ ...row, more: 1 })) }],
  ['a missing number', one({ income: null })],
  ['a missing text', one({ purpose: null })],
  ['NaN', '{"dataframe_records": [{"income": NaN, "age": 40, "purpose": "car"}]}'],
  ['whole numbers', one({ income: 30_000, age: 40 })],
])('answers what MLflow answers: %s', async (...request) => {
  const [ours, theirs] = await both(request)
  expect(theirs.status).toBe(200)
  expect(ours).toEqual(theirs)
})

it.each<Case>([
  ['a text for a number', one({ income: 'many' })],
  ['a column that is missing', { dataframe_records: data.map(([income]) => ({ income })) }],
  ['columns of [n, 1]', { inputs: { ...rest, income: data.map(([income]) => [income]) } }],
  ['columns of unequal length', { inputs: { ...byColumn, age: [1] } }],
  ['two formats', { dataframe_records: records, inputs: byColumn }],
  ['no format', { rows: records }],
  ['a text', '"x"'],
  ['JSON cut short', '{"inputs": ['],
  ['nothing', ''],
  ['dataframe_split without columns', { dataframe_split: { data } }],
  ['dataframe_split of short rows', { dataframe_split: { columns, data: [[1, 2]] } }],
  ['dataframe_records that are one', { dataframe_records: first }],
  ['instances as lists', { instances: data }],
  ['CSV with a text for a number', csv([columns, ['many', 40, 'car']]), 'text/csv'],
  ['CSV without a header', csv(data), 'text/csv'],
  ['another charset', { dataframe_records: records }, 'application/json; charset=latin-1'],
  ['another media type', '<x/>', 'application/xml'],
])('refuses what MLflow refuses, with the same status: %s', async (...request) => {
  const [ours, theirs] = await both(request)
  expect(theirs.status).toBeGreaterThanOrEqual(400)
  expect(ours).toEqual(theirs)
})

/** Where a gateway is meant to differ: MLflow takes one type for another, or clients of other systems ask so. */
it.each<readonly [Case, ours: number, theirs: number]>([
  [['digits for a number', one({ income: '5000' })], 400, 200],
  [['a boolean for a number', one({ income: true })], 400, 200],
  [['a number for a text', one({ purpose: 5 })], 400, 200],
  [['CSV with rows of more cells than its header', csv([columns, [1, 2, 3, 4, 5]]), 'text/csv'], 400, 200],
  [['no records', { dataframe_records: [] }], 200, 400],
  [['an array of rows', records], 200, 400],
  [['no media type', { dataframe_records: records }, ''], 200, 500],
  [
    ['a parameter of the media type', { dataframe_records: records }, 'application/json; format=pandas-split'],
    200,
    415,
  ],
])('differs from MLflow where it is meant to: $0.0', async (request, ourStatus, theirStatus) => {
  const [ours, theirs] = await both(request)
  expect([ours.status, theirs.status]).toEqual([ourStatus, theirStatus])
})
