import { PutObjectCommand } from '@aws-sdk/client-s3'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { isTakenBack, type RouteAccess, rollBack } from '../../client/roll-back.ts'
import { SlipwayError } from '../../lib/formats/errors.ts'
import type { ModelVersion, Route, RouteChange } from '../../lib/formats/route.ts'
import { readRoute, readRouteLog, writeRoute } from '../../lib/store/routes.ts'
import type { Store } from '../../lib/store/store.ts'
import { startTestStore, type TestStore } from '../support/servers.ts'

const variant = (version: number): ModelVersion => ({
  model: 'm',
  version,
  digest: `sha256:${String(version).repeat(64)}` as ModelVersion['digest'],
})
const [one, two, three] = [variant(1), variant(2), variant(3)]
const begin = (candidate: ModelVersion): RouteChange => ({
  kind: 'begin',
  rollout: { id: 'r', candidate, mode: 'split', share: 0.05, salt: 's', sticky: null, slowMs: null },
})

let server: TestStore
let store: Store
let count = 0
beforeAll(async () => {
  server = await startTestStore()
  store = server.store
})
afterAll(() => server.stop())

/** An endpoint of its own that went through some changes. */
async function endpoint(...changes: RouteChange[]): Promise<Route> {
  const name = `e${count++}`
  let route: Route | undefined
  for (const change of changes) route = await writeRoute(store, name, change, 'test')
  return route as Route
}
const change = (route: Route, what: RouteChange, reason = 'test'): Promise<Route> =>
  writeRoute(store, route.endpoint, what, reason)

const nobody: RouteAccess['askOwner'] = () =>
  Promise.reject(new SlipwayError('TEMPORAL_UNREACHABLE', 'the Temporal server at nowhere does not answer'))
const access = (askOwner = nobody): RouteAccess => ({ store, askOwner })
/** A store that lets us read only. */
function readOnly(): Store {
  const client = Object.create(store.client)
  client.send = (command: unknown) =>
    command instanceof PutObjectCommand
      ? Promise.reject(Object.assign(new Error('no'), { name: 'AccessDenied', $metadata: { httpStatusCode: 403 } }))
      : store.client.send(command as never)
  return { ...store, client }
}

describe('what a rollback is to reach', () => {
  const route = (champion: ModelVersion, candidate?: ModelVersion): Route => ({
    slipway: 'route/1',
    endpoint: 'e',
    revision: 1,
    champion,
    previous: null,
    rollout: candidate === undefined ? null : (begin(candidate) as RouteChange & { kind: 'begin' }).rollout,
  })
  it.each([
    ['the champion is another', route(two), route(one), null, true],
    ['the champion is the same', route(two), route(two, three), null, false],
    ['the candidate gets nothing', route(one, two), route(one), null, true],
    ['the candidate gets more', route(one, two), route(one, two), null, false],
    ['the candidate became champion', route(one, two), route(two), null, false],
    ['the champion is the candidate of another rollout', route(two), route(one, two), null, false],
    ['the version named serves', route(two), route(one), one, true],
    ['the version named serves in part', route(two), route(one, three), one, false],
    ['another one serves', route(two), route(three), one, false],
  ])('%s: %#', (_, before, now, to, reached) => {
    expect(isTakenBack(before, now, to)).toBe(reached)
  })
})

describe('a rollback', () => {
  it('writes the route past its owner at once, says so, and keeps who did it and why', async () => {
    const before = await endpoint({ kind: 'open', variant: one }, { kind: 'rollback', from: 1, to: two })
    let asked = 0
    const owner: RouteAccess['askOwner'] = async () => {
      asked++
      return before
    }
    const { route, breakGlass } = await rollBack(access(owner), before, null, 'by ann: late flights look early')
    expect([route.champion.version, route.revision, breakGlass, asked]).toEqual([1, 3, true, 0])
    expect(await readRoute(store, before.endpoint)).toEqual(route)
    expect((await readRouteLog(store, before.endpoint, 3))?.reason).toBe('break-glass: by ann: late flights look early')
  })

  it('asks the store some six times, and nobody else', async () => {
    const before = await endpoint({ kind: 'open', variant: one }, { kind: 'rollback', from: 1, to: two })
    let requests = 0
    const client = Object.create(store.client)
    client.send = (command: unknown) => {
      requests++
      return store.client.send(command as never)
    }
    await rollBack({ store: { ...store, client }, askOwner: nobody }, before, null, 'r')
    expect(requests).toBeGreaterThan(0)
    // One of them asks whether the version was rejected.
    expect(requests).toBeLessThanOrEqual(6)
  })

  it('takes a candidate back that got more traffic since it was seen', async () => {
    const before = await endpoint({ kind: 'open', variant: one }, begin(two))
    await change(before, { kind: 'traffic', rollout: 'r', mode: 'split', share: 0.5 })
    const { route } = await rollBack(access(), before, null, 'r')
    expect([route.champion.version, route.rollout, route.revision]).toEqual([1, null, 4])
  })

  it('takes a candidate back that was promoted since it was seen', async () => {
    const before = await endpoint({ kind: 'open', variant: one }, begin(two))
    await change(before, { kind: 'finish', rollout: 'r', candidate: two, promote: true })
    const { route } = await rollBack(access(), before, null, 'r')
    expect([route.champion.version, route.rollout]).toEqual([1, null])
  })

  it('takes a champion back on which a rollout has begun since', async () => {
    const before = await endpoint({ kind: 'open', variant: one }, { kind: 'rollback', from: 1, to: two })
    await change(before, begin(three))
    const { route } = await rollBack(access(), before, null, 'r')
    expect([route.champion.version, route.rollout]).toEqual([1, null])
  })

  it('changes nothing where somebody else was first, and does not claim it', async () => {
    const before = await endpoint({ kind: 'open', variant: one }, { kind: 'rollback', from: 1, to: two })
    const first = await change(before, { kind: 'rollback', from: before.revision, to: null }, 'by bob')
    const { route, breakGlass } = await rollBack(access(), before, null, 'by ann')
    expect([route, breakGlass]).toEqual([first, false])
  })

  it('is refused as what it is where there is nothing to go back to, with Temporal down too', async () => {
    const before = await endpoint({ kind: 'open', variant: one })
    await expect(rollBack(access(), before, null, 'r')).rejects.toMatchObject({
      code: 'ROUTE_CONFLICT',
      message: expect.stringContaining('it has no version to go back to'),
    })
  })

  it('is done by the owner for somebody who may not write to the store', async () => {
    const before = await endpoint({ kind: 'open', variant: one }, { kind: 'rollback', from: 1, to: two })
    const owner: RouteAccess['askOwner'] = (name, { change: order, reason }) => writeRoute(store, name, order, reason)
    const { route, breakGlass } = await rollBack({ store: readOnly(), askOwner: owner }, before, null, 'by ann')
    expect([route.champion.version, breakGlass]).toEqual([1, false])
    expect((await readRouteLog(store, before.endpoint, 3))?.reason).toBe('by ann')
  })

  it('shows why the owner refuses it, and both reasons where it does not answer', async () => {
    const before = await endpoint({ kind: 'open', variant: one }, { kind: 'rollback', from: 1, to: two })
    const refusing = () => Promise.reject(new SlipwayError('USAGE', 'a rollback of e needs a reason'))
    await expect(rollBack({ store: readOnly(), askOwner: refusing }, before, null, 'r')).rejects.toMatchObject({
      code: 'USAGE',
      message: 'a rollback of e needs a reason',
    })
    await expect(rollBack({ store: readOnly(), askOwner: nobody }, before, null, 'r')).rejects.toMatchObject({
      code: 'STORE_DENIED',
      message: expect.stringMatching(/refuses these credentials.*cannot be asked: the Temporal server at nowhere/),
    })
    expect((await readRoute(store, before.endpoint))?.revision).toBe(2)
  })
})
