import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ModelState } from '../../lib/formats/records.ts'
import type { ModelVersion, Route, RouteChange } from '../../lib/formats/route.ts'
import { updateRef } from '../../lib/store/refs.ts'
import { publishRefusal } from '../../lib/store/refusals.ts'
import { setChampion } from '../../lib/store/registration.ts'
import { readModel } from '../../lib/store/registry.ts'
import { readRoute, readRouteLog, wayBackOf, writeRoute } from '../../lib/store/routes.ts'
import { writeChange } from '../../lib/targets/change-route.ts'
import { collectEvidence } from '../../lib/targets/collect-evidence.ts'
import { faultyTarget } from '../support/faulty-target.ts'
import { openTestBucket, type TestBucket } from '../support/servers.ts'

/*
 * A version that was rejected after it was registered comes into force by no way; what is in force already is not taken
 * from under those who use it.
 */
let server: TestBucket
let count = 0
beforeAll(async () => {
  server = await openTestBucket()
})
afterAll(() => server.stop())

/** A model and an endpoint of its own, with versions that can be rejected. */
function newPlace() {
  const { store } = server
  const name = `m${++count}`
  const { target, applied } = faultyTarget()
  const variant = (version: number): ModelVersion => ({
    model: name,
    version,
    digest: `sha256:${String(version).repeat(64)}` as ModelVersion['digest'],
  })
  const write = (change: RouteChange): Promise<Route> => writeRoute(store, name, change, 'a test')
  const serve = async (...versions: number[]): Promise<Route> => {
    const [first = 1, ...others] = versions
    let route = await write({ kind: 'open', variant: variant(first) })
    for (const version of others) route = await write({ kind: 'rollback', from: route.revision, to: variant(version) })
    return route
  }
  const begin = (version: number, mode: 'split' | 'shadow' = 'split'): RouteChange => ({
    kind: 'begin',
    rollout: { id: 'r', candidate: variant(version), mode, share: 0.1, salt: 'r', sticky: null, slowMs: null },
  })
  const finish = (version: number, promote: boolean): RouteChange => ({
    kind: 'finish',
    rollout: 'r',
    candidate: variant(version),
    promote,
  })
  const reject = async (version: number): Promise<void> => {
    const by = 'ann in SageMaker: unfair'
    await publishRefusal(store, { ...variant(version), by, at: '2026-01-01T00:00:00.000Z' })
  }
  const route = async (): Promise<Route> => (await readRoute(store, name)) as Route
  const change = (what: RouteChange) =>
    writeChange(store, target, { endpoint: name, change: what, reason: 'rollout r: a test' })
  return { store, name, target, applied, variant, write, serve, begin, finish, reject, route, change }
}

describe('a rollback to the version before', () => {
  it('passes over what was rejected, to the last version that was not, and knows which', async () => {
    const { store, serve, write, reject } = newPlace()
    const before = await serve(1, 2, 3, 4)
    await reject(3)
    await reject(2)
    const way = await wayBackOf(store, before)
    expect([way?.to.version, way?.passedOver.map(({ version }) => version)]).toEqual([1, [3, 2]])
    const now = await write({ kind: 'rollback', from: before.revision, to: null })
    expect([now.champion.version, now.previous?.version]).toEqual([1, 4])
  })

  it('does not go back again to what was rejected when it was gone back from', async () => {
    const { serve, write, reject } = newPlace()
    const three = await serve(1, 2, 3)
    await reject(3)
    const two = await write({ kind: 'rollback', from: three.revision, to: null })
    // The version before is number 3 now.
    expect([two.champion.version, two.previous?.version]).toEqual([2, 3])
    expect((await write({ kind: 'rollback', from: two.revision, to: null })).champion.version).toBe(1)
  })

  it('is refused where everything before was rejected, and the route stays', async () => {
    const { serve, write, reject, route } = newPlace()
    const before = await serve(1, 2)
    await reject(1)
    await expect(write({ kind: 'rollback', from: before.revision, to: null })).rejects.toMatchObject({
      code: 'REJECTED',
      exitCode: 13,
      message: expect.stringMatching(
        /has nothing to go back to that was not rejected: version 1 .* by ann in SageMaker/,
      ),
    })
    expect(await route()).toEqual(before)
  })

  it('and one to a version that is named are refused, whoever asks', async () => {
    const { serve, write, change, reject, variant, route } = newPlace()
    const before = await serve(1, 2, 3)
    await reject(1)
    const order = { kind: 'rollback', from: before.revision, to: variant(1) } as const
    await expect(write(order)).rejects.toMatchObject({ code: 'REJECTED' })
    await expect(change(order)).rejects.toMatchObject({ code: 'REJECTED' })
    // One that came too late changes nothing, and is no fault.
    expect(await write({ ...order, from: 1 })).toEqual(before)
    expect(await route()).toEqual(before)
  })
})

describe('a rollout whose candidate is rejected', () => {
  it('finds at its next look that the route was taken from it, and why', async () => {
    const { store, name, target, applied, serve, change, begin, reject, route } = newPlace()
    await serve(1)
    await change(begin(2))
    const judge = async () => ({ judged: 0, answers: [], labels: [], mistakes: [] }) as never
    const look = (seq: number) =>
      collectEvidence(store, target, judge, {
        rollout: 'r',
        endpoint: name,
        seq,
        cursors: {},
        before: null,
        since: 0,
        labels: null,
      })
    expect((await look(0)).taken).toBeNull()
    await reject(2)
    const why = `rollout r: version 2 of ${name} was rejected by ann in SageMaker: unfair`
    expect((await look(1)).taken).toBe(why)
    expect(await route()).toMatchObject({ revision: 3, champion: { version: 1 }, rollout: null })
    expect((await readRouteLog(store, name, 3))?.reason).toBe(why)
    // The beginning and the end.
    expect(applied()).toBe(2)
    // A look that is asked for again, as after a crash, says the same.
    expect((await look(1)).taken).toBe(why)
  })

  it('gets no more traffic: it is ended instead', async () => {
    const { store, name, serve, change, begin, reject } = newPlace()
    await serve(1)
    await change(begin(2, 'shadow'))
    await reject(2)
    const { route } = await change({ kind: 'traffic', rollout: 'r', mode: 'split', share: 0.5 })
    expect(route).toMatchObject({ revision: 3, champion: { version: 1 }, rollout: null })
    expect((await readRouteLog(store, name, 3))?.reason).toMatch(/^rollout r: version 2 .* was rejected by ann/)
  })

  it('does not promote it, whoever wishes so: the champion stays, and the endpoint is free', async () => {
    const { serve, change, begin, finish, reject, route } = newPlace()
    await serve(1)
    await change(begin(2))
    await reject(2)
    await expect(change(finish(2, true))).rejects.toMatchObject({
      // The rollout takes this for the route being taken from it, and ends as rolled back.
      code: 'ROUTE_CONFLICT',
      message: expect.stringMatching(/version 2 .* was rejected by ann in SageMaker: unfair/),
    })
    expect(await route()).toMatchObject({ champion: { version: 1 }, rollout: null })
    expect((await change(begin(3))).route.rollout?.candidate.version).toBe(3)
  })

  it('that was promoted before stays so when the promotion is asked for again', async () => {
    const { serve, change, begin, finish, reject } = newPlace()
    await serve(1)
    await change(begin(2))
    await change(finish(2, true))
    await reject(2)
    expect((await change(finish(2, true))).route.champion.version).toBe(2)
  })

  it.each([
    ['ended by its policy', ({ finish }: ReturnType<typeof newPlace>) => finish(2, false)],
    ['rolled back by hand', () => ({ kind: 'rollback', from: 2, to: null }) as const],
    [
      'rolled back by hand to its champion by name',
      ({ variant }: ReturnType<typeof newPlace>) => ({ kind: 'rollback', from: 2, to: variant(1) }) as const,
    ],
  ])('leaves the champion in force, also one that was rejected itself: %s', async (_, order) => {
    const place = newPlace()
    const { serve, change, begin, reject } = place
    await serve(1)
    await change(begin(2))
    await reject(1)
    await reject(2)
    expect((await change(order(place))).route).toMatchObject({ champion: { version: 1 }, rollout: null })
  })
})

describe('a model', () => {
  it('does not get what was rejected for a champion, unless an endpoint serves it already', async () => {
    const { store, name, variant, reject } = newPlace()
    const versions = [1, 2, 3].map((number) => variant(number).digest)
    const state = { versions, champions: [1, 2, 3], candidate: 3 }
    await updateRef(store, `models/${name}`, ModelState, 'a test', () => state)
    await reject(1)
    await expect(setChampion(store, name, { version: 1, reason: 'by hand' })).rejects.toMatchObject({
      code: 'REJECTED',
    })
    expect((await readModel(store, name))?.champions).toEqual([1, 2, 3])
    const followed = await setChampion(store, name, { version: 1, reason: 'it is served', isServed: true })
    expect(followed.champions).toEqual([1, 2, 3, 1])
    // What is champion already is no new one.
    expect(await setChampion(store, name, { version: 1, reason: 'again' })).toEqual(followed)
  })
})
