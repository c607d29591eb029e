import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { smallBody } from '../../gateway/bodies/json-bounds.ts'
import type { Gateway } from '../../gateway/gateway.ts'
import type { ModelVersion } from '../../lib/formats/route.ts'
import type { TelemetryWindow } from '../../lib/formats/telemetry.ts'
import { readWindow, writeRoute } from '../../lib/store/routes.ts'
import { ask, eventually, type Reply, startTestGateway } from '../support/gateways.ts'
import { packageModel } from '../support/models.ts'
import { newProject, type TestProject } from '../support/project.ts'
import { packageServed } from '../support/served-models.ts'
import { openTestBucket, type TestBucket } from '../support/servers.ts'

/*
 * A body that is read in a thread is the same as one that is not: spaces behind JSON say nothing, and make it large.
 */
const endpoints = ['opt', 'words', 'churn', 'ids'] as const
let server: TestBucket
let project: TestProject
let gateway: Gateway
let second: ModelVersion
const versions: Partial<Record<(typeof endpoints)[number], ModelVersion>> = {}

beforeAll(async () => {
  server = await openTestBucket()
  project = newProject()
  gateway = await startTestGateway(server.store)
  for (const name of endpoints) {
    const variant = await packageServed(project, server.store, name)
    versions[name] = variant
    await writeRoute(server.store, name, { kind: 'open', variant }, 'test')
  }
  const definition = join(project.root, 'pipelines/opt/pipeline.ts')
  writeFileSync(definition, readFileSync(definition, 'utf8').replace('trees: 10', 'trees: 12'))
  second = await packageModel(project, server.store, 'opt', 2)
  await eventually(() => endpoints.every((name) => gateway.endpoint(name)?.route !== undefined))
})
afterAll(async () => {
  await gateway.stop()
  await server.stop()
  project.remove()
})

type Headers = Record<string, string>
const spaces = Buffer.alloc(smallBody, ' ')
const shown = ({ status, headers, body }: Reply) => ({ status, headers, body: body.toString('latin1') })

/** Asks with the body as it is, and made large. */
async function both(url: string, body: string | Buffer | object, headers: Headers = {}): Promise<[Reply, Reply]> {
  const bytes = Buffer.isBuffer(body) ? body : Buffer.from(typeof body === 'string' ? body : JSON.stringify(body))
  const all = { 'content-type': 'application/json', 'x-request-id': 'one', ...headers }
  return [
    await ask(gateway, 'POST', url, bytes, all),
    await ask(gateway, 'POST', url, Buffer.concat([bytes, spaces]), all),
  ]
}

const churn = {
  senior: 1,
  plan: 'pro',
  tenure: 12,
  monthly: 20.5,
  total: null,
  paperless: true,
  since: '2024-02-01',
  genres: 'Comedy|Drama',
}
/** What values may be, right and wrong, for any column. */
const values: readonly unknown[] = [
  null,
  0,
  -0,
  1,
  1.5,
  -3.25e-7,
  1e300,
  '9007199254740993',
  '',
  'pro',
  'é😀',
  '2024-02-30',
  '2024-02-01T00:00:00Z',
  true,
  [],
  [1],
  {},
  { b64: 'cHJv' },
]

const tensorsOf = (rows: readonly Record<string, unknown>[]) =>
  Object.entries({ temp: 'FP64', city: 'BYTES', day: 'BYTES' }).map(([name, datatype]) => ({
    name,
    shape: [rows.length],
    datatype,
    data: rows.map((row) => row[name] ?? null),
  }))
const opt = [
  { day: '2020-01-01', temp: 20, city: 'Oslo' },
  { day: '2020-06-01', temp: -5.125, city: 'Rome' },
  { temp: null, city: 'Bern' },
]

describe('a large body is answered as a small one is', () => {
  it.each(Object.keys(churn).flatMap((column) => values.map((value) => [column, value] as const)))(
    'where %s is %j',
    async (column, value) => {
      const rows = [churn, { ...churn, [column]: value }]
      const [small, large] = await both('/v1/models/churn:predict', { instances: rows })
      expect(shown(large)).toEqual(shown(small))
      expect([200, 400, 422]).toContain(small.status)
    },
  )

  const matrix = opt.map(({ day, temp, city }) => [day, temp, city])
  const words = { city: 'Oslo', sky: 'rain' }
  it.each<[string, string, string | object, Headers?]>([
    ['instances', '/v1/models/opt:predict', { instances: opt }],
    ['columns', '/v1/models/opt:predict', { inputs: { temp: [1, null], city: ['Oslo', null] } }],
    ['columns of two lengths', '/v1/models/opt:predict', { inputs: { temp: [1, 2], city: ['Oslo'] } }],
    ['explanations that nobody keeps', '/v1/models/opt:predict', { instances: opt, explain: true }],
    ['examples', '/v1/models/churn:classify', { context: churn, examples: [{}, { plan: ['basic'] }] }],
    ['examples of another task', '/v1/models/opt:classify', { examples: opt }],
    ['numbers', '/v1/models/opt:regress', { examples: opt }],
    ['a name that is not there', '/v1/models/opt:predict', { instances: [{ ...opt[0], tempp: 1 }] }],
    ['a name that is ignored', '/v1/models/opt:predict', { instances: [{ ...opt[0], wholly_other: 1 }] }],
    ['no rows', '/v1/models/opt:predict', { instances: [] }],
    ['no such endpoint', '/v1/models/none:predict', { instances: [] }],
    ['no such version', '/v1/models/opt/versions/7:predict', { instances: opt }],
    ['a version', '/v1/models/opt/versions/1:predict', { instances: opt }],
    ['NaN words', '/v1/models/opt:predict', '{"instances":[{"temp":NaN,"city":"NaN"}]}'],
    ['a key twice', '/v1/models/opt:predict', '{"instances":[{"temp":1,"temp":2,"city":"a","city":"b"}]}'],
    ['a name of the language', '/v1/models/opt:predict', '{"instances":[{"__proto__":{"temp":1},"toString":1}]}'],
    ['broken JSON', '/v1/models/opt:predict', '{"instances":[}]}'],
    ['another thing', '/v1/models/opt:predict', '"instances"'],
    ['long numbers', '/v1/models/ids:predict', '{"instances":[{"id":"9007199254740993","day":"2024-01-01"}]}'],
    ['tensors', '/v2/models/opt/infer', { inputs: tensorsOf(opt), id: 'mine' }],
    [
      'a tensor too short',
      '/v2/models/opt/infer',
      { inputs: [{ name: 'temp', shape: [2], datatype: 'FP32', data: [1] }] },
    ],
    [
      'a type that does not fit',
      '/v2/models/opt/infer',
      { inputs: [{ name: 'temp', shape: [1], datatype: 'BOOL', data: [true] }] },
    ],
    [
      'features',
      '/v2/models/opt/infer',
      {
        inputs: [
          { name: 'heat', shape: [2], datatype: 'FP32', data: [1, null] },
          { name: 'place', shape: [2], datatype: 'BYTES', data: ['Oslo', null] },
        ],
      },
    ],
    [
      'an output by name',
      '/v2/models/opt/infer',
      { inputs: tensorsOf(opt), outputs: [{ name: 'prediction', parameters: { binary_data: true } }] },
    ],
    ['an output that is not there', '/v2/models/opt/infer', { inputs: tensorsOf(opt), outputs: [{ name: 'no' }] }],
    ['binary answers', '/v2/models/opt/infer', { inputs: tensorsOf(opt), parameters: { binary_data_output: true } }],
    ['rows alone', '/endpoints/opt/invocations', opt],
    ['a matrix', '/endpoints/opt/invocations', { dataframe_split: { columns: ['day', 'temp', 'city'], data: matrix } }],
    [
      'a matrix that is ragged',
      '/endpoints/opt/invocations',
      { dataframe_split: { columns: ['day', 'temp'], data: matrix } },
    ],
    ['records', '/endpoints/words/invocations', { dataframe_records: [words, words] }],
    ['answers as CSV', '/endpoints/words/invocations', [words, words], { accept: 'text/csv' }],
    [
      'lines',
      '/endpoints/opt/invocations',
      opt.map((row) => JSON.stringify(row)).join('\n'),
      { 'content-type': 'application/jsonlines' },
    ],
    [
      'lines with a broken one',
      '/endpoints/opt/invocations',
      '{"temp":1}\n{"temp":',
      { 'content-type': 'application/jsonlines' },
    ],
    ['a variant', '/endpoints/opt/invocations', opt, { 'x-amzn-sagemaker-target-variant': '1' }],
    ['a media type that is not read', '/endpoints/opt/invocations', 'x', { 'content-type': 'application/pdf' }],
    ['one row', '/predictions/churn', churn],
    ['rows', '/predictions/churn', [churn, churn]],
    ['an envelope', '/predictions/churn', { instances: [churn] }],
  ])('with %s', async (_, url, body, headers) => {
    const [small, large] = await both(url, body, headers)
    expect(shown(large)).toEqual(shown(small))
  })

  it('with binary tensors behind JSON', async () => {
    const temp = Buffer.from(new Float64Array([1.5, Number.NaN, -0]).buffer)
    const json = (padding: number): Buffer =>
      Buffer.from(
        `${JSON.stringify({ inputs: [{ name: 'temp', shape: [3], datatype: 'FP64', parameters: { binary_data_size: temp.length } }] })}${' '.repeat(padding)}`,
      )
    const [small, large] = await Promise.all(
      [0, smallBody].map((padding) =>
        ask(gateway, 'POST', '/v2/models/opt/infer', Buffer.concat([json(padding), temp]), {
          'x-request-id': 'one',
          'inference-header-content-length': String(json(padding).length),
        }),
      ),
    )
    expect(small?.status).toBe(200)
    expect(shown(large as Reply)).toEqual(shown(small as Reply))
  })

  it('row by row, in CSV too', async () => {
    const lines = Array.from({ length: 5_000 }, (_, i) => `2020-01-01,${i % 7},${['Oslo', '"a,b"', ''][i % 3]}`)
    const csv = async (rows: readonly string[]): Promise<number[]> => {
      const reply = await ask(gateway, 'POST', '/endpoints/opt/invocations', `day,temp,city\n${rows.join('\n')}\n`, {
        'content-type': 'text/csv',
      })
      expect(reply.status, reply.body.toString()).toBe(200)
      return (reply.json() as { predictions: number[] }).predictions
    }
    const few: number[] = []
    for (let at = 0; at < lines.length; at += 500) few.push(...(await csv(lines.slice(at, at + 500))))
    expect(lines.join('\n').length).toBeGreaterThan(smallBody)
    expect(await csv(lines)).toEqual(few)
  })

  it('where it is labels', async () => {
    for (const body of [
      { requestId: 'a', label: 1, endpoint: 'churn' },
      [{ requestId: 'a', label: 7, endpoint: 'churn' }],
      [{ requestId: 'a', label: 1 }],
      [{ requestId: 'a', label: 1, endpoint: 'none' }],
      [],
      '[{"requestId":}]',
    ]) {
      const [small, large] = await both('/feedback', body)
      expect(shown(large)).toEqual(shown(small))
    }
  })

  it('where it is alerts', async () => {
    for (const body of [{ version: '4', status: 'firing', alerts: [{}] }, { version: '3' }, []]) {
      const [small, large] = await both('/hooks/alertmanager', body)
      expect(shown(large)).toEqual(shown(small))
    }
  })
})

describe('what a large body may be', () => {
  it.each([
    ['too deep', `{"instances":${'['.repeat(70_000)}`, /more than 64 deep/],
    [
      'of too many keys',
      `{"instances":[{${Array.from({ length: 20_001 }, (_, i) => `"${i}":1`)}}]}`,
      /more than 20000 keys/,
    ],
  ])('is not %s', async (_, body, words) => {
    const reply = await ask(gateway, 'POST', '/v1/models/opt:predict', body, {})
    expect(reply.status).toBe(413)
    expect(reply.body.toString()).toMatch(words)
    expect(reply.headers['x-slipway-error']).toBe('REQUEST_TOO_LARGE')
  })

  it('may have fewer bytes as text, and not as bytes', async () => {
    const other = await startTestGateway(server.store, { textLimit: 2 * smallBody })
    const body = Buffer.alloc(2 * smallBody + 1, ' ')
    const limits = await Promise.all(
      ['application/json', 'text/csv', 'application/octet-stream'].map(async (type) => {
        const answer = await fetch(`${other.address}/endpoints/opt/invocations`, {
          method: 'POST',
          headers: { 'content-type': type },
          body,
        })
        return ((await answer.json()) as { OriginalStatusCode: number }).OriginalStatusCode
      }),
    )
    await other.stop()
    expect(limits).toEqual([413, 413, 415])
  })

  it.each(['shadow', 'bake', 'split'] as const)('is asked of two versions, and both are counted: %s', async (mode) => {
    const { store } = server
    const name = `two-${mode}`
    await writeRoute(store, name, { kind: 'open', variant: versions.opt as ModelVersion }, 'test')
    const rollout = { id: 'r1', candidate: second, mode, share: 1, salt: 's', sticky: null, slowMs: null }
    await writeRoute(store, name, { kind: 'begin', rollout }, 'test')
    await eventually(() => gateway.endpoint(name)?.route?.revision === 2, 60_000)
    const [small, large] = await both(`/v1/models/${name}:predict`, { instances: opt })
    expect(small.status, small.body.toString()).toBe(200)
    expect(shown(large)).toEqual(shown(small))
    expect(large.headers['x-slipway-role']).toBe(mode === 'shadow' ? 'champion' : 'candidate')
    const windows: TelemetryWindow[] = []
    const requests = (of: 'champion' | 'candidate'): number =>
      windows.reduce((sum, window) => sum + (window[of]?.requests ?? 0), 0)
    await eventually(async () => {
      const next = await readWindow(store, name, gateway.id, windows.length)
      if (next !== undefined) windows.push(next)
      return requests('candidate') >= 2 && (mode === 'split' || requests('champion') >= 2)
    }, 60_000)
    expect(requests('candidate')).toBe(2)
    const pairs = windows.reduce((sum, window) => sum + (window.pairs?.n ?? 0), 0)
    expect(pairs).toBe(mode === 'split' ? 0 : 2)
  })
})
