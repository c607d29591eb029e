import { connect } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { writeRoute } from '../../store/routes.ts'
import { runClients, whenNotReady } from '../support/drain-clients.ts'
import { type GatewayProcess, startGatewayProcess } from '../support/gateway-process.ts'
import { packageModel } from '../support/models.ts'
import { loansSql, newProject, type TestProject, writeLoans } from '../support/project.ts'
import { startTestStore, type TestStore } from '../support/servers.ts'

let server: TestStore
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
  server = await startTestStore()
  project = newProject()
  writeLoans(project)
  await project.data('data/loans.parquet', loansSql())
  const variant = await packageModel(project, server.store, 'loans', 1)
  await writeRoute(server.store, 'loans', { kind: 'open', variant }, 'test')
}, 120_000)
afterAll(async () => {
  for (const gateway of started) gateway.kill()
  await server.stop()
  project.remove()
})

/** Sends bytes piece by piece over a connection of its own. @returns what came back until the other side ended it */
function inPieces(address: string, pieces: readonly string[], ms: number): Promise<string> {
  return new Promise((resolve) => {
    let text = ''
    const socket = connect(Number(new URL(address).port), '127.0.0.1', async () => {
      for (const [i, piece] of pieces.entries()) {
        if (i > 0) await sleep(ms)
        socket.write(piece)
      }
    })
    socket.on('data', (chunk) => {
      text += chunk
    })
    socket.on('error', (error) => {
      text += error.message
    })
    socket.once('close', () => resolve(text))
  })
}

describe('SIGTERM', () => {
  it('loses no request of 16 clients with connections that are kept and 16 without, five times', async () => {
    for (let stop = 0; stop < 5; stop++) {
      const gateway = await start(400)
      const clients = runClients(gateway.address, { path, body, kept: 16, oneShot: 16 }, whenNotReady(gateway.address))
      await sleep(400)
      expect(await gateway.stop()).toBe(0)
      const { answers, lost } = await clients
      expect(lost).toEqual({})
      // What is refused for load on a busy machine is answered too.
      expect(Object.keys(answers).filter((status) => status !== '503')).toEqual(['200'])
    }
  }, 120_000)

  it('is not ready at once, answers on with connection: close, and then closes the port', async () => {
    const gateway = await start(1_500)
    const ask = (url: string, init: RequestInit = {}) => fetch(`${gateway.address}${url}`, init)
    const stopped = gateway.stop()
    await sleep(300)
    for (const url of ['/ping', '/v2/health/ready']) {
      const ready = await ask(url)
      expect([ready.status, ready.headers.get('connection')]).toEqual([503, 'close'])
    }
    expect(await (await ask('/health')).json()).toMatchObject({ status: 'stopping' })
    expect((await ask('/v2/health/live')).status).toBe(200)
    const answer = await ask(path, { method: 'POST', body })
    expect([answer.status, answer.headers.get('connection')]).toEqual([200, 'close'])
    expect(await stopped).toBe(0)
    await expect(ask('/ping')).rejects.toThrow()
  })

  it('answers what was half sent when the port closed: a head, a body', async () => {
    const gateway = await start(0)
    const head = `POST ${path} HTTP/1.1\r\nhost: x\r\ncontent-length: ${body.length}\r\n`
    const answers = [
      inPieces(gateway.address, [head, `\r\n${body}`], 1_500),
      inPieces(gateway.address, [`${head}\r\n${body.slice(0, 9)}`, body.slice(9)], 1_500),
    ]
    await sleep(300)
    expect(await gateway.stop()).toBe(0)
    for (const text of await Promise.all(answers)) {
      expect(text).toMatch(/^HTTP\/1\.1 200 OK\r\n/)
      expect(text.toLowerCase()).toContain('connection: close')
      expect(text).toContain('{"predictions":[')
    }
  })

  it('lets go of connections on which nothing was ever sent', async () => {
    const gateway = await start(0)
    const silent = inPieces(gateway.address, [], 0)
    await sleep(200)
    expect(await gateway.stop()).toBe(0)
    expect(await silent).toBe('')
  })
})
