import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { RolloutRecord } from '../../lib/formats/records.ts'
import { windowsSince } from '../../lib/jobs/windows.ts'
import { readRolloutEnd } from '../../lib/store/rollouts.ts'
import { readRoute } from '../../lib/store/routes.ts'
import { type GatewayProcess, startGatewayProcess } from '../support/gateway-process.ts'
import { eventually } from '../support/gateways.ts'
import { openPlace, type Place } from '../support/place.ts'
import { imageEncoder, noise } from '../support/tensor-models.ts'

/*
 * Two gateways serve a model of tensors; one is killed in the shadow and comes back, the other one is killed for good
 * in the canary. Evidence is neither lost nor counted twice, and the rollout comes to its end.
 */
let place: Place
let second: GatewayProcess
const size = 3 * 8 * 8

const isReady = async (address: string) =>
  (await fetch(`${address}/v2/models/images/ready`).catch(() => undefined))?.ok === true
const route = async () => (await readRoute(place.store.store, 'images'))?.rollout
const infer = (address: string, seed: number) =>
  fetch(`${address}/v2/models/images/infer`, {
    method: 'POST',
    body: JSON.stringify({
      inputs: [{ name: 'image', datatype: 'FP32', shape: [1, 3, 8, 8], data: Array.from(noise(size, seed)) }],
    }),
  })

beforeAll(async () => {
  place = await openPlace()
  writeFileSync(join(place.project.root, 'encoder.onnx'), imageEncoder())
  const { code, stderr } = await place.run('register', 'encoder.onnx', '--endpoint', 'images', '--wait')
  expect(code, stderr).toBe(0)
  second = await startGatewayProcess(place.store.store)
  await eventually(async () => (await isReady(place.gateway)) && (await isReady(second.address)))
})
afterAll(async () => {
  second?.kill()
  await place?.close()
})

describe('the rollout of a model of tensors over two gateways', () => {
  it('goes through shadow and canary while one is killed and comes back, and the other one is killed for good', async () => {
    writeFileSync(join(place.project.root, 'next.onnx'), imageEncoder({ shift: 0.001 }))
    const begun = place.begin(
      ...['register', 'next.onnx', '--name', 'encoder', '--endpoint', 'images', '--canary', '50', '--shadow'],
      ...['--min-samples', '80', '--slow', '5000', '--wait', '--json'],
    ).result
    let isOver = false
    const ended = begun.finally(() => {
      isOver = true
    })
    const answers = new Map<number, number>()
    let asked = 0
    const client = async (address: string) => {
      for (; !isOver; asked++) {
        // Whose gateway is gone goes to another one.
        const answer = await infer(address, asked % 300).catch(() => undefined)
        await answer?.arrayBuffer().catch(() => undefined)
        const status = answer?.status ?? 0
        answers.set(status, (answers.get(status) ?? 0) + 1)
        await new Promise((resolve) => setTimeout(resolve, status === 200 ? 10 : 200))
      }
    }
    const clients = [client(place.gateway), client(second.address)]
    await eventually(async () => (await route())?.mode === 'shadow')
    place.gatewayProcess.kill()
    await eventually(async () => (await route())?.share === 0.5 || isOver)
    second.kill()
    const { code, stdout, stderr } = await ended
    await Promise.all(clients)
    expect(code, stderr + stdout).toBe(0)
    // Whoever was answered was answered well.
    expect([...answers.keys()].filter((status) => status !== 0 && status !== 200 && status !== 503)).toEqual([])
    const { rollout, model } = JSON.parse(stdout)
    expect(model).toMatchObject({ version: 2, champion: true })
    const { store } = place.store
    const decided = RolloutRecord.parse(await readRolloutEnd(store, rollout.id))
    expect(decided.decisions.map(({ stage, action }) => `${stage} ${action}`)).toEqual([
      'shadow of 100 % advance',
      'shadow of 100 % advance',
      '50 % promote',
    ])
    const explained = await place.run('explain', rollout.id, '--replay', '--json')
    expect(explained.code, explained.stderr).toBe(0)
    expect(JSON.parse(explained.stdout).replay.differing).toEqual([])
    const { windows } = await windowsSince(store, 'images', {}, 5_000)
    expect(new Set(windows.map(({ gateway }) => gateway)).size).toBeGreaterThanOrEqual(2)
    const counted = windows.reduce((sum, { champion }) => sum + champion.requests, 0)
    expect(counted).toBeLessThanOrEqual(asked)
    const errors = windows.flatMap(({ champion, candidate }) =>
      Object.keys({ ...champion.errors, ...candidate?.errors }),
    )
    expect(errors).toEqual([])
    expect(await isReady(place.gateway)).toBe(true)
  })
})
