import { connect } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { writeRoute } from '../../lib/store/routes.ts'
import { runClients, whenNotReady } from '../support/drain-clients.ts'
import { type GatewayProcess, startGatewayProcess } from '../support/gateway-process.ts'
import { eventually } from '../support/gateways.ts'
import { packageModel } from '../support/models.ts'
import { loansSql, newProject, type TestProject, writeLoans } from '../support/project.ts'
import { openTestBucket, type TestBucket } from '../support/servers.ts'

let server: TestBucket
let project: TestProject
const started: GatewayProcess[] = []
const loan = { income: 30_000, age: 40, purpose: 'car', id: 1, day: '2024-01-01T00:00:00Z' }
const body = JSON.stringify({ instances: [loan] })
const path = '/v1/models/loans:predict'

async function start(drainMs: number): Promise<GatewayProcess> {
  const gateway = await startGatewayProcess(server.store, { SLIPWAY_DRAIN_MS: String(drainMs) })
  started.push(gateway)
  return gateway
}

beforeAll(async () => {
  server = await openTestBucket()
  project = newProject()
  writeLoans(project)
  await project.data('data/loans.parquet', loansSql())
  const variant = await packageModel(project, server.store, 'loans', 1)
  await writeRoute(server.store, 'loans', { kind: 'open', variant }, 'test')
})
afterAll(async () => {
  for (const gateway of started) gateway.kill()
  await server.stop()
  project.remove()
})

/** A connection of its own, on which bytes are sent when a test says so. */
interface Line {
  send(text: string): void
  /** What came back until the other side ended it. */
  readonly said: Promise<string>
  close(): void
}

/** Resolves when the gateway's machine has taken the connection. */
function openLine({ port }: GatewayProcess): Promise<Line> {
  return new Promise((resolve, reject) => {
    let text = ''
    const socket = connect(port, '127.0.0.1')
    socket.on('data', (chunk) => {
      text += chunk
    })
    socket.on('error', (error) => {
      text += error.message
      reject(error)
    })
    const said = new Promise<string>((end) => socket.once('close', () => end(text)))
    socket.once('connect', () =>
      resolve({ send: (piece) => void socket.write(piece), said, close: () => void socket.destroy() }),
    )
  })
}

const ask = (gateway: GatewayProcess, url: string, init: RequestInit = {}) => fetch(`${gateway.address}${url}`, init)

/** What was sent before this is read by the gateway after it: its event loop went round twice. */
async function untilRead(gateway: GatewayProcess): Promise<void> {
  for (let i = 0; i < 2; i++) await (await ask(gateway, '/v2/health/live')).arrayBuffer()
}

/** The gateway takes no connections any more. */
const untilClosed = (gateway: GatewayProcess): Promise<void> =>
  eventually(() =>
    openLine(gateway).then(
      (line) => {
        line.close()
        return false
      },
      () => true,
    ),
  )

/** Longer than any test takes: it is ended when the test has seen enough. */
const longDrainMs = 600_000

describe('SIGTERM', () => {
  it('loses no request of 16 clients with connections that are kept and 16 without, five times', async () => {
    for (let stop = 0; stop < 5; stop++) {
      const gateway = await start(longDrainMs)
      const clients = runClients(gateway.address, { path, body, kept: 16, oneShot: 16 }, whenNotReady(gateway.address))
      await eventually(() => clients.answered() >= 100)
      const stopped = gateway.stop()
      const { answers, lost } = await clients.seen
      gateway.endDrain()
      expect(await stopped).toBe(0)
      expect(lost).toEqual({})
      // What is refused for load on a busy machine is answered too.
      expect(Object.keys(answers).filter((status) => status !== '503')).toEqual(['200'])
    }
  })

  it('is not ready at once, answers on with connection: close, and then closes the port', async () => {
    const gateway = await start(longDrainMs)
    const stopped = gateway.stop()
    await eventually(async () => {
      const { status } = (await (await ask(gateway, '/health')).json()) as { status: string }
      return status === 'stopping'
    })
    for (const url of ['/ping', '/v2/health/ready']) {
      const ready = await ask(gateway, url)
      expect([ready.status, ready.headers.get('connection')]).toEqual([503, 'close'])
    }
    expect((await ask(gateway, '/v2/health/live')).status).toBe(200)
    const answer = await ask(gateway, path, { method: 'POST', body })
    expect([answer.status, answer.headers.get('connection')]).toEqual([200, 'close'])
    gateway.endDrain()
    expect(await stopped).toBe(0)
    await expect(ask(gateway, '/ping')).rejects.toThrow()
  })

  it('ends by itself when the drain is over', async () => {
    expect(await (await start(100)).stop()).toBe(0)
  })

  it('answers what was half sent when the port closed: a head, a body', async () => {
    const gateway = await start(0)
    const head = `POST ${path} HTTP/1.1\r\nhost: x\r\ncontent-length: ${body.length}\r\n`
    const halves = [
      [head, `\r\n${body}`],
      [`${head}\r\n${body.slice(0, 9)}`, body.slice(9)],
    ] as const
    const lines = await Promise.all(halves.map(() => openLine(gateway)))
    for (const [i, [first]] of halves.entries()) lines[i]?.send(first)
    await untilRead(gateway)
    const stopped = gateway.stop()
    await untilClosed(gateway)
    for (const [i, [, second]] of halves.entries()) lines[i]?.send(second)
    expect(await stopped).toBe(0)
    for (const text of await Promise.all(lines.map(({ said }) => said))) {
      expect(text).toMatch(/^HTTP\/1\.1 200 OK\r\n/)
      expect(text.toLowerCase()).toContain('connection: close')
      expect(text).toContain('{"predictions":[')
    }
  })

  it('lets go of connections on which nothing was ever sent', async () => {
    const gateway = await start(0)
    const silent = await openLine(gateway)
    await untilRead(gateway)
    expect(await gateway.stop()).toBe(0)
    expect(await silent.said).toBe('')
  })
})
