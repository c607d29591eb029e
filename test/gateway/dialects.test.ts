import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Gateway } from '../../gateway/gateway.ts'
import type { Protocol } from '../../gateway/protocols/protocol.ts'
import { classify, regress } from '../../gateway/protocols/tf-serving/examples.ts'
import { torchServe } from '../../gateway/protocols/torch-serve.ts'
import type { ModelVersion } from '../../lib/formats/route.ts'
import { loadModel } from '../../lib/models/model.ts'
import { localModel } from '../../lib/models/package.ts'
import { readWindow, writeRoute } from '../../lib/store/routes.ts'
import { type ClientAnswer, describeProtocol, type ProtocolRow, type ProtocolUnderTest } from '../contracts/protocol.ts'
import { ask, eventually, type Reply, startTestGateway } from '../support/gateways.ts'
import { packageModel } from '../support/models.ts'
import { loansSql, newProject, type TestProject, writeLoans } from '../support/project.ts'
import { packageServed } from '../support/served-models.ts'
import { openTestBucket, type TestBucket } from '../support/servers.ts'

/*
 * What TensorFlow Serving, KServe's version 1, TorchServe, MLflow and SageMaker's runtime are asked besides
 * predictions, and versions that clients choose. `loans` answers probabilities, `opt` numbers; `tried` has a rollout of
 * loans in which the candidate gets nothing.
 */
const bodyLimit = 64 * 1024
const loans: readonly ProtocolRow[] = [
  { income: 30_000, age: 40, purpose: 'car', id: 1, day: '2024-01-01T00:00:00Z' },
  { income: 75_000, age: 23, purpose: 'travel', id: 2, day: '2024-01-02T00:00:00Z' },
  { income: 52_000.5, age: 71, purpose: 'home', id: 3, day: '2024-01-03T00:00:00Z' },
]
const temps: readonly ProtocolRow[] = [
  { temp: 20, city: 'Oslo' },
  { temp: -5, city: 'Rome' },
  { temp: 33.25, city: 'Bern' },
]

let server: TestBucket
let project: TestProject
let gateway: Gateway
let scoreLoans: ProtocolUnderTest['score']
let scoreTemps: ProtocolUnderTest['score']
let expected: Readonly<Record<1 | 2, readonly number[]>>

const load = async ({ digest }: ModelVersion) =>
  loadModel(await localModel({ store: server.store, trusted: new Map() }, digest))
const numbers = (rows: readonly ProtocolRow[], name: string) =>
  Float64Array.from(rows, (row) => Number(row[name] ?? Number.NaN))
const texts = (rows: readonly ProtocolRow[], name: string) => rows.map((row) => String(row[name]))

async function scorerOf(version: ModelVersion): Promise<ProtocolUnderTest['score']> {
  const model = await load(version)
  return async (rows) => [
    ...(await model.score({
      income: numbers(rows, 'income'),
      age: numbers(rows, 'age'),
      id: numbers(rows, 'id'),
      day: new Float64Array(rows.length),
      purpose: texts(rows, 'purpose'),
    })),
  ]
}

beforeAll(async () => {
  server = await openTestBucket()
  project = newProject()
  const { store } = server
  writeLoans(project)
  await project.data('data/loans.parquet', loansSql())
  const first = await packageModel(project, store, 'loans', 1)
  const second = await packageModel(project, store, 'loans', 2, { trees: '30' })
  const opt = await packageServed(project, store, 'opt')
  for (const [name, variant] of Object.entries({ loans: first, tried: first, opt }))
    await writeRoute(store, name, { kind: 'open', variant }, 'test')
  const rollout = { id: 'r', candidate: second, mode: 'split', share: 0, salt: 'r', sticky: null, slowMs: 250 } as const
  await writeRoute(store, 'tried', { kind: 'begin', rollout }, 'test')
  gateway = await startTestGateway(store, { bodyLimit, captureRate: 1 })
  await eventually(() => gateway.endpoint('tried')?.route?.revision === 2 && gateway.endpoint('opt') !== undefined)
  scoreLoans = await scorerOf(first)
  expected = { 1: await scoreLoans(loans), 2: await (await scorerOf(second))(loans) }
  const model = await load(opt)
  scoreTemps = async (rows) => [
    ...(await model.score({
      day: new Float64Array(rows.length).fill(Number.NaN),
      temp: numbers(rows, 'temp'),
      city: texts(rows, 'city'),
    })),
  ]
})
afterAll(async () => {
  await gateway.stop()
  await server.stop()
  project.remove()
})

async function send(...[method, path, request]: Parameters<ProtocolUnderTest['send']>): Promise<ClientAnswer> {
  const answer = await fetch(`${gateway.address}${path}`, {
    method,
    ...(method === 'POST' && { body: request?.body ?? '' }),
    headers: { accept: '*/*', ...request?.headers },
  })
  return {
    status: answer.status,
    headers: Object.fromEntries(answer.headers),
    body: Buffer.from(await answer.arrayBuffer()),
  }
}
const jsonOf = ({ body }: ClientAnswer) => JSON.parse(body.toString())
const underTest =
  (
    protocol: Protocol,
    endpoint: 'loans' | 'opt',
    client: Pick<ProtocolUnderTest, 'request' | 'broken' | 'predictions' | 'message'>,
  ) =>
  async (): Promise<ProtocolUnderTest> => ({
    protocol,
    endpoint,
    version: 1,
    rows: endpoint === 'opt' ? temps : loans,
    numbers: endpoint === 'opt' ? 'temp' : 'income',
    score: (rows) => (endpoint === 'opt' ? scoreTemps : scoreLoans)(rows),
    bodyLimit,
    send,
    stop: async () => {},
    ...client,
  })
const examples = (given: readonly ProtocolRow[]) => ({ body: JSON.stringify({ examples: given }) })

describeProtocol(
  'TensorFlow Serving, regress',
  underTest(regress, 'opt', {
    request: examples,
    broken: { body: '{"examples": 3}' },
    predictions: (answer) => jsonOf(answer).result,
    message: (answer) => jsonOf(answer).error,
  }),
)
describeProtocol(
  'TensorFlow Serving, classify',
  underTest(classify, 'loans', {
    request: examples,
    broken: { body: '{"examples": [3]}' },
    predictions: (answer) => jsonOf(answer).result.map((classes: [string, number][]) => classes[1]?.[1]),
    message: (answer) => jsonOf(answer).error,
  }),
)
describeProtocol(
  'TorchServe',
  underTest(torchServe, 'opt', {
    request: (given) => ({ body: JSON.stringify(given) }),
    broken: { body: '[{"temp": 3}' },
    predictions: jsonOf,
    message: (answer) => jsonOf(answer).message,
  }),
)

const get = (path: string): Promise<Reply> => ask(gateway, 'GET', path)
const post = (path: string, body: object, headers: Record<string, string> = {}): Promise<Reply> =>
  ask(gateway, 'POST', path, body, { 'content-type': 'application/json', ...headers })
const told = async (path: string): Promise<object> => {
  const answer = await get(path)
  return { status: answer.status, ...(answer.json() as object) }
}

describe('a version that a client chooses', () => {
  it.each([
    ['/v1/models/tried/versions/1:predict', 1],
    ['/v1/models/tried/versions/2:predict', 2],
    ['/v1/models/tried/labels/champion:predict', 1],
    ['/v1/models/tried/labels/candidate:predict', 2],
    ['/v1/models/tried/versions/0:predict', 1],
    ['/endpoints/tried/invocations', 1],
    ['/endpoints/tried/invocations?x=candidate', 2],
    ['/endpoints/tried/invocations?x=1', 1],
  ] as const)('%s is answered by version %s', async (url, version) => {
    const [path, variant] = url.split('?x=') as [string, string | undefined]
    const answer = await post(
      path,
      { instances: loans },
      {
        ...(variant && { 'x-amzn-sagemaker-target-variant': variant }),
      },
    )
    expect(answer.json()).toEqual({ predictions: expected[version] })
    if (path.startsWith('/endpoints'))
      expect(answer.headers['x-amzn-invoked-production-variant']).toBe(variant ?? 'champion')
  })

  it('is refused where it is not there now, in the words of the protocol', async () => {
    const predict = await post('/v1/models/tried/labels/previous:predict', { instances: loans })
    expect([predict.status, predict.json()]).toEqual([404, { error: 'endpoint tried has no previous now' }])
    expect((await post('/v1/models/tried/labels/best:predict', { instances: loans })).status).toBe(404)
    const headers = { 'x-amzn-sagemaker-target-variant': 'candidate' }
    const invoked = await post('/endpoints/loans/invocations', { instances: loans }, headers)
    expect([invoked.status, invoked.headers['x-amzn-errortype']]).toEqual([400, 'ValidationError'])
    expect(invoked.json()).toEqual({ Message: 'endpoint loans has no candidate now' })
  })

  it('counts for and against nobody, and what the route gives does', async () => {
    await writeRoute(
      server.store,
      'counted',
      { kind: 'open', variant: gateway.endpoint('loans')?.route?.champion as ModelVersion },
      'test',
    )
    await eventually(() => gateway.endpoint('counted')?.route !== undefined)
    for (let i = 0; i < 3; i++) await post('/v1/models/counted/labels/champion:predict', { instances: loans })
    await post('/endpoints/counted/invocations', { instances: loans }, { 'x-amzn-sagemaker-target-variant': '1' })
    await post('/v1/models/counted/versions/0:predict', { instances: loans })
    await eventually(async () => (await readWindow(server.store, 'counted', gateway.id, 0)) !== undefined)
    const window = await readWindow(server.store, 'counted', gateway.id, 0)
    expect([window?.champion.requests, window?.champion.rows]).toEqual([1, 3])
  })
})

describe("SageMaker's InferenceId", () => {
  const invoke = (headers: Record<string, string>) =>
    post('/endpoints/loans/invocations', { instances: loans }, headers)

  it('is the id that the request is known by, whatever a proxy calls it', async () => {
    const headers = { 'x-amzn-sagemaker-inference-id': 'order-17', 'x-request-id': 'of-the-proxy' }
    expect((await invoke(headers)).headers['x-request-id']).toBe('order-17')
  })

  it('is refused where labels could not name it', async () => {
    const answer = await invoke({ 'x-amzn-sagemaker-inference-id': 'order 17' })
    expect([answer.status, answer.headers['x-amzn-errortype']]).toEqual([424, 'ModelError'])
    expect(answer.json()).toMatchObject({ OriginalStatusCode: 400 })
  })
})

describe('what TensorFlow Serving and KServe are looked up', () => {
  const available = (version: string) => ({
    version,
    state: 'AVAILABLE',
    status: { error_code: 'OK', error_message: '' },
  })

  it('is which versions are ready: all, one by number, one by label', async () => {
    expect(await told('/v1/models/tried')).toEqual({
      status: 200,
      name: 'tried',
      ready: true,
      model_version_status: [available('2'), available('1')],
    })
    for (const path of ['versions/2', 'labels/candidate'])
      expect(await told(`/v1/models/tried/${path}`)).toMatchObject({ model_version_status: [available('2')] })
    expect(await told('/v1/models/tried/versions/3')).toEqual({
      status: 404,
      error: 'endpoint tried has no version 3 loaded',
    })
    expect(await told('/v1/models/nobody')).toMatchObject({ status: 404, error: expect.stringContaining('nobody') })
  })

  it('is the list of models', async () => {
    expect(await told('/v1/models')).toEqual({ status: 200, models: expect.arrayContaining(['loans', 'opt', 'tried']) })
  })

  it('is the signature, by the columns of the rows', async () => {
    const dim = { dim: [{ size: '-1', name: '' }], unknown_rank: false }
    expect(await told('/v1/models/opt/metadata')).toEqual({
      status: 200,
      model_spec: { name: 'opt', signature_name: '', version: '1' },
      metadata: {
        signature_def: {
          signature_def: {
            serving_default: {
              inputs: {
                day: { dtype: 'DT_STRING', tensor_shape: dim, name: 'day' },
                temp: { dtype: 'DT_DOUBLE', tensor_shape: dim, name: 'temp' },
                city: { dtype: 'DT_STRING', tensor_shape: dim, name: 'city' },
              },
              outputs: { prediction: { dtype: 'DT_FLOAT', tensor_shape: dim, name: 'prediction' } },
              method_name: 'tensorflow/serving/predict',
            },
          },
        },
      },
    })
    for (const path of ['versions/2', 'labels/candidate'])
      expect(await told(`/v1/models/tried/${path}/metadata`)).toMatchObject({ model_spec: { version: '2' } })
  })

  it('and a signature that is not there is refused', async () => {
    const predict = (more: object) => post('/v1/models/opt:predict', { instances: temps, ...more })
    expect((await predict({ signature_name: 'serving_default' })).status).toBe(200)
    const answer = await predict({ signature_name: 'regress' })
    expect([answer.status, answer.json()]).toEqual([
      400,
      { error: 'there is no signature "regress"; the model has "serving_default"' },
    ])
  })

  it('and texts may come as bytes', async () => {
    const b64 = (text: string) => ({ b64: Buffer.from(text).toString('base64') })
    const instances = temps.map((row) => ({ ...row, city: b64(String(row.city)) }))
    const answer = await post('/v1/models/opt:predict', { instances })
    expect(answer.json()).toEqual({ predictions: await scoreTemps(temps) })
    expect((await post('/v1/models/opt:predict', { instances: [{ city: { b64: '/w==' } }] })).status).toBe(400)
  })
})

describe('examples', () => {
  it('may have things in common, and lists of one', async () => {
    const { income, ...common } = loans[0] as ProtocolRow
    const request = { context: common, examples: [{ income: [income] }, { income: 60_000 }] }
    const [first, second] = ((await post('/v1/models/loans:classify', request)).json() as { result: object[] }).result
    const yes = expected[1][0] as number
    expect(first).toEqual([
      ['0', Math.fround(1 - yes)],
      ['1', yes],
    ])
    expect(second).toEqual([
      ['0', expect.any(Number)],
      ['1', (await scoreLoans([{ ...common, income: 60_000 }]))[0]],
    ])
  })

  it('are refused by a method that cannot say what the model answers', async () => {
    for (const [path, rows] of [
      ['/v1/models/opt:classify', temps],
      ['/v1/models/loans:regress', loans],
    ] as const) {
      const answer = await post(path, { examples: rows })
      expect([answer.status, answer.json()]).toEqual([400, { error: expect.stringContaining('ask it by :predict') }])
    }
  })
})

describe('TorchServe', () => {
  it('answers a row alone by its prediction, and instances as KServe does', async () => {
    const [row] = temps
    const [prediction, ...others] = await scoreTemps(temps)
    expect((await post('/predictions/opt', row as object)).json()).toBe(prediction)
    expect((await post('/predictions/opt/1', { instances: temps })).json()).toEqual({
      predictions: [prediction, ...others],
    })
  })

  it('lists and describes models', async () => {
    const list = (await get('/models')).json() as { models: object[] }
    expect(list.models).toContainEqual({ modelName: 'opt', modelUrl: 'opt' })
    const versions = async (path: string) =>
      ((await get(path)).json() as { modelVersion: string }[]).map(({ modelVersion }) => modelVersion)
    expect(await versions('/models/tried')).toEqual(['1'])
    expect(await versions('/models/tried/2')).toEqual(['2'])
    expect(await versions('/models/tried/all')).toEqual(['1', '2'])
    expect((await get('/models/nobody')).json()).toMatchObject({ code: 404, type: 'ResourceNotFoundException' })
    expect((await get('/ping')).json()).toEqual({ ready: true, status: 'Healthy' })
  })
})

describe('MLflow', () => {
  // By the path of SageMaker's runtime, whose status for what a model refuses is 424.
  const [row] = temps as [ProtocolRow]

  it('is answered one row of single values, as it answers it', async () => {
    const answer = await post('/endpoints/opt/invocations', { inputs: row })
    expect(answer.json()).toEqual({ predictions: await scoreTemps([row]) })
    expect((await post('/endpoints/opt/invocations', { inputs: { ...row, temp: [1] } })).status).toBe(424)
    expect((await post('/endpoints/opt/invocations', { inputs: {} })).status).toBe(424)
  })

  it('is told when a request has two formats', async () => {
    const answer = await post('/endpoints/opt/invocations', { dataframe_records: [row], inputs: [row] })
    expect([answer.status, answer.body.toString()]).toEqual([
      424,
      expect.stringContaining('has dataframe_records and inputs: send one of them'),
    ])
  })
})

it('MLflow is told the version of the server', async () => {
  const answer = await get('/version')
  expect([answer.status, answer.body.toString()]).toEqual([200, '0.0.0'])
})
