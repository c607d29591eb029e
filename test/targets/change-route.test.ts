import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { readRoute, readRouteLog, writeRoute } from '../../lib/store/routes.ts'
import { awaitApplied, takeOver, writeChange } from '../../lib/targets/change-route.ts'
import { targetOf, targetsOf } from '../../lib/targets/targets.ts'
import { faultyTarget } from '../support/faulty-target.ts'
import { openTestBucket, type TestBucket } from '../support/servers.ts'

let server: TestBucket
let count = 0
const newEndpoint = (): string => `e${++count}`
const version = (number: number) => ({ model: 'loans', version: number, digest: `sha256:${String(number).repeat(64)}` })
const openTo = (endpoint: string, number = 1) => ({
  endpoint,
  change: { kind: 'open' as const, variant: version(number) },
  reason: `version ${number}`,
})
const beginning = (endpoint: string, id: string, number: number) => ({
  endpoint,
  change: {
    kind: 'begin' as const,
    rollout: {
      id,
      candidate: version(number),
      mode: 'split' as const,
      share: 0.1,
      salt: id,
      sticky: null,
      slowMs: null,
    },
  },
  reason: `rollout ${id}`,
})

beforeAll(async () => {
  server = await openTestBucket()
})
afterAll(() => server.stop())

describe('a change of a route', () => {
  it.each([
    ['the target does not answer', { refuses: 1 }],
    ['the target’s answer is lost', { losesAnswers: 1 }],
    ['both go wrong, several times', { refuses: 2, losesAnswers: 2 }],
  ])('is made once, however often it is tried: %s', async (_, faults) => {
    const { store } = server
    const faulty = faultyTarget(faults)
    const endpoint = newEndpoint()
    for (const attempts = { left: 10 }; attempts.left-- > 0; )
      await writeChange(store, faulty.target, openTo(endpoint)).catch((error: Error) =>
        expect(error.message).toMatch(/does not answer|was lost/),
      )
    expect(await writeChange(store, faulty.target, openTo(endpoint))).toMatchObject({ route: { revision: 1 } })
    expect(faulty.applied()).toBe(1)
    expect(await readRouteLog(store, endpoint, 2)).toBeUndefined()
  })

  it('waits for the rollout that goes on, and changes nothing meanwhile', async () => {
    const { store } = server
    const { target, applied } = faultyTarget()
    const endpoint = newEndpoint()
    await writeChange(store, target, openTo(endpoint))
    await writeChange(store, target, beginning(endpoint, 'r1', 2))
    const second = await writeChange(store, target, beginning(endpoint, 'r2', 3))
    expect(second).toMatchObject({ waitsFor: 'r1', champion: null, route: { revision: 2 } })
    expect([applied(), (await readRoute(store, endpoint))?.revision]).toEqual([2, 2])
  })

  it('is a success only when everything that serves applies it', async () => {
    const { store } = server
    const { target } = faultyTarget({ isSlow: 3 })
    const endpoint = newEndpoint()
    const { route } = await writeChange(store, target, openTo(endpoint))
    const waited: string[] = []
    const result = await awaitApplied(target, route, async (behind) => {
      waited.push(...behind)
    })
    expect(result).toEqual({ gateways: 1, mismatch: null })
    expect(waited).toEqual(['only', 'only', 'only'])
  })

  it('that somebody else wrote is found, told, and applied', async () => {
    const { store } = server
    const { target, applied } = faultyTarget()
    const endpoint = newEndpoint()
    await writeChange(store, target, openTo(endpoint))
    await writeChange(store, target, beginning(endpoint, 'r1', 2))
    expect(await takeOver(store, target, { endpoint, seen: 2 })).toBeNull()
    await writeRoute(store, endpoint, { kind: 'rollback', from: 2, to: null }, 'slipway rollback, by ann')
    expect(await takeOver(store, target, { endpoint, seen: 2 })).toMatchObject({
      route: { revision: 3, rollout: null },
      strangers: ['revision 3: slipway rollback, by ann'],
    })
    expect(applied()).toBe(3)
    expect((await target.readBack({ endpoint, revision: 3 })).behind).toEqual([])
  })
})

describe('targets', () => {
  it('go by their names, Slipway’s own gateways where none is named', () => {
    const { target } = faultyTarget()
    const targets = targetsOf(server.store, [target])
    expect(targetOf(targets).kind).toBe('gateway')
    expect(targetOf(targets, 'faulty')).toBe(target)
    expect(() => targetOf(targets, 'mars')).toThrow(
      expect.objectContaining({
        code: 'DEFINITION_INVALID',
        message: 'there is no target "mars"; there are gateway, sagemaker, faulty',
      }),
    )
  })

  it('have names of their own', () => {
    const { target } = faultyTarget()
    expect(() => targetsOf(server.store, [target, target])).toThrow(
      expect.objectContaining({ code: 'DEFINITION_INVALID', message: 'two targets are named "faulty"' }),
    )
  })
})
