import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { queryLines } from '../../examples/extending/adapters/query-lines-protocol.ts'
import { createLargeBodies } from '../../gateway/bodies/large-bodies.ts'
import type { Gateway } from '../../gateway/gateway.ts'
import { HttpRequest, type RequestHandler } from '../../gateway/http-request.ts'
import { protocolsWith } from '../../gateway/protocols/index.ts'
import { invocations } from '../../gateway/protocols/invocations/invocations.ts'
import { sagemaker } from '../../gateway/protocols/invocations/sagemaker.ts'
import { openInference } from '../../gateway/protocols/open-inference/open-inference.ts'
import type { Protocol } from '../../gateway/protocols/protocol.ts'
import { tfServing } from '../../gateway/protocols/tf-serving/predict.ts'
import { createHandler } from '../../gateway/server.ts'
import { loadModel } from '../../lib/models/model.ts'
import { localModel } from '../../lib/models/package.ts'
import { writeRoute } from '../../lib/store/routes.ts'
import { type ClientAnswer, describeProtocol, type ProtocolRow, type ProtocolUnderTest } from '../contracts/protocol.ts'
import { eventually, startTestGateway } from '../support/gateways.ts'
import { newProject, type TestProject } from '../support/project.ts'
import { packageServed } from '../support/served-models.ts'
import { openTestBucket, type TestBucket } from '../support/servers.ts'

const bodyLimit = 64 * 1024
const rows: readonly ProtocolRow[] = [
  { temp: 20, city: 'Oslo' },
  { temp: -5, city: 'Rome' },
  { temp: 33.25, city: 'Bern' },
  { temp: null, city: 'Oslo' },
]

let server: TestBucket
let project: TestProject
let gateway: Gateway
let score: ProtocolUnderTest['score']
beforeAll(async () => {
  server = await openTestBucket()
  project = newProject()
  const version = await packageServed(project, server.store, 'opt')
  await writeRoute(server.store, 'opt', { kind: 'open', variant: version }, 'test')
  gateway = await startTestGateway(server.store, { bodyLimit, protocols: [queryLines] })
  await eventually(() => gateway.endpoint('opt')?.route !== undefined)
  const model = await loadModel(await localModel({ store: server.store, trusted: new Map() }, version.digest))
  score = async (given) => [
    ...(await model.score({
      day: new Float64Array(given.length).fill(Number.NaN),
      temp: Float64Array.from(given, ({ temp }) => Number(temp ?? Number.NaN)),
      city: given.map(({ city }) => String(city)),
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

const jsonOf = ({ body }: ClientAnswer): Record<string, never> => JSON.parse(body.toString())
const underTest =
  (protocol: Protocol, client: Pick<ProtocolUnderTest, 'request' | 'broken' | 'predictions' | 'message'>) =>
  async (): Promise<ProtocolUnderTest> => ({
    protocol,
    endpoint: 'opt',
    version: 1,
    rows,
    numbers: 'temp',
    score,
    bodyLimit,
    send,
    stop: async () => {},
    ...client,
  })

const datatypes = { temp: 'FP64', city: 'BYTES' } as Record<string, string>
/** Columns of rows as tensors; text among numbers makes a column one of text. */
const tensorsOf = (given: readonly ProtocolRow[]) =>
  Object.keys(given[0] ?? datatypes).map((name) => ({
    name,
    shape: [given.length],
    datatype: given.some((row) => typeof row[name] === 'string') ? 'BYTES' : (datatypes[name] ?? 'FP64'),
    data: given.map((row) => row[name] ?? null),
  }))
const messageOf = (answer: ClientAnswer): string => jsonOf(answer).error ?? ''

describeProtocol(
  'Open Inference, tensors as JSON',
  underTest(openInference, {
    request: (given) => ({ body: JSON.stringify({ inputs: tensorsOf(given) }) }),
    broken: { body: '{"inputs": [' },
    predictions: (answer) => (jsonOf(answer).outputs as unknown as [{ data: number[] }])[0].data,
    message: messageOf,
  }),
)

/** Bytes of a tensor: texts with their lengths, numbers as doubles. */
function bytesOf({ datatype, data }: ReturnType<typeof tensorsOf>[number]): Buffer {
  if (datatype === 'FP64') return Buffer.from(Float64Array.from(data, (value) => Number(value ?? Number.NaN)).buffer)
  return Buffer.concat(
    data.flatMap((value) => {
      const text = Buffer.from(String(value))
      return [Buffer.from(Uint32Array.of(text.length).buffer), text]
    }),
  )
}

describeProtocol(
  'Open Inference, tensors as bytes',
  underTest(openInference, {
    request(given) {
      const tensors = tensorsOf(given)
      const bytes = tensors.map(bytesOf)
      const inputs = tensors.map(({ data: _, ...tensor }, i) => ({
        ...tensor,
        parameters: { binary_data_size: bytes[i]?.length },
      }))
      const head = Buffer.from(JSON.stringify({ inputs, parameters: { binary_data_output: true } }))
      return {
        body: Buffer.concat([head, ...bytes]),
        headers: { 'inference-header-content-length': String(head.length) },
      }
    },
    broken: { body: '{"inputs":[]}', headers: { 'inference-header-content-length': '100' } },
    predictions({ headers, body }) {
      const head = Number(headers['inference-header-content-length'])
      const [output] = JSON.parse(body.subarray(0, head).toString()).outputs as [{ datatype: string }]
      const bytes = Uint8Array.from(body.subarray(head)).buffer
      return [...(output.datatype === 'FP64' ? new Float64Array(bytes) : new Float32Array(bytes))]
    },
    message: messageOf,
  }),
)

const predictionsOf = (answer: ClientAnswer): number[] => jsonOf(answer).predictions ?? []
const jsonRequest = (body: object | string) => ({
  body: typeof body === 'string' ? body : JSON.stringify(body),
  headers: { 'content-type': 'application/json' },
})

describeProtocol(
  'TensorFlow Serving',
  underTest(tfServing, {
    request: (instances) => jsonRequest({ instances }),
    broken: jsonRequest('{"instances": ['),
    predictions: predictionsOf,
    message: messageOf,
  }),
)

describeProtocol(
  'invocations, as MLflow asks',
  underTest(invocations, {
    request: (given) => jsonRequest({ dataframe_records: given }),
    broken: jsonRequest('{"dataframe_records": [1'),
    predictions: predictionsOf,
    message: (answer) => jsonOf(answer).message ?? '',
  }),
)

describeProtocol(
  'invocations, as SageMaker asks, in CSV',
  underTest(sagemaker, {
    request(given) {
      const names = Object.keys(given[0] ?? datatypes)
      const lines = given.map((row) => names.map((name) => row[name] ?? '').join(','))
      return {
        body: [names.join(','), ...lines].map((line) => `${line}\n`).join(''),
        headers: { 'content-type': 'text/csv; header=present' },
      }
    },
    broken: { body: 'temp,city\n20,"Oslo\n', headers: { 'content-type': 'text/csv' } },
    predictions: predictionsOf,
    message: (answer) => jsonOf(answer).Message ?? '',
  }),
)

describeProtocol(
  'of nobody else, from outside',
  underTest(queryLines, {
    request(given) {
      const lines = given.map((row) => {
        const query = new URLSearchParams()
        for (const [name, value] of Object.entries(row)) query.set(name, String(value ?? ''))
        return query
      })
      return { body: lines.join('\n') }
    },
    broken: { body: 'temp' },
    predictions: ({ body }) => (body.length === 0 ? [] : body.toString().split('\n').map(Number)),
    message: ({ body }) => body.toString().replace(/^sorry: /, ''),
  }),
)

/** What a server of these protocols answers, without endpoints. */
function handlerWith(protocols: readonly Protocol[], admits = true): RequestHandler {
  return createHandler(
    {
      endpoint: () => undefined,
      endpoints: () => [],
      known: () => [],
      largeBodies: createLargeBodies(bodyLimit),
      admission: { admits: () => admits, enter() {}, leave() {}, underWay: 0, stop() {} },
      isReady: () => false,
      health: () => ({}),
      metrics: {
        count() {},
        lookups: { count() {}, countRefused() {} },
        text: async () => '',
        contentType: 'text/plain',
      },
      tracer: undefined,
      keepLabels() {},
      alert: undefined,
    },
    {
      bodyLimit,
      textLimit: bodyLimit,
      timeoutMs: 1_000,
      tokens: ['s3cret'],
      allowFaults: false,
      version: '0.0.0',
      protocols,
    },
  )
}
const another = (path: string): Protocol => ({
  ...queryLines,
  name: 'another',
  routes: [{ path, answers: [] }],
  lookups: () => [],
})

describe('protocols from outside', () => {
  it.each([
    ['/ask/{name}', 'POST /ask/{name}', 'protocol query-lines'],
    ['/v2/models/{name}/infer', 'POST /v2/models/{name}/infer', 'protocol open-inference'],
    ['/v1/models/{name}', 'POST /v1/models/{name}:predict', 'protocol tf-serving'],
    ['/v1/models/mine:predict', 'POST /v1/models/{name}:predict', 'protocol tf-serving'],
    ['/{name}', 'POST /invocations', 'protocol invocations'],
    ['/hooks/{name}', 'POST /hooks/alertmanager', 'every gateway'],
  ])('one for a route that is taken is refused with both names: %s', (path, route, owner) => {
    const faults = ['DEFINITION_INVALID', `POST ${path}`, 'protocol another', route, owner]
    const refusal = faultOf(() => handlerWith([queryLines, another(path)]))
    for (const fault of faults) expect(refusal).toContain(fault)
  })

  it.each(['ask/{name}', '/ask/{model}', '/ask/{name}/{name}', '/ask/{name'])('%s is no path', (path) => {
    expect(faultOf(() => handlerWith([another(path)]))).toContain(`DEFINITION_INVALID: "${path}"`)
  })

  it('two of one name are refused by it', () => {
    expect(faultOf(() => handlerWith([queryLines, queryLines]))).toContain('"query-lines"')
  })

  it.each(['/v1/models/{name}:explain', '/v2/models/{name}/explain', '/ask/{name}/again', '/asks/{name}'])(
    '%s is free',
    (path) => {
      expect(handlerWith([queryLines, another(path)])).toBeDefined()
    },
  )
})

/** Code and message of what is thrown. */
function faultOf(work: () => unknown): string {
  try {
    work()
  } catch (error) {
    return `${(error as { code: string }).code}: ${(error as Error).message}`
  }
  return 'nothing is thrown'
}

describe('before a protocol is reached, it is answered in its form, with the code of the error in a header', () => {
  const paths = {
    'open-inference': '/v2/models/opt/infer',
    'tf-serving': '/v1/models/opt:predict',
    'tf-serving-classify': '/v1/models/opt:classify',
    'tf-serving-regress': '/v1/models/opt:regress',
    'torch-serve': '/predictions/opt',
    sagemaker: '/endpoints/opt/invocations',
    invocations: '/invocations',
    'query-lines': '/ask/opt',
  } as Record<string, string>
  const bearer = { authorization: 'Bearer s3cret' }

  it.each(protocolsWith([queryLines]))('$name', ({ name, error }) => {
    const head = (headers = {}) => new HttpRequest('POST', paths[name] as string, headers)
    const crowded = handlerWith([queryLines], false)
    const overload = 'the gateway has more requests than it can answer'
    const { status, headers, body } = error({ code: 'OVERLOADED', status: 503, message: overload })
    for (const refusal of [crowded.admit(head(bearer)), crowded.admit(head(bearer))])
      expect(refusal).toEqual({
        status,
        body,
        headers: ['x-slipway-error', 'OVERLOADED', 'retry-after', '1', ...headers],
      })
    const stranger = error({ code: 'UNAUTHORIZED', status: 401, message: 'a bearer token is needed' })
    expect(crowded.admit(head())).toEqual({
      ...stranger,
      headers: ['www-authenticate', 'Bearer', 'x-slipway-error', 'UNAUTHORIZED', ...stranger.headers],
    })
  })

  it('and what is open needs no token', () => {
    const handler = handlerWith([queryLines])
    const admitted = (path: string): boolean => handler.admit(new HttpRequest('GET', path, {})) === undefined
    expect(['/ping', '/v2/health/live', '/v2/health/ready', '/ask'].map(admitted)).toEqual([true, true, true, true])
    expect(['/v2', '/health', '/metrics', '/openapi.json', '/ask/opt'].map(admitted)).toEqual(Array(5).fill(false))
  })
})
