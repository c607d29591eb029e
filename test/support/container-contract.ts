import { once } from 'node:events'
import { connect } from 'node:net'
import getPort from 'get-port'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { azureMl } from '../../gateway/protocols/containers/azure-ml.ts'
import { vertex } from '../../gateway/protocols/containers/vertex.ts'
import { invocations } from '../../gateway/protocols/invocations/invocations.ts'
import { type ClientAnswer, describeProtocol, type ProtocolRow, type ProtocolUnderTest } from '../contracts/protocol.ts'
import { eventually } from './gateways.ts'
import type { ModelServerProcess } from './model-servers.ts'

/**
 * Something that serves the model `opt` of served-models.ts and begins with an environment that a platform gives it.
 */
export interface Container {
  start(env: Readonly<Record<string, string>>): Promise<ModelServerProcess>
  /** Predictions of rows, without it. */
  readonly score: ProtocolUnderTest['score']
  /** What a gateway answers to a body at `/invocations`. */
  gateway(body: string): Promise<string>
  stop(): Promise<void>
}

const bodyLimit = 64 * 1024
const vertexRoutes = {
  predict: '/v1/endpoints/12/deployedModels/34:predict',
  health: '/v1/endpoints/12/deployedModels/34',
}
export const containerRows: readonly ProtocolRow[] = [
  { temp: 20, city: 'Oslo' },
  { temp: -5, city: 'Rome' },
  { temp: 33.25, city: 'Bern' },
  { temp: null, city: 'Oslo' },
]
const jsonOf = ({ body }: ClientAnswer): Record<string, never> => JSON.parse(body.toString())
const asJson = (body: object | string) => ({
  body: typeof body === 'string' ? body : JSON.stringify(body),
  headers: { 'content-type': 'application/json' },
})

/** How each platform's clients ask, and what they read. */
const dialects: readonly (Pick<ProtocolUnderTest, 'protocol' | 'request' | 'broken' | 'predictions' | 'message'> & {
  readonly platform: string
})[] = [
  {
    platform: 'SageMaker',
    protocol: invocations,
    request(given) {
      const names = Object.keys(given[0] ?? { temp: 0, city: '' })
      const lines = given.map((row) => names.map((name) => row[name] ?? '').join(','))
      return {
        body: [names.join(','), ...lines].map((line) => `${line}\n`).join(''),
        headers: { 'content-type': 'text/csv; header=present' },
      }
    },
    broken: { body: 'temp,city\n20,"Oslo\n', headers: { 'content-type': 'text/csv' } },
    predictions: (answer) => jsonOf(answer).predictions ?? [],
    message: (answer) => jsonOf(answer).message ?? '',
  },
  {
    platform: 'Vertex AI',
    protocol: vertex(vertexRoutes),
    request: (instances) => asJson({ instances, parameters: { threshold: 0.5 } }),
    broken: asJson('{"instances": ['),
    predictions: (answer) => jsonOf(answer).predictions ?? [],
    message: (answer) => jsonOf(answer).error ?? '',
  },
  {
    platform: 'Azure ML',
    protocol: azureMl,
    request(given) {
      const columns = Object.keys(given[0] ?? { temp: 0, city: '' })
      const data = given.map((row) => columns.map((name) => row[name] ?? null))
      return asJson({ input_data: { columns, index: given.map((_, i) => i), data } })
    },
    broken: asJson('{"input_data": {'),
    predictions: (answer) => jsonOf(answer) as never,
    message: (answer) => (jsonOf(answer).error as unknown as { message?: string })?.message ?? '',
  },
]

/** What a container has to keep, platform by platform, told as tests. */
export function describeContainer(name: string, open: () => Promise<Container>): void {
  describe(`container: ${name}`, () => {
    let container: Container
    let server: ModelServerProcess
    beforeAll(async () => {
      container = await open()
      server = await container.start({
        SLIPWAY_BODY_LIMIT: String(bodyLimit),
        AIP_HTTP_PORT: String(await getPort()),
        AIP_PREDICT_ROUTE: vertexRoutes.predict,
        AIP_HEALTH_ROUTE: vertexRoutes.health,
      })
    })
    afterAll(async () => {
      await server.signal('SIGKILL')
      await container.stop()
    })

    for (const { platform, ...client } of dialects)
      describeProtocol(`${platform}'s container`, async () => ({
        endpoint: 'opt',
        version: 1,
        rows: containerRows,
        numbers: 'temp',
        score: (rows) => container.score(rows),
        bodyLimit,
        send: (...args) => send(server, ...args),
        stop: async () => {},
        ...client,
      }))

    it('answers byte for byte what a gateway answers', async () => {
      const body = JSON.stringify({ instances: containerRows })
      const answer = await send(server, 'POST', '/invocations', asJson(body))
      expect(answer.body.toString()).toBe(await container.gateway(body))
    })

    it('is healthy where each platform looks', async () => {
      for (const path of ['/ping', vertexRoutes.health, '/', '/ready', '/v2/health/ready', '/health'])
        expect([path, (await send(server, 'GET', path)).status]).toEqual([path, 200])
    })

    describeEnd(() => container)
  })
}

/** How it ends when its platform tells it to. */
function describeEnd(container: () => Container): void {
  it('told to stop by SIGTERM it is alive, not ready, finishes what is under way, and ends with 0', async () => {
    const server = await container().start({
      SAGEMAKER_BIND_TO_PORT: String(await getPort()),
      SLIPWAY_DRAIN_MS: '1500',
    })
    const slow = connect(Number(new URL(server.address).port), '127.0.0.1')
    const body = JSON.stringify({ instances: containerRows })
    slow.write(
      `POST /invocations HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n`,
    )
    slow.write(body.slice(0, 10))
    let said = ''
    slow.on('data', (chunk) => {
      said += chunk
    })
    const ended = server.signal('SIGTERM')
    await eventually(async () => (await send(server, 'GET', '/ping')).status === 503)
    expect((await send(server, 'GET', '/ready')).status).toBe(503)
    expect((await send(server, 'GET', '/')).status).toBe(200)
    slow.write(body.slice(10))
    await once(slow, 'close')
    expect(said).toContain('HTTP/1.1 200')
    expect(said).toContain('"predictions":[')
    expect(await ended).toBe(0)
  })
}

async function send(
  server: Pick<ModelServerProcess, 'address'>,
  ...[method, path, request]: Parameters<ProtocolUnderTest['send']>
): Promise<ClientAnswer> {
  const answer = await fetch(`${server.address}${path}`, {
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
