import { PutObjectCommand } from '@aws-sdk/client-s3'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { moveLookups } from '../../activities/move-lookups.ts'
import type { Lookup } from '../../lib/formats/lookup.ts'
import type { ModelVersion, Route, RouteChange } from '../../lib/formats/route.ts'
import type { RowSchema } from '../../lib/formats/row-schema.ts'
import { putBundle } from '../../lib/store/objects.ts'
import { asServed, readRoute, readRouteLog, writeRoute } from '../../lib/store/routes.ts'
import { requestRows } from '../../lib/store/snapshots.ts'
import type { Store } from '../../lib/store/store.ts'
import { takeOver, writeChange } from '../../lib/targets/change-route.ts'
import { faultyTarget } from '../support/faulty-target.ts'
import { publish, type TestView } from '../support/published-views.ts'
import { openTestBucket, type TestBucket } from '../support/servers.ts'

let server: TestBucket
beforeAll(async () => {
  server = await openTestBucket()
})
afterAll(() => server.stop())

const rule = (name: string, type: RowSchema[number]['type'], nullable = false) => ({ name, type, nullable })
/** Rows of views with these columns of numbers, besides their key. */
const view = (...columns: string[]): TestView => ({
  schema: [rule('id', 'string'), ...columns.map((name) => rule(name, 'number', true))],
  key: ['id'],
  sql: `SELECT 'a' AS id, ${columns.map((name) => `1.5::DOUBLE AS ${name}`).join(', ')}`,
})
/** A version whose rows have these columns, all but `own` looked up in a view. */
async function version(number: number, name: string, ...columns: string[]): Promise<ModelVersion> {
  const inputs = ['own', ...columns].map((column) => rule(column, 'number', true))
  const { digest } = await putBundle(server.store, {
    slipway: 'bundle/1',
    kind: 'model',
    files: {},
    facts: { inputs: inputs as never, number },
  })
  const lookup: Lookup = {
    view: name,
    on: { who: 'id' },
    columns: Object.fromEntries(columns.map((column) => [column, column])),
    staleAfterMs: null,
  }
  return { model: 'm', version: number, digest, lookups: [lookup] }
}
const open = (variant: ModelVersion): RouteChange => ({ kind: 'open', variant })
const begin = (candidate: ModelVersion): RouteChange => ({
  kind: 'begin',
  rollout: { id: 'r', candidate, mode: 'split', share: 0.5, salt: 'r', sticky: null, slowMs: null },
})
const move: RouteChange = { kind: 'lookups', variant: null }
let count = 0
/** An endpoint and a view of one name, published. */
async function opened(...columns: string[]) {
  const name = `x${++count}`
  const { store } = server
  await publish(store, name, view(...columns))
  await writeRoute(store, name, open(await version(1, name, ...columns)), 'test')
  return name
}

describe('an endpoint that looks columns up', () => {
  it('moves by itself to what was published when nobody told its owner, and counts nobody as a stranger', async () => {
    const { store } = server
    const { target, applied } = faultyTarget()
    const name = await opened('f')
    expect(await takeOver(store, target, { endpoint: name, seen: 1 })).toBeNull()
    const digest = await publish(store, name, view('f', 'g'))
    expect(await takeOver(store, target, { endpoint: name, seen: 1 })).toMatchObject({
      route: { revision: 2, snapshots: [{ view: name, revision: 2, digest }] },
      strangers: [],
    })
    expect(applied()).toBe(1)
    expect((await readRouteLog(store, name, 2))?.reason).toBe('a view was published anew')
  })

  it('misses no publication between its look at the view and its own write', async () => {
    const { store } = server
    const name = `x${++count}`
    await publish(store, name, view('f'))
    let isPublished = false
    const late: Store = {
      ...store,
      client: {
        send: async (command: never) => {
          const { Key } = (command as PutObjectCommand).input
          const isWrite = Key === `refs/routes/${name}.json` && (command as object) instanceof PutObjectCommand
          if (isWrite && !isPublished) {
            isPublished = true
            await publish(store, name, view('f'))
          }
          return store.client.send(command)
        },
      } as never,
    }
    const route = await writeRoute(late, name, open(await version(1, name, 'f')), 'test')
    expect(route.snapshots?.[0]?.revision).toBe(2)
    expect((await readRoute(store, name))?.snapshots).toEqual(route.snapshots)
  })

  it('does not begin with a view that has not what the version looks up, or is not published', async () => {
    const { store } = server
    const name = await opened('f')
    await expect(writeRoute(store, name, begin(await version(2, name, 'f', 'g')), 'test')).rejects.toMatchObject({
      code: 'TABLE_SCHEMA',
    })
    await expect(writeRoute(store, name, begin(await version(2, 'nowhere', 'f')), 'test')).rejects.toMatchObject({
      code: 'VIEW_UNPUBLISHED',
    })
    expect(await readRoute(store, name)).toMatchObject({ revision: 1, rollout: null })
  })

  it('goes back to a version only where the view still has its columns', async () => {
    const { store } = server
    const name = await opened('f', 'g')
    const second = await version(2, name, 'f')
    await writeRoute(store, name, begin(second), 'test')
    const promote: RouteChange = { kind: 'finish', rollout: 'r', candidate: second, promote: true }
    await writeRoute(store, name, promote, 'test')
    // What the version in force looks up is there: it moves, and the one before is left behind.
    await publish(store, name, view('f'))
    const { revision } = await writeRoute(store, name, move, 'test')
    const back: RouteChange = { kind: 'rollback', from: revision, to: null }
    await expect(writeRoute(store, name, back, 'test')).rejects.toMatchObject({ code: 'TABLE_SCHEMA' })
    expect((await readRoute(store, name))?.champion.version).toBe(2)
    await publish(store, name, view('f', 'g'))
    const whole = await writeRoute(store, name, move, 'test')
    expect(await writeRoute(store, name, { ...back, from: whole.revision } as RouteChange, 'test')).toMatchObject({
      champion: { version: 1 },
      snapshots: [{ revision: 3 }],
    })
  })

  it('knows how a version looked up that it served long ago', async () => {
    const { store } = server
    const name = await opened('f')
    const [first, ...others] = await Promise.all([1, 2, 3].map((number) => version(number, name, 'f')))
    for (const candidate of others) {
      await writeRoute(store, name, begin(candidate), 'test')
      const promote: RouteChange = { kind: 'finish', rollout: 'r', candidate, promote: true }
      await writeRoute(store, name, promote, 'test')
    }
    const route = (await readRoute(store, name)) as Route
    const { lookups, ...bare } = first as ModelVersion
    expect([route.champion.version, route.previous?.version]).toEqual([3, 2])
    expect(await asServed(store, route, bare)).toEqual({ ...bare, lookups })
    const stranger = { ...bare, digest: `sha256:${'f'.repeat(64)}` }
    expect(await asServed(store, route, stranger)).toEqual(stranger)
  })

  it('does not move its champion when its snapshots move', async () => {
    const { store } = server
    const { target } = faultyTarget()
    const name = await opened('f')
    await publish(store, name, view('f'))
    const changed = await writeChange(store, target, { endpoint: name, change: move, reason: 'test' })
    expect(changed).toMatchObject({ champion: null, route: { revision: 2 } })
  })

  it('takes rows with the key, without what is looked up', async () => {
    const name = await opened('f', 'g')
    const route = await readRoute(server.store, name)
    expect(await requestRows(server.store, route as never)).toEqual([
      rule('own', 'number', true),
      rule('who', 'string', true),
    ])
  })
})

describe('a publication of a view', () => {
  it('asks the owner of every endpoint that is behind, once however often it is told', async () => {
    const { store } = server
    const name = await opened('f')
    const another = `${name}-too`
    await writeRoute(store, another, open(await version(1, name, 'f')), 'test')
    await opened('f')
    const asked: { workflowId: string; order: { id: string; answerTo: string; asked: object } }[] = []
    const client = {
      workflow: {
        signalWithStart: async (_: string, { workflowId, signalArgs }: { workflowId: string; signalArgs: [never] }) => {
          asked.push({ workflowId, order: signalArgs[0] })
        },
      },
    } as never
    const moved = { view: name, revision: 2, publishedAt: '2026-01-01T00:00:00Z', answerTo: 'run/r' }
    await publish(store, name, view('f'))
    const both = [another, name]
    expect(await moveLookups({ store, client }, moved)).toEqual(both)
    const order = {
      id: `lookups:${name}:2`,
      answerTo: 'run/r',
      asked: {
        change: move,
        reason: `view ${name} was published at 2026-01-01T00:00:00Z, revision 2`,
      },
    }
    expect(asked).toEqual(both.map((endpoint) => ({ workflowId: `endpoint/${endpoint}`, order })))
    for (const endpoint of both) await writeRoute(store, endpoint, move, 'test')
    expect(await moveLookups({ store, client }, moved)).toEqual([])
  })
})
