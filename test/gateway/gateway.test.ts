import { mkdtempSync, readdirSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { brotliCompressSync, brotliDecompressSync, gunzipSync, gzipSync } from 'node:zlib'
import fc from 'fast-check'
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import type { Gateway } from '../../gateway/gateway.ts'
import { rowsOf, withDuckDb } from '../../lib/data/duckdb.ts'
import type { ModelVersion, RouteRollout } from '../../lib/formats/route.ts'
import type { TelemetryWindow } from '../../lib/formats/telemetry.ts'
import { loadModel } from '../../lib/models/model.ts'
import { localModel } from '../../lib/models/package.ts'
import { splitMismatch } from '../../lib/stats/sequential.ts'
import { localFile } from '../../lib/store/objects.ts'
import { readPresences, readWindow, writeRoute } from '../../lib/store/routes.ts'
import { newKeyPair, signerFrom, trustedKeysFrom } from '../../lib/store/signing.ts'
import { ask, eventually, type Reply, startTestGateway } from '../support/gateways.ts'
import { packageModel } from '../support/models.ts'
import { loansSql, newProject, type TestProject, writeLoans } from '../support/project.ts'
import { openTestBucket, startTestStore, type TestBucket } from '../support/servers.ts'

let server: TestBucket
let project: TestProject
let gateway: Gateway
let first: ModelVersion
let second: ModelVersion
/** The first, without its kernel. */
let plain: ModelVersion
const gateways: Gateway[] = []
const keys = newKeyPair()
const signer = signerFrom(keys.privateKey)

const loans = [
  { income: 30_000, age: 40, purpose: 'car', id: 1, day: '2024-01-01T00:00:00Z' },
  { income: 75_000, age: 23, purpose: 'travel', id: 2, day: '2024-01-02 12:00' },
  { income: 52_000.5, age: 71, purpose: 'home', id: 3, day: 1_704_067_200_000 },
]
const row = { ...loans[0] } as Record<string, unknown>
let expected: number[]

/** Scores rows by the package itself, without a gateway. */
async function scoresOf(variant: ModelVersion, rows: readonly Record<string, unknown>[]): Promise<number[]> {
  const model = await loadModel(await localModel({ store: server.store, trusted: new Map() }, variant.digest))
  const number = (name: string) => Float64Array.from(rows, (each) => Number(each[name]))
  const columns = {
    income: number('income'),
    age: number('age'),
    id: number('id'),
    day: new Float64Array(rows.length),
    purpose: rows.map((each) => String(each.purpose)),
  }
  const scores = [...(await model.score(columns))]
  await model.release()
  return scores
}

const rollout = (over: Partial<RouteRollout> = {}): RouteRollout => ({
  id: 'r1',
  candidate: second,
  mode: 'split',
  share: 0.3,
  salt: 'r1',
  sticky: null,
  slowMs: 250,
  ...over,
})

/** An endpoint of its own for a test, served by a gateway of its own where settings differ. */
let count = 0
async function open(on: Gateway = gateway, change?: RouteRollout, variant = first): Promise<string> {
  const name = `e${++count}`
  await writeRoute(server.store, name, { kind: 'open', variant }, 'test')
  if (change !== undefined) await writeRoute(server.store, name, { kind: 'begin', rollout: change }, 'test')
  await eventually(() => on.endpoint(name)?.route?.revision === (change === undefined ? 1 : 2))
  return name
}
const predict = (name: string, body: object | string | Buffer, headers = {}, on: Gateway = gateway) =>
  ask(on, 'POST', `/v1/models/${name}:predict`, body, headers)

/** Windows of an endpoint that a gateway wrote, when they hold so many requests. */
async function windowsOf(name: string, requests: number, on: Gateway = gateway): Promise<TelemetryWindow[]> {
  const windows: TelemetryWindow[] = []
  await eventually(async () => {
    const next = await readWindow(server.store, name, on.id, windows.length)
    if (next !== undefined) windows.push(next)
    return windows.reduce((sum, each) => sum + each.champion.requests + (each.candidate?.requests ?? 0), 0) >= requests
  })
  return windows
}

/** Eight requests at once, again and again: so many are let in however slow the machine is. */
async function inWaves<T>(items: readonly T[], send: (item: T) => Promise<Reply>): Promise<Reply[]> {
  const answers: Reply[] = []
  for (let i = 0; i < items.length; i += 8) answers.push(...(await Promise.all(items.slice(i, i + 8).map(send))))
  return answers
}

beforeAll(async () => {
  server = await openTestBucket()
  project = newProject()
  writeLoans(project, {
    schema: `import { z } from 'zod'
export const Loan = z.object({
  id: z.int(), day: z.date(), income: z.number().min(0).max(200000), age: z.int().min(18).max(100).meta({ masked: true }),
  purpose: z.enum(['car', 'home', 'travel', 'tools']), defaulted: z.int().min(0).max(1),
})
`,
  })
  await project.data('data/loans.parquet', loansSql())
  first = await packageModel(project, server.store, 'loans', 1, {}, { signer })
  plain = await packageModel(project, server.store, 'loans', 1, {}, { signer, compiled: false })
  second = await packageModel(project, server.store, 'loans', 2, { trees: '30' }, { signer })
  gateway = await startTestGateway(server.store, { captureRate: 1 })
  gateways.push(gateway)
  expected = await scoresOf(first, loans)
})
// A gateway of a test's own asks the store as long as it runs, for the endpoints of all tests.
afterEach(async () => {
  for (const each of gateways.splice(1)) await each.stop()
})
afterAll(async () => {
  for (const each of gateways) await each.stop()
  await server.stop()
  project.remove()
})

describe('one infer(), many protocols', () => {
  let name: string
  beforeAll(async () => {
    name = await open()
  })
  const columnsOf = (rows: readonly Record<string, unknown>[]) =>
    Object.fromEntries(Object.keys(row).map((column) => [column, rows.map((each) => each[column])]))
  const tensors = (rows: readonly Record<string, unknown>[]) =>
    Object.entries({ income: 'FP64', age: 'INT64', purpose: 'BYTES', id: 'INT32', day: 'BYTES' }).map(
      ([column, datatype]) => ({
        name: column,
        datatype,
        shape: [rows.length],
        data: rows.map((each) => (column === 'day' ? '2024-01-01T00:00:00Z' : each[column])),
      }),
    )

  it.each([
    ['TensorFlow Serving, instances', '/v1/models/NAME:predict', () => ({ instances: loans }), 'predictions'],
    ['TensorFlow Serving, columns', '/v1/models/NAME:predict', () => ({ inputs: columnsOf(loans) }), 'outputs'],
    ['MLflow, dataframe_records', '/endpoints/NAME/invocations', () => ({ dataframe_records: loans }), 'predictions'],
    [
      'MLflow, dataframe_split',
      '/endpoints/NAME/invocations',
      () => ({ dataframe_split: { columns: Object.keys(row), data: loans.map((each) => Object.values(each)) } }),
      'predictions',
    ],
    ['MLflow, inputs', '/endpoints/NAME/invocations', () => ({ inputs: columnsOf(loans) }), 'predictions'],
    ['SageMaker, instances', '/endpoints/NAME/invocations', () => ({ instances: loans }), 'predictions'],
  ])('%s', async (_, path, body, key) => {
    const answer = await ask(gateway, 'POST', path.replace('NAME', name), body(), {
      'content-type': 'application/json',
    })
    expect([answer.status, (answer.json() as Record<string, number[]>)[key]]).toEqual([200, expected])
    expect(answer.headers).toMatchObject({
      'x-model-version': '1',
      'x-model-digest': first.digest,
      'x-slipway-role': 'champion',
      'x-slipway-engine': 'compiled',
    })
  })

  it('Open Inference Protocol: rows as tensors, JSON', async () => {
    const answer = await ask(gateway, 'POST', `/v2/models/${name}/infer`, { id: 'mine', inputs: tensors(loans) })
    expect(answer.json()).toEqual({
      model_name: 'loans',
      model_version: '1',
      id: 'mine',
      outputs: [{ name: 'probability', datatype: 'FP32', shape: [3], data: expected }],
    })
  })

  it('Open Inference Protocol: binary tensors in and out', async () => {
    const parts: Buffer[] = []
    const inputs = tensors(loans).map(({ data, ...tensor }) => {
      const bytes =
        tensor.datatype === 'BYTES'
          ? Buffer.concat(
              data.map((text) =>
                Buffer.concat([
                  Buffer.from(Uint32Array.of(Buffer.byteLength(String(text))).buffer),
                  Buffer.from(String(text)),
                ]),
              ),
            )
          : tensor.datatype === 'FP64'
            ? Buffer.from(Float64Array.from(data as number[]).buffer)
            : tensor.datatype === 'INT64'
              ? Buffer.from(BigInt64Array.from(data as number[], BigInt).buffer)
              : Buffer.from(Int32Array.from(data as number[]).buffer)
      parts.push(bytes)
      return { ...tensor, parameters: { binary_data_size: bytes.length } }
    })
    const head = Buffer.from(JSON.stringify({ inputs, parameters: { binary_data_output: true } }))
    const answer = await ask(gateway, 'POST', `/v2/models/${name}/infer`, Buffer.concat([head, ...parts]), {
      'inference-header-content-length': String(head.length),
    })
    expect(answer.status).toBe(200)
    const cut = Number(answer.headers['inference-header-content-length'])
    const scores = new Float32Array(Uint8Array.from(answer.body.subarray(cut)).buffer)
    expect([...scores]).toEqual(expected)
  })

  it('Open Inference Protocol: features that are ready', async () => {
    const features = {
      income: ['FP32', loans.map(({ income }) => income)],
      age: ['FP32', loans.map(({ age }) => age)],
      ratio: ['FP32', loans.map(({ income, age }) => income / age)],
      purpose: ['BYTES', loans.map(({ purpose }) => purpose)],
    } as const
    const inputs = Object.entries(features).map(([tensor, [datatype, data]]) => ({
      name: tensor,
      datatype,
      shape: [3, 1],
      data,
    }))
    const answer = await ask(gateway, 'POST', `/v2/models/${name}/infer`, { inputs })
    expect((answer.json() as { outputs: { data: number[] }[] }).outputs[0]?.data).toEqual(expected)
  })

  it('CSV, with a header line and without', async () => {
    const lines = loans.map(({ id, income, age, purpose }) => `${id},2024-01-01T00:00:00Z,${income},${age},${purpose}`)
    for (const text of [`id,day,income,age,purpose\n${lines.join('\n')}\n`, lines.join('\n')]) {
      const answer = await ask(gateway, 'POST', `/endpoints/${name}/invocations`, text, {
        'content-type': 'text/csv',
        accept: 'text/csv',
      })
      expect(answer.body.toString().trim().split('\n').map(Number)).toEqual(expected)
    }
  })

  it('says what it serves: metadata, readiness, OpenAPI with the schema of a row', async () => {
    const metadata = (await ask(gateway, 'GET', `/v2/models/${name}`)).json() as {
      inputs: unknown[]
      versions: string[]
    }
    expect(metadata.inputs).toContainEqual({ name: 'income', datatype: 'FP64', shape: [-1] })
    expect(metadata.versions).toEqual(['1'])
    expect((await ask(gateway, 'GET', `/v2/models/${name}/versions/1/ready`)).status).toBe(200)
    expect((await ask(gateway, 'GET', '/v2/models/none/ready')).status).toBe(404)
    const api = (await ask(gateway, 'GET', '/openapi.json')).json() as {
      paths: object
      components: { schemas: Record<string, { required: string[] }> }
    }
    expect(api.paths).toHaveProperty([`/v2/models/${name}/infer`, 'post'])
    expect(api.components.schemas[`${name}-row`]?.required).toContain('purpose')
  })

  it('answers by a pinned version, and says which are loaded when it has no such', async () => {
    expect(
      (await ask(gateway, 'POST', `/v2/models/${name}/versions/1/infer`, { inputs: tensors(loans) })).headers[
        'x-slipway-role'
      ],
    ).toBe('pinned')
    const missing = await ask(gateway, 'POST', `/v2/models/${name}/versions/9/infer`, { inputs: tensors(loans) })
    expect([missing.status, (missing.json() as { error: string }).error]).toEqual([
      404,
      expect.stringContaining('it has 1'),
    ])
  })

  it.each([
    ['gzip', gzipSync, gunzipSync],
    ['br', brotliCompressSync, brotliDecompressSync],
  ])('reads and writes %s', async (encoding, pack, unpack) => {
    const many = Array.from({ length: 300 }, () => loans[0])
    const answer = await predict(name, pack(JSON.stringify({ instances: many })), {
      'content-encoding': encoding,
      'accept-encoding': encoding,
    })
    expect(answer.headers['content-encoding']).toBe(encoding)
    expect(JSON.parse(unpack(answer.body).toString()).predictions).toHaveLength(300)
  })

  it('gives request id and trace back, and never an id that would break a header', async () => {
    const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'
    const good = await predict(name, { instances: loans }, { 'x-request-id': 'req-1', traceparent })
    expect(good.headers).toMatchObject({ 'x-request-id': 'req-1', traceparent })
    const bad = await predict(
      name,
      { instances: loans },
      { 'x-request-id': 'a\r\nset-cookie: x', traceparent: 'nonsense' },
    )
    expect(bad.headers['x-request-id']).toMatch(/^[0-9a-f-]{36}$/)
    expect(bad.headers).not.toHaveProperty('traceparent')
  })
})

describe.each(['compiled', 'onnxruntime'] as const)('answers by %s', (engine) => {
  const variantOf = { compiled: () => first, onnxruntime: () => plain }
  it('gives bit for bit what single requests give, in whatever company', async () => {
    const name = await open(gateway, undefined, variantOf[engine]())
    const rows = Array.from({ length: 500 }, (_, i) => ({
      ...loans[i % 3],
      income: 20_000 + ((i * 7919) % 60_000),
      age: 18 + (i % 60),
    }))
    const alone: number[] = []
    for (const each of rows.slice(0, 100))
      alone.push(((await predict(name, { instances: [each] })).json() as { predictions: [number] }).predictions[0])
    const together = await inWaves(rows, (each) => predict(name, { instances: [each] }))
    const batched = together.map((answer) => (answer.json() as { predictions: [number] }).predictions[0])
    expect(batched.slice(0, 100)).toEqual(alone)
    const [large] = [await predict(name, { instances: rows })]
    expect((large.json() as { predictions: number[] }).predictions).toEqual(batched)
    expect(large.headers['x-slipway-engine']).toBe(engine)
    const health = (await ask(gateway, 'GET', '/health')).json() as { endpoints: Record<string, { engine: object }> }
    expect(health.endpoints[name]?.engine).toEqual(
      engine === 'compiled'
        ? { name: 'compiled' }
        : { name: 'onnxruntime', reason: 'packaged before models were compiled' },
    )
    expect((await ask(gateway, 'GET', '/metrics')).body.toString()).toContain(
      `slipway_engine_info{endpoint="${name}",engine="${engine}"} 1`,
    )
  })

  it("does not let one request's rows spoil the others of its batch", async () => {
    project.write(
      'pipelines/picky/schema.ts',
      "import { z } from 'zod'\nexport const Row = z.object({ x: z.number(), y: z.int().min(0).max(1) })\n",
    )
    project.write(
      'pipelines/picky/features.ts',
      'export const features = ({ x }: { x: Float64Array }) => { if (x.some((v) => v === 13)) throw new Error("thirteen"); return { x } }\nexport const yes = (y: Float64Array) => Uint8Array.from(y)\n',
    )
    project.write(
      'pipelines/picky/pipeline.ts',
      "import { binary, pipeline, trees } from 'slipway'\nimport { features, yes } from './features.ts'\nimport { Row } from './schema.ts'\nexport default pipeline('picky', (p) => {\n  const t = p.snapshot('rows', { from: 'data/picky.parquet', schema: Row })\n  p.package(p.train('m', { on: p.split(t, { byHashOf: 'x', validation: 0.2, test: 0.2 }), features, target: binary('y', yes), learner: trees({ trees: 3 }), seed: 1 }))\n})\n",
    )
    await project.data(
      'data/picky.parquet',
      'SELECT (i % 97)::DOUBLE + 0.5 AS x, CASE WHEN i % 97 > 40 THEN 1 ELSE 0 END AS y FROM range(2000) t(i)',
    )
    const picky = await packageModel(project, server.store, 'picky', 1, {}, { compiled: engine === 'compiled' })
    const name = await open(gateway, undefined, picky)
    const log = vi.spyOn(console, 'error').mockImplementation(() => {})
    const answers = await Promise.all([1, 13, 50, 13, 80].map((x) => predict(name, { instances: [{ x }] })))
    expect(answers.map(({ status }) => status)).toEqual([200, 422, 200, 422, 200])
    expect(answers[1]?.json() as unknown).toEqual({ error: expect.stringContaining('thirteen') })
    // The client is told what was thrown and nothing of where; the log has the place, once.
    expect(answers[1]?.body.toString()).not.toMatch(/features\.ts|slipway-code|\bat /)
    const said = () =>
      log.mock.calls
        .flat()
        .map(String)
        .filter((line) => line.includes('thirteen'))
    await eventually(() => said().length > 0)
    expect(said()).toHaveLength(1)
    expect(said()[0]).toMatch(/version 1 of picky fails: pipelines\/picky\/features\.ts:1:\d+: features throws/)
    expect(said()[0]).toContain('| export const features = ')
    log.mockRestore()
  })

  it('keeps answers where asked to, and never an old version’s', async () => {
    const own = await startTestGateway(server.store, { cacheEntries: 100 })
    gateways.push(own)
    const name = await open(own, undefined, variantOf[engine]())
    const body = JSON.stringify({ instances: loans })
    expect((await predict(name, body, {}, own)).headers['x-cache']).toBe('miss')
    expect((await predict(name, body, {}, own)).headers['x-cache']).toBe('hit')
    await writeRoute(server.store, name, { kind: 'rollback', from: 1, to: second }, 'test')
    await eventually(() => own.endpoint(name)?.route?.revision === 2)
    const after = await predict(name, body, {}, own)
    expect([after.headers['x-cache'], after.headers['x-model-digest']]).toEqual(['miss', second.digest])
    expect((after.json() as { predictions: number[] }).predictions).toEqual(await scoresOf(second, loans))
  })

  it('gives up on a request whose time is over, and says so', async () => {
    const name = await open(gateway, undefined, variantOf[engine]())
    const answer = await predict(name, { instances: loans }, { 'x-request-timeout-ms': '0.0001' })
    expect([answer.status, (answer.json() as { error: string }).error]).toEqual([
      504,
      expect.stringContaining('no answer within'),
    ])
  })
})

describe('overload', () => {
  it('refuses what is too much, at once and with a word when to come back; the rest is answered', async () => {
    const own = await startTestGateway(server.store)
    gateways.push(own)
    const name = await open(own)
    const many = JSON.stringify({ instances: Array.from({ length: 200 }, (_, i) => loans[i % 3]) })
    const answers: Reply[] = []
    // Far more than a core can do, for a second or so.
    for (let wave = 0; wave < 30; wave++)
      answers.push(...(await Promise.all(Array.from({ length: 100 }, () => predict(name, many, {}, own)))))
    const refused = answers.filter(({ status }) => status === 503)
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200, 503]))
    expect(refused[0]?.headers['retry-after']).toBe('1')
    expect(refused[0]?.json() as unknown).toEqual({ error: expect.stringMatching(/more requests than|rows waiting/) })
    await eventually(async () => (await predict(name, { instances: loans }, {}, own)).status === 200)
  })
})

describe('split, shadow, fallback', () => {
  const send = async (
    name: string,
    requests: number,
    headers: (i: number) => Record<string, string> = () => ({}),
  ): Promise<string[]> => {
    const answers = await inWaves(
      Array.from({ length: requests }, (_, i) => i),
      (i) => predict(name, { instances: [loans[i % 3]] }, { 'x-request-id': `q${i}`, ...headers(i) }),
    )
    for (const { status } of answers) expect(status).toBe(200)
    return answers.map((answer) => `${answer.headers['x-model-version']} ${answer.headers['x-slipway-role']}`)
  }

  it('gives the candidate its share, within what chance allows, and counts it so', async () => {
    const name = await open(gateway, rollout())
    const answers = await send(name, 2_000)
    const candidates = answers.filter((each) => each === '2 candidate').length
    expect(splitMismatch(candidates, 2_000, 0.3)).toBeLessThan(Math.log(1000))
    const windows = await windowsOf(name, 2_000)
    const sum = (of: (window: TelemetryWindow) => number) => windows.reduce((total, window) => total + of(window), 0)
    expect(sum((window) => window.candidate?.requests ?? 0)).toBe(candidates)
    expect(sum(({ champion }) => champion.requests)).toBe(2_000 - candidates)
    expect(sum(({ champion }) => champion.scores.reduce((a, b) => a + b, 0))).toBe(2_000 - candidates)
    expect(sum(({ champion }) => champion.latency.reduce((a, b) => a + b, 0))).toBe(2_000 - candidates)
    // Profiles are of features and scores, in the bins of the baseline.
    expect(sum(({ champion }) => (champion.profile['score:'] as number[]).reduce((a, b) => a + b, 0))).toBe(
      2_000 - candidates,
    )
  })

  it('keeps a user with a version, and moves nobody back when the share rises', async () => {
    const name = await open(gateway, rollout({ sticky: 'x-user', share: 0.05 }))
    const users = (i: number) => ({ 'x-user': `user-${i % 400}` })
    const before = await send(name, 800, users)
    for (let i = 0; i < 400; i++) expect(before[i]).toBe(before[i + 400])
    await writeRoute(server.store, name, { kind: 'traffic', rollout: 'r1', mode: 'split', share: 0.25 }, 'test')
    await eventually(() => gateway.endpoint(name)?.route?.revision === 3)
    const after = await send(name, 400, users)
    for (let i = 0; i < 400; i++) if (before[i] === '2 candidate') expect(after[i]).toBe('2 candidate')
    expect(after.filter((each) => each === '2 candidate').length).toBeGreaterThan(
      before.slice(0, 400).filter((each) => each === '2 candidate').length,
    )
    const windows = await windowsOf(name, 1_200)
    const users2 = windows.map(({ champion, candidate }) => (champion.users?.new ?? 0) + (candidate?.users?.new ?? 0))
    expect(users2.reduce((a, b) => a + b, 0)).toBeGreaterThanOrEqual(400)
  })

  it('answers by the champion when the candidate fails, and counts that against the candidate', async () => {
    const name = await open(gateway, rollout({ share: 0.5 }))
    const answers = await send(name, 200, () => ({ 'x-slipway-fault': 'candidate' }))
    const fallbacks = answers.filter((each) => each === '1 fallback').length
    expect(fallbacks).toBeGreaterThan(60)
    expect(answers).not.toContain('2 candidate')
    const windows = await windowsOf(name, 200)
    expect(windows.reduce((sum, { candidate }) => sum + (candidate?.errors.injected ?? 0), 0)).toBe(fallbacks)
    expect(windows.reduce((sum, { champion }) => sum + champion.requests, 0)).toBe(200 - fallbacks)
  })

  it('mirrors to the shadow without anybody seeing its answers, and compares the pairs', async () => {
    const name = await open(gateway, rollout({ mode: 'shadow', share: 1 }))
    const answers = await send(name, 100)
    expect(new Set(answers)).toEqual(new Set(['1 champion']))
    const windows = await windowsOf(name, 200)
    const pairs = windows.map((window) => window.pairs as NonNullable<TelemetryWindow['pairs']>)
    expect(pairs.reduce((sum, { n, dropped }) => sum + n + dropped, 0)).toBe(100)
    expect(pairs.reduce((sum, { different }) => sum + different, 0)).toBeGreaterThan(0)
  })

  it.each(['shadow', 'bake', 'split'] as const)(
    'survives requests that are wrong, and those that are too late: %s',
    async (mode) => {
      const name = await open(gateway, rollout({ mode, share: 1 }))
      const answers = await Promise.all(
        [{ instances: [{ ...row, age: 'old' }] }, '{', { instances: [row] }].map((body, i) =>
          predict(name, body, i === 2 ? { 'x-request-timeout-ms': '0.0001' } : {}),
        ),
      )
      expect(answers.map(({ status }) => status)).toEqual([400, 400, 504])
      await new Promise((resolve) => setTimeout(resolve, 50))
      expect((await predict(name, { instances: [row] })).status).toBe(200)
    },
  )

  it('bakes: the candidate answers, the champion is asked too and stands by', async () => {
    const name = await open(gateway, rollout({ mode: 'bake', share: 1 }))
    expect(new Set(await send(name, 50))).toEqual(new Set(['2 candidate']))
    expect(new Set(await send(name, 20, () => ({ 'x-slipway-fault': 'candidate' })))).toEqual(new Set(['1 fallback']))
  })

  it('keeps a sample of rows and answers as parquet, masked columns without values', async () => {
    const name = await open()
    await send(name, 30)
    const [window] = (await windowsOf(name, 30)).filter(({ capture }) => capture !== null)
    const file = await localFile(server.store, window?.capture?.digest ?? '')
    const rows = await withDuckDb(1, (connection) =>
      rowsOf(connection, `SELECT * FROM read_parquet('${file}') ORDER BY slipway_request`),
    )
    expect(rows.length).toBeGreaterThan(0)
    expect(rows[0]).toMatchObject({
      slipway_role: 'champion',
      slipway_version: 1,
      purpose: expect.any(String),
      age: null,
      slipway_score: expect.any(Number),
    })
  })

  it.each(['shadow', 'bake'] as const)(
    'keeps what both versions said of a sampled request, for labels to judge: %s',
    async (mode) => {
      const name = await open(gateway, rollout({ mode, share: 1 }))
      await send(name, 30)
      const captures = (await windowsOf(name, 60)).flatMap(({ capture }) => capture?.digest ?? [])
      const files = await Promise.all(captures.map((digest) => localFile(server.store, digest)))
      const pairs = await withDuckDb(1, (connection) =>
        rowsOf(
          connection,
          `SELECT list(slipway_role ORDER BY slipway_version) AS roles FROM read_parquet([${files.map((file) => `'${file}'`)}]) WHERE slipway_row = 0 GROUP BY slipway_request`,
        ),
      )
      expect(pairs.length).toBeGreaterThan(0)
      for (const { roles } of pairs)
        expect(roles).toEqual(mode === 'shadow' ? ['champion', 'shadow'] : ['shadow', 'candidate'])
    },
  )
})

describe('a swap', () => {
  it('fails no request, a hundred times under constant load', async () => {
    const name = await open()
    let running = true
    let failed = 0
    let answered = 0
    const clients = Array.from({ length: 4 }, async () => {
      while (running) {
        const { status } = await predict(name, { instances: [row] })
        if (status === 200) answered++
        else failed++
      }
    })
    const endpoint = gateway.endpoint(name)
    for (let i = 0; i < 100; i++) {
      const route = endpoint?.route
      if (route === undefined) throw new Error('no route')
      const [champion, previous] = i % 2 === 0 ? [second, first] : [first, second]
      await endpoint?.apply({ ...route, revision: route.revision + 1, champion, previous })
      await new Promise((resolve) => setTimeout(resolve, 5))
    }
    running = false
    await Promise.all(clients)
    expect([endpoint?.route?.revision, failed]).toEqual([101, 0])
    expect(answered).toBeGreaterThan(100)
  })

  it('to what cannot be loaded is refused, and the version before keeps serving', async () => {
    const name = await open()
    const missing = { ...second, version: 3, digest: `sha256:${'0'.repeat(64)}` as const }
    await writeRoute(server.store, name, { kind: 'rollback', from: 1, to: missing }, 'test')
    await eventually(() => typeof gateway.endpoint(name)?.refusal?.why === 'string')
    expect((await predict(name, { instances: [row] })).headers['x-model-version']).toBe('1')
    const health = (await ask(gateway, 'GET', '/health')).json() as {
      status: string
      endpoints: Record<string, { refused: { revision: number } }>
    }
    expect([health.status, health.endpoints[name]?.refused.revision]).toEqual(['degraded', 2])
    const presence = async () =>
      (await readPresences(server.store)).find(({ id }) => id === gateway.id)?.endpoints[name]
    await eventually(async () => (await presence())?.refused?.revision === 2)
    expect((await presence())?.revision).toBe(1)
    await writeRoute(server.store, name, { kind: 'rollback', from: 2, to: first }, 'test')
    await eventually(() => gateway.endpoint(name)?.refusal === null)
  })

  it('takes signed bundles only, where keys are trusted', async () => {
    const trusting = await startTestGateway(server.store, { trusted: trustedKeysFrom([keys.publicKey]) })
    const other = await startTestGateway(server.store, { trusted: trustedKeysFrom([newKeyPair().publicKey]) })
    gateways.push(trusting, other)
    const name = await open(trusting)
    expect((await predict(name, { instances: [row] }, {}, trusting)).status).toBe(200)
    await eventually(() => typeof other.endpoint(name)?.refusal?.why === 'string')
    expect(other.endpoint(name)?.refusal?.why).toContain('none of the 1 trusted keys has signed it')
  })
})

describe('bad input', () => {
  let name: string
  beforeAll(async () => {
    name = await open()
  })
  const wrong = (body: unknown, message: string | RegExp) => async () => {
    const answer = await predict(name, typeof body === 'string' ? body : JSON.stringify(body))
    expect(answer.status).toBe(400)
    expect((answer.json() as { error: string }).error).toMatch(message)
  }
  const change = (part: object) => ({ instances: [{ ...row, ...part }] })
  it('malformed JSON', wrong('{"instances": [', /no JSON/))
  it('an empty body', wrong('', /empty/))
  it('a missing column', wrong({ instances: [{ ...row, age: undefined }] }, 'instances[0].age: is missing'))
  it(
    'text for a number',
    wrong(change({ income: '30000' }), 'instances[0].income: expected a number, got the text "30000"'),
  )
  it('null for what may not be missing', wrong(change({ income: null }), /income: is missing/))
  it('a fraction for an integer', wrong(change({ age: 40.5 }), /age: 40.5 breaks "whole number"/))
  it('a value out of range', wrong(change({ age: 17 }), /age: 17 breaks "≥ 18"/))
  it('an unknown value of an enum', wrong(change({ purpose: 'yacht' }), /"yacht" breaks "one of car, home/))
  it('a time that is none', wrong(change({ day: 'yesterday' }), /day: expected an ISO 8601 time/))
  it('NaN', wrong('{"instances":[{"income":NaN,"age":40,"purpose":"car","id":1,"day":0}]}', /income: is missing/))
  it('a row that is no object', wrong({ instances: [1] }, /expected an object with/))
  it(
    'columns of different length',
    wrong(
      { inputs: { income: [1, 2], age: [40], purpose: ['car'], id: [1], day: [0] } },
      /has 2 values, the first column has 1/,
    ),
  )
  it(
    '__proto__',
    wrong(
      '{"instances":[{"__proto__":{"income":1,"age":40,"purpose":"car","id":1,"day":0}}]}',
      /no field that the model knows: __proto__/,
    ),
  )

  it('a body over the limit, packed or not; an unknown encoding, content type, path', async () => {
    const large = JSON.stringify({ instances: Array.from({ length: 30_000 }, () => row) })
    expect((await predict(name, gzipSync(large), { 'content-encoding': 'gzip' })).status).toBe(413)
    expect(
      (await predict(name, gzipSync('x'.repeat(1000)).subarray(0, 20), { 'content-encoding': 'gzip' })).status,
    ).toBe(400)
    expect((await predict(name, '{}', { 'content-encoding': 'zstd' })).status).toBe(415)
    expect(
      (await ask(gateway, 'POST', `/endpoints/${name}/invocations`, 'x', { 'content-type': 'image/png' })).status,
    ).toBe(424)
    expect((await ask(gateway, 'GET', '/nothing')).status).toBe(404)
    const body = JSON.stringify({ instances: Array.from({ length: 30_000 }, () => row) })
    const real = await fetch(`${gateway.address}/v1/models/${name}:predict`, { method: 'POST', body })
    expect([real.status, ((await real.json()) as { error: string }).error]).toEqual([
      413,
      expect.stringContaining('larger than'),
    ])
  })

  it('errors come in the form of each protocol', async () => {
    expect((await ask(gateway, 'POST', '/v2/models/none/infer', '{}')).json()).toEqual({
      error: expect.stringContaining('no endpoint "none"'),
    })
    const sagemaker = await ask(gateway, 'POST', `/endpoints/${name}/invocations`, '{}')
    expect([sagemaker.status, sagemaker.headers['x-amzn-errortype']]).toEqual([424, 'ModelError'])
    expect(sagemaker.json()).toMatchObject({ OriginalStatusCode: 400, Message: expect.any(String) })
    const unknown = await ask(gateway, 'POST', '/endpoints/none/invocations', '{}')
    expect([unknown.status, unknown.headers['x-amzn-errortype']]).toEqual([400, 'ValidationError'])
    expect((await ask(gateway, 'POST', '/invocations', '{}')).json()).toMatchObject({ error_code: expect.any(String) })
  })

  it('a sender that stops in mid-body, or speaks no HTTP, harms nobody', async () => {
    const port = Number(new URL(gateway.address).port)
    for (const text of [
      `POST /v1/models/${name}:predict HTTP/1.1\r\nhost: x\r\ncontent-length: 1000\r\n\r\n{"in`,
      'nonsense\r\n\r\n',
      '\u0000\u0001\u0002',
    ])
      await new Promise<void>((resolve) => {
        const socket = connect(port, '127.0.0.1', () => socket.write(text))
        socket.on('error', () => {})
        setTimeout(() => {
          socket.destroy()
          resolve()
        }, 50)
      })
    expect((await predict(name, { instances: loans })).status).toBe(200)
    await eventually(async () =>
      /http_requests_in_flight 0/.test((await ask(gateway, 'GET', '/metrics')).body.toString()),
    )
  })

  it('ten thousand random and hostile bodies: no 5xx, no crash, no growth', async () => {
    const json = fc.json({ maxDepth: 6 })
    const nearly = fc.record(
      {
        name: fc.oneof(fc.constantFrom(...Object.keys(row)), fc.string()),
        shape: fc.oneof(fc.constant([1]), fc.anything({ maxDepth: 3 })),
        datatype: fc.oneof(fc.constantFrom('FP64', 'BYTES', 'INT64', '__proto__', 'constructor'), fc.string()),
        data: fc.oneof(fc.array(fc.oneof(fc.double(), fc.string(), fc.constant(null))), fc.anything({ maxDepth: 3 })),
        parameters: fc.oneof(fc.constant({ binary_data_size: 8 }), fc.constant(undefined)),
      },
      { requiredKeys: [] },
    )
    const safe = (value: unknown): string =>
      JSON.stringify(value, (_, each) => (typeof each === 'bigint' ? Number(each) : each)) ?? ''
    const body = fc.oneof(
      json.map((text) => Buffer.from(text)),
      fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)),
      fc.array(nearly, { maxLength: 6 }).map((inputs) => Buffer.from(safe({ inputs }))),
      fc
        .array(
          fc.dictionary(
            fc.oneof(fc.constantFrom(...Object.keys(row), '__proto__', 'toString'), fc.string()),
            fc.anything({ maxDepth: 2 }),
          ),
        )
        .map((instances) => Buffer.from(safe({ instances }))),
      fc
        .constantFrom(
          '['.repeat(50_000),
          '{"inputs":'.repeat(20_000),
          `{"inputs":[${'{},'.repeat(1000)}{}]}`,
          '{"instances":[{"income":1e999}]}',
          '\ud800',
          '{"inputs":[{"name":"a","shape":[1e9],"datatype":"FP32","data":[1]}]}',
        )
        .map((text) => Buffer.from(text)),
    )
    const path = fc.constantFrom(
      `/v2/models/${name}/infer`,
      `/v1/models/${name}:predict`,
      `/endpoints/${name}/invocations`,
      '/invocations',
      `/v2/models/${name}/versions/%ff/infer`,
      '/v2/models/%e0%a4%a/infer',
    )
    const headers = fc.record(
      {
        'content-type': fc.constantFrom('application/json', 'text/csv', 'application/octet-stream', ''),
        'inference-header-content-length': fc.constantFrom('5', '-1', 'x', '1e9', '0'),
      },
      { requiredKeys: [] },
    )
    const before = process.memoryUsage().rss
    const statuses = new Set<number>()
    await fc.assert(
      fc.asyncProperty(path, body, headers, async (url, bytes, given) => {
        const { status } = await ask(gateway, 'POST', url, bytes, given as Record<string, string>)
        statuses.add(status)
        expect(status).toBeLessThan(500)
      }),
      { numRuns: 10_000 },
    )
    expect(statuses).toContain(400)
    expect((await predict(name, { instances: loans })).status).toBe(200)
    expect(process.memoryUsage().rss - before).toBeLessThan(400e6)
  })
})

describe('with the store away', () => {
  it('a gateway goes on, keeps its windows, also over its own restart, and says so in its health', async () => {
    const away = await startTestStore()
    const folder = mkdtempSync(join(tmpdir(), 'slipway-gateway-'))
    const variant = await packageModel(project, away.store, 'loans', 1, {}, { signer })
    await writeRoute(away.store, 'loans', { kind: 'open', variant }, 'test')
    const trusted = trustedKeysFrom([keys.publicKey])
    const one = await startTestGateway(away.store, { folder, trusted })
    await eventually(() => one.endpoint('loans')?.route !== undefined)
    await away.child.stop()
    await eventually(
      async () =>
        ((await ask(one, 'GET', '/health')).json() as { store: { reachable: boolean } }).store.reachable === false,
    )
    expect((await predict('loans', { instances: loans }, {}, one)).status).toBe(200)
    await eventually(() => readdirSync(join(folder, 'outbox', one.id)).length > 0)
    await one.stop()
    const two = await startTestGateway(away.store, { folder, trusted })
    await eventually(() => two.endpoint('loans')?.route !== undefined)
    expect((await predict('loans', { instances: loans }, {}, two)).json()).toEqual({ predictions: expected })
    expect((await ask(two, 'GET', '/v2/health/ready')).status).toBe(200)
    await two.stop()
    // A copy that was tampered with is not served.
    for (const file of readdirSync(away.store.cacheFolder))
      if (/^[0-9a-f]{64}$/.test(file)) writeFileSync(join(away.store.cacheFolder, file), 'other bytes')
    const three = await startTestGateway(away.store, { folder, trusted })
    expect((await predict('loans', { instances: loans }, {}, three)).status).toBe(404)
    await three.stop()
    away.store.client.destroy()
  })
})

describe('who may ask', () => {
  it('bearers of a token, where tokens are set; load balancers may look without one', async () => {
    const own = await startTestGateway(server.store, { tokens: ['s3cret'] })
    gateways.push(own)
    const name = await open(own)
    expect((await predict(name, { instances: loans }, {}, own)).status).toBe(401)
    expect((await predict(name, { instances: loans }, { authorization: 'Bearer wrong' }, own)).status).toBe(401)
    expect((await predict(name, { instances: loans }, { authorization: 'Bearer s3cret' }, own)).status).toBe(200)
    expect((await ask(own, 'GET', '/v2/health/live')).status).toBe(200)
    expect((await ask(own, 'GET', '/metrics')).status).toBe(401)
  })
})
