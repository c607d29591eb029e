import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Gateway } from '../../gateway/gateway.ts'
import type { ModelVersion, RouteRollout } from '../../lib/formats/route.ts'
import type { TelemetryWindow } from '../../lib/formats/telemetry.ts'
import { readWindow, writeRoute } from '../../lib/store/routes.ts'
import { ask, eventually, type Reply, startTestGateway } from '../support/gateways.ts'
import { openTestBucket, type TestBucket } from '../support/servers.ts'
import { storeTensorModel } from '../support/stored-tensors.ts'
import { textEncoder } from '../support/tensor-models.ts'

/*
 * A token that the vocabulary of a model does not have is the client's fault, unless the champion knows it.
 */
let server: TestBucket
let gateway: Gateway
let large: ModelVersion
let small: ModelVersion
let count = 0

beforeAll(async () => {
  server = await openTestBucket()
  gateway = await startTestGateway(server.store)
  large = await storeTensorModel(server.store, 1, textEncoder(20))
  small = await storeTensorModel(server.store, 2, textEncoder(10))
})
afterAll(async () => {
  await gateway?.stop()
  await server?.stop()
})

/** An endpoint of its own, with a candidate or without one. */
async function open(champion: ModelVersion, candidate?: ModelVersion, mode: RouteRollout['mode'] = 'split') {
  const name = `e${++count}`
  await writeRoute(server.store, name, { kind: 'open', variant: champion }, 'test')
  if (candidate !== undefined) {
    const rollout = { id: 'r1', candidate, mode, share: 1, salt: 'r1', sticky: null, slowMs: 60_000 }
    await writeRoute(server.store, name, { kind: 'begin', rollout }, 'test')
  }
  await eventually(() => gateway.endpoint(name)?.route?.revision === (candidate === undefined ? 1 : 2))
  return name
}

const infer = (endpoint: string, tokens: readonly number[]): Promise<Reply> =>
  ask(gateway, 'POST', `/v2/models/${endpoint}/infer`, {
    inputs: [
      { name: 'input_ids', datatype: 'INT64', shape: [1, tokens.length], data: tokens },
      { name: 'attention_mask', datatype: 'INT64', shape: [1, tokens.length], data: tokens.map(() => 1) },
    ],
  })
const said = { error: 'input "input_ids" holds 99, and the model looks it up in a table of indices [-20,19]' }

/** What was counted, when a last request that is answered has been. */
async function counted(name: string, requests: number) {
  const windows: TelemetryWindow[] = []
  const sum = (of: (window: TelemetryWindow) => number | undefined): number =>
    windows.reduce((all, window) => all + (of(window) ?? 0), 0)
  await eventually(async () => {
    const next = await readWindow(server.store, name, gateway.id, windows.length)
    if (next !== undefined) windows.push(next)
    return sum(({ champion, candidate }) => champion.requests + (candidate?.requests ?? 0)) >= requests
  })
  return {
    champion: [sum(({ champion }) => champion.requests), sum(({ champion }) => champion.errors.model)],
    candidate: [sum(({ candidate }) => candidate?.requests), sum(({ candidate }) => candidate?.errors.model)],
    pairs: sum(({ pairs }) => pairs?.n),
  }
}

describe('a token that no model knows', () => {
  it('is refused with 400, and counts against nobody', async () => {
    const name = await open(large)
    expect([(await infer(name, [99])).status, (await infer(name, [1, 99])).json()]).toEqual([400, said])
    expect((await infer(name, [3])).status).toBe(200)
    expect(await counted(name, 1)).toMatchObject({ champion: [1, 0] })
  })

  it.each([
    ['split', { champion: [0, 0], candidate: [1, 0], pairs: 0 }],
    ['shadow', { champion: [1, 0], candidate: [1, 0], pairs: 1 }],
    ['bake', { champion: [1, 0], candidate: [1, 0], pairs: 1 }],
  ] as const)('nor against a candidate: %s', async (mode, expected) => {
    const name = await open(large, small, mode)
    const refused = await infer(name, [99])
    expect([refused.status, refused.json()]).toEqual([400, said])
    expect((await infer(name, [3])).status).toBe(200)
    expect(await counted(name, mode === 'split' ? 1 : 2)).toEqual(expected)
  })
})

describe('a token that only the champion knows', () => {
  it.each([
    ['split', { champion: [0, 0], candidate: [1, 1], pairs: 0 }],
    ['shadow', { champion: [1, 0], candidate: [1, 1], pairs: 1 }],
    ['bake', { champion: [1, 0], candidate: [1, 1], pairs: 1 }],
  ] as const)('is answered by it, and counts against the candidate: %s', async (mode, expected) => {
    const name = await open(large, small, mode)
    const answer = await infer(name, [15])
    expect([answer.status, answer.headers['x-model-version']]).toEqual([200, '1'])
    expect(await counted(name, mode === 'split' ? 1 : 2)).toEqual(expected)
  })
})
