import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { capturedReader } from '../../gateway/captured/captured-reader.ts'
import { readAnswers } from '../../gateway/captured/read-answers.ts'
import type { Gateway } from '../../gateway/gateway.ts'
import { withDuckDb } from '../../lib/data/duckdb.ts'
import type { ModelVersion } from '../../lib/formats/route.ts'
import type { CapturedEvent, CapturedOrder } from '../../lib/formats/sagemaker-capture.ts'
import type { TelemetryWindow } from '../../lib/formats/telemetry.ts'
import type { ModelFacts } from '../../lib/models/model.ts'
import { localFile, putBytes } from '../../lib/store/objects.ts'
import { listWindowGateways, readWindow, writeRoute } from '../../lib/store/routes.ts'
import { ask, eventually, startTestGateway } from '../support/gateways.ts'
import { packageModel } from '../support/models.ts'
import { newProject, type TestProject } from '../support/project.ts'
import { openTestBucket, type TestBucket } from '../support/servers.ts'

/*
 * Requests and answers read back are compared with what a gateway counted and kept of the same ones: the very bodies
 * that it took and gave.
 */
let server: TestBucket
let project: TestProject
let gateway: Gateway
let champion: ModelVersion
const newest = { trees: 10 }

async function packaged(version: number): Promise<ModelVersion> {
  project.write(
    'pipelines/loans/features.ts',
    `export const features = (c: any) => ({ income: c.income, age: c.age, purpose: c.purpose })
export const bad = (label: Float64Array): Uint8Array => Uint8Array.from(label)\n`,
  )
  project.write(
    'pipelines/loans/pipeline.ts',
    `import { binary, pipeline, trees } from 'slipway'
import { z } from 'zod'
import { bad, features } from './features.ts'
const Loan = z.object({ id: z.int(), income: z.number().min(0), age: z.int().nullable().meta({ masked: true }),
  purpose: z.enum(['car', 'home']), defaulted: z.int() })
export default pipeline('loans', (p) => {
  const parts = p.split(p.snapshot('rows', { from: 'data/loans.parquet', schema: Loan }), { byHashOf: 'id', validation: 0.2, test: 0.2 })
  p.package(p.train('m', { on: parts, features: features as never, target: binary('defaulted', bad), learner: trees({ trees: ${newest.trees}, leaves: 7 }), seed: 1 }))
})
`,
  )
  return packageModel(project, server.store, 'loans', version)
}

beforeAll(async () => {
  server = await openTestBucket()
  project = newProject()
  await project.data(
    'data/loans.parquet',
    `SELECT i AS id, (i * 7919) % 60000 + 0.5 AS income, 18 + i % 60 AS age, ['car', 'home'][1 + i % 2] AS purpose,
      CASE WHEN (i * 2654435761) % 100 < 20 + i % 50 THEN 1 ELSE 0 END AS defaulted FROM range(2000) t(i)`,
  )
  champion = await packaged(1)
  gateway = await startTestGateway(server.store, { captureRate: 1 })
  await writeRoute(server.store, 'loans', { kind: 'open', variant: champion }, 'test')
  await eventually(() => gateway.endpoint('loans')?.route !== undefined)
})
afterAll(async () => {
  await gateway?.stop()
  await server?.stop()
  project?.remove()
})

const row = (i: number) => ({
  id: i,
  income: (i * 3571) % 90_000,
  age: i % 7 === 0 ? null : 20 + i,
  purpose: i % 3 ? 'car' : 'home',
})
const rows = (from: number, many: number) => Array.from({ length: many }, (_, i) => row(from + i))
const lines = (all: object[]) => all.map((each) => JSON.stringify(each)).join('\n')
const csv = (all: ReturnType<typeof row>[]) =>
  [
    'id,income,age,purpose',
    ...all.map(({ id, income, age, purpose }) => `${id},${income},${age ?? ''},${purpose}`),
  ].join('\n')

const requests: [string, string, string | undefined][] = [
  ['application/json', JSON.stringify({ instances: rows(0, 3) }), undefined],
  ['application/json; charset=utf-8', JSON.stringify({ dataframe_records: rows(3, 20) }), undefined],
  ['application/json', JSON.stringify(rows(23, 2)), 'text/csv'],
  ['application/jsonlines', lines(rows(25, 4)), undefined],
  ['text/csv; header=present', csv(rows(29, 5)), undefined],
  ['text/csv; header=present', csv(rows(34, 1)), 'application/jsonlines'],
  ['', JSON.stringify({ instances: rows(35, 1) }), undefined],
]

/** Asks the gateway as SageMaker's clients do. @returns what SageMaker would have written down */
async function asked(): Promise<CapturedEvent[]> {
  const events: CapturedEvent[] = []
  for (const [i, [type, body, accept]] of requests.entries()) {
    const id = `request-${i}`
    const headers = { 'content-type': type, 'x-amzn-sagemaker-inference-id': id, ...(accept && { accept }) }
    const reply = await ask(gateway, 'POST', '/endpoints/loans/invocations', body, headers)
    expect(reply.status, reply.body.toString()).toBe(200)
    const output = { type: reply.headers['content-type'] as string, body: reply.body }
    events.push({ id, requestId: id, at: Date.now(), input: { type, body: Buffer.from(body) }, output })
  }
  return events
}

async function windows(): Promise<TelemetryWindow[]> {
  const all: TelemetryWindow[] = []
  for (const id of await listWindowGateways(server.store, 'loans'))
    for (let seq = 0; ; seq++) {
      const window = await readWindow(server.store, 'loans', id, seq)
      if (window === undefined) break
      all.push(window)
    }
  return all
}

const sum = (all: readonly (readonly number[])[]): number[] =>
  all.reduce<number[]>((total, each) => each.map((n, i) => n + (total[i] ?? 0)), [])

/** Rows as they are kept, without when. */
const kept = (files: string[]) =>
  withDuckDb(1, async (connection) =>
    (
      await connection.runAndReadAll(
        `SELECT * EXCLUDE (slipway_time) FROM read_parquet([${files.map((file) => `'${file}'`).join()}]) ORDER BY slipway_request, slipway_row`,
      )
    ).getRowObjectsJson(),
  )

const order = (events: CapturedOrder['events'], over: Partial<CapturedOrder> = {}): CapturedOrder => ({
  endpoint: 'loans',
  revision: 1,
  rollout: null,
  from: 0,
  champion,
  candidate: null,
  events,
  ...over,
})

describe('requests that were written down', () => {
  it('are counted and kept as a gateway counts and keeps them, in every form that they come in', async () => {
    const events = await asked()
    await eventually(
      async () => (await windows()).reduce((n, each) => n + each.champion.requests, 0) === requests.length,
    )
    const own = await windows()
    const read = capturedReader({ store: server.store, trusted: new Map() })
    const counted = await read(order(events.map((event) => ({ ...event, by: 'champion' }))))
    expect(counted.unreadable).toBe(0)
    // 3 + 20 + 2 + 4 + 5 + 1 + 1.
    expect(counted.champion.rows).toBe(36)
    expect(counted.champion.scores).toEqual(sum(own.map(({ champion: { scores } }) => scores)))
    const profiles = own.map(({ champion: { profile } }) => profile).filter((each) => Object.keys(each).length > 0)
    for (const [name, counts] of Object.entries(counted.champion.profile)) {
      if (Array.isArray(counts))
        expect([name, counts]).toEqual([name, sum(profiles.map((each) => each[name] as number[]))])
    }
    expect(Object.keys(counted.champion.profile)).toContain('score:')
    const theirs = await Promise.all(
      own.flatMap(({ capture }) => (capture === null ? [] : [localFile(server.store, capture.digest)])),
    )
    const ours = await putBytes(server.store, counted.capture as Uint8Array, 'application/vnd.apache.parquet')
    const all = await kept([await localFile(server.store, ours.digest)])
    expect(all).toEqual(await kept(theirs))
    // Of a request 16 rows at most, and nothing of a masked column.
    expect(all).toHaveLength(32)
    expect(all.every(({ age }) => age === null)).toBe(true)
  })

  it('say what was answered, not what the model would answer, in the bins of the champion', async () => {
    newest.trees = 12
    const candidate = await packaged(2)
    const event = (i: number, by: 'champion' | 'candidate', score: number) => ({
      id: `${by}-${i}`,
      requestId: `${by}-${i}`,
      at: i,
      by,
      input: { type: 'application/json', body: Buffer.from(JSON.stringify({ instances: [row(i)] })) },
      output: { type: 'application/json', body: Buffer.from(JSON.stringify({ predictions: [score] })) },
    })
    const events = [event(1, 'champion', 0), event(2, 'candidate', 1), event(3, 'candidate', 1)]
    const rollout = { id: 'r', mode: 'split' as const, share: 0.5, sticky: null }
    const read = capturedReader({ store: server.store, trusted: new Map() })
    const counted = await read(order(events, { candidate, rollout, revision: 2 }))
    const bins = counted.champion.scores.length
    const only = (bin: number, n: number) => Array.from({ length: bins }, (_, i) => (i === bin ? n : 0))
    expect(counted.champion.scores).toEqual(only(0, 1))
    expect(counted.candidate?.scores).toEqual(only(bins - 1, 2))
    expect(counted.candidate?.rows).toBe(2)
  })

  it('that cannot be read are counted, and cost the others nothing', async () => {
    const read = capturedReader({ store: server.store, trusted: new Map() })
    const event = (id: string, type: string, body: string, answer: string) => ({
      id,
      requestId: id,
      at: 1,
      by: 'champion' as const,
      input: { type, body: Buffer.from(body) },
      output: { type: 'application/json', body: Buffer.from(answer) },
    })
    const good = JSON.stringify({ instances: [row(1)] })
    const counted = await read(
      order([
        event('type', 'image/png', good, '{"predictions":[0.5]}'),
        event('body', 'application/json', '{"instances":[{"income":"much"}]}', '{"predictions":[0.5]}'),
        event('good', 'application/json', good, '{"predictions":[0.5]}'),
        event('many', 'application/json', good, '{"predictions":[0.5,0.6]}'),
        event('none', 'application/json', good, '{"error":"no"}'),
        event('text', 'application/json', good, '{"predictions":["0.5"]}'),
      ]),
    )
    expect(counted).toMatchObject({ unreadable: 5, champion: { rows: 1 } })
  })
})

describe('answers read back', () => {
  const facts = (over: object): ModelFacts => ({ task: 'binary', features: [], inputs: [], ...over }) as never
  const classes = facts({ task: 'multiclass', outputs: ['a', 'b, c', 'd'] })
  const decided = facts({ decision: { kind: 'boolean' } })
  it.each([
    ['one number', facts({}), 'application/json', '{"predictions":[0.25,1]}', [0.25, 1], undefined],
    ['a number a line', facts({}), 'application/jsonlines', '0.25\n1\n', [0.25, 1], undefined],
    ['a cell a line', facts({}), 'text/csv', '0.25\r\n1\r\n', [0.25, 1], undefined],
    [
      'classes',
      classes,
      'application/json',
      '{"predictions":[{"label":"a","probabilities":[0.5,0.25,0.25]},{"label":"d","probabilities":[0,0,1]}]}',
      [0.5, 0.25, 0.25, 0, 0, 1],
      undefined,
    ],
    ['classes in cells', classes, 'text/csv', '"b, c",0.25,0.5,0.25\na,1,0,0\n', [0.25, 0.5, 0.25, 1, 0, 0], undefined],
    [
      'several numbers by name',
      facts({ task: 'regression', outputs: ['x', 'y'] }),
      'application/x-ndjson',
      '{"x":1,"y":2}\n{"y":4,"x":3}\n',
      [1, 2, 3, 4],
      undefined,
    ],
    ['what a function says', decided, 'text/csv', '0.5,true\n0.25,false\n', [0.5, 0.25], [1, 0]],
  ])('%s', (_, of, type, body, predictions, decisions) => {
    const read = readAnswers({ type, body: Buffer.from(body) }, of, 2)
    expect(Array.from(read.predictions)).toEqual(predictions)
    expect(read.decisions && Array.from(read.decisions as Uint8Array)).toEqual(decisions)
  })
})
