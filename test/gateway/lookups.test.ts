import { PutObjectCommand } from '@aws-sdk/client-s3'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import type { Gateway } from '../../gateway/gateway.ts'
import { rowsOf, withDuckDb } from '../../lib/data/duckdb.ts'
import type { Lookup } from '../../lib/formats/lookup.ts'
import type { ModelVersion, RouteRollout } from '../../lib/formats/route.ts'
import type { RowSchema } from '../../lib/formats/row-schema.ts'
import { loadModel } from '../../lib/models/model.ts'
import { localModel } from '../../lib/models/package.ts'
import { blobKey, getBundle, localFile } from '../../lib/store/objects.ts'
import { readRoute, readWindow, writeRoute } from '../../lib/store/routes.ts'
import { ask, eventually, type Reply, startTestGateway } from '../support/gateways.ts'
import { packageModel } from '../support/models.ts'
import { newProject, type TestProject } from '../support/project.ts'
import { publish, storeTable, type TestView } from '../support/published-views.ts'
import { openTestBucket, type TestBucket } from '../support/servers.ts'

let server: TestBucket
let project: TestProject
let gateway: Gateway
/** Everything that is looked up may be missing; `strict`'s may not. */
let lenient: ModelVersion
let candidate: ModelVersion
let strict: ModelVersion
const gateways: Gateway[] = []

const features = `export const features = (c: any) => ({ far: c.distance, often: c.flights, tariff: c.tier,
  gold: c.vip, year: Float64Array.from(c.seen, (t: number) => Math.floor(t / 31556952000)) })\n`
const rows = `SELECT (i * 7919 % 5000)::DOUBLE AS distance, (i * 37 % 100)::DOUBLE AS flights, ['a', 'b', 'c'][1 + i % 3] AS tier,
  i % 2 = 0 AS vip, TIMESTAMP '2020-01-01' + INTERVAL (i) HOUR AS seen,
  (i * 37 % 100) + (i * 7919 % 5000) / 1000.0 + CASE WHEN i % 2 = 0 THEN 3 ELSE 0 END AS delay FROM range(3000) t(i)`

async function packaged(name: string, version: number, mayMiss: boolean, trees = 20): Promise<ModelVersion> {
  const or = mayMiss ? '.nullable()' : ''
  project.write(
    `pipelines/${name}/features.ts`,
    `${features}export const yes = (label: Float64Array): Uint8Array => Uint8Array.from(label)\n`,
  )
  project.write(
    `pipelines/${name}/pipeline.ts`,
    `import { pipeline, regression, trees } from 'slipway'
import { z } from 'zod'
import { features } from './features.ts'
const Row = z.object({ distance: z.number(), flights: z.number().min(0)${or}, tier: z.string()${or}, vip: z.boolean()${or},
  seen: z.date()${or}, delay: z.number() })
export default pipeline('${name}', (p) => {
  const rows = p.snapshot('rows', { from: 'data/trips.parquet', schema: Row })
  const parts = p.split(rows, { byHashOf: 'distance', validation: 0.2, test: 0.2 })
  p.package(p.train('m', { on: parts, features: features as never, target: regression('delay'), learner: trees({ trees: ${trees}, leaves: 15 }), seed: 1 }))
})
`,
  )
  return packageModel(project, server.store, name, version)
}

const schema: RowSchema = [
  { name: 'passenger_id', type: 'string', nullable: false },
  { name: 'past', type: 'number', nullable: true },
  { name: 'tier', type: 'string', nullable: true },
  { name: 'vip', type: 'boolean', nullable: true },
  { name: 'seen', type: 'timestamp', nullable: true },
  { name: 'known_at', type: 'timestamp', nullable: true },
]
/** Of every passenger `p0`, `p1`, … an older row, and a newer one that says `flights`. */
const history = (flights: number, over: Partial<TestView> = {}): TestView => ({
  schema,
  key: ['passenger_id'],
  known: 'known_at',
  sql: `SELECT 'p' || (i % 50) AS passenger_id, CASE WHEN i < 50 THEN 1 ELSE ${flights} + i % 50 / 10 END::DOUBLE AS past, ['a', 'b', NULL][1 + i % 3] AS tier,
    i % 2 = 0 AS vip, TIMESTAMP '2021-01-01' + INTERVAL (i % 50) DAY AS seen,
    TIMESTAMP '2024-01-01' + INTERVAL (i) MINUTE AS known_at FROM range(100) t(i)`,
  ...over,
})
const look: Lookup = {
  view: 'history',
  on: { passenger: 'passenger_id' },
  columns: { flights: 'past', tier: 'tier', vip: 'vip', seen: 'seen' },
  staleAfterMs: null,
}
const looking = (version: ModelVersion, view: string, over: Partial<Lookup> = {}): ModelVersion => ({
  ...version,
  lookups: [{ ...look, view, ...over }],
})

/** Scores whole rows by the package itself, without a gateway. */
async function scoreOf(version: ModelVersion, flights: number | null, passenger: number | null, distance: number) {
  const model = await loadModel(await localModel({ store: server.store, trusted: new Map() }, version.digest))
  const i = passenger === null ? null : passenger + 50
  const number = (value: number | null) => Float64Array.of(value ?? Number.NaN)
  const [score] = await model.score({
    distance: number(distance),
    flights: number(flights === null || passenger === null ? null : flights + passenger / 10),
    tier: [i === null ? null : (['a', 'b', null][i % 3] as string | null)],
    vip: number(i === null ? null : i % 2 === 0 ? 1 : 0),
    seen: number(passenger === null ? null : Date.UTC(2021, 0, 1 + passenger)),
  })
  await model.release()
  return score as number
}

let count = 0
/** A view and an endpoint of a test's own. */
async function open(version: ModelVersion, view: TestView, over: Partial<Lookup> = {}, on: Gateway = gateway) {
  const name = `e${++count}`
  const digest = await publish(server.store, name, view)
  await writeRoute(server.store, name, { kind: 'open', variant: looking(version, name, over) }, 'test')
  await eventually(() => on.endpoint(name)?.route?.revision === 1)
  return { name, digest }
}
const infer = (name: string, body: object, on: Gateway = gateway): Promise<Reply> =>
  ask(on, 'POST', `/v1/models/${name}:predict`, { instances: Array.isArray(body) ? body : [body] })
const predictionsOf = (reply: Reply): number[] => {
  expect([reply.status, reply.body.toString()]).toEqual([200, expect.any(String)])
  return (reply.json() as { predictions: number[] }).predictions
}
const errorOf = (reply: Reply): string => (reply.json() as { error: string }).error
const move = (name: string) => writeRoute(server.store, name, { kind: 'lookups', variant: null }, 'test')

/**
 * Moves an endpoint to a snapshot whose bytes are torn.
 * @param flights different ones for every test: equal tables are stored once
 */
async function moveToTorn(name: string, flights: number): Promise<void> {
  const torn = await storeTable(server.store, history(flights))
  const { files } = await getBundle(server.store, torn, 'table')
  const Key = blobKey(files['data/00000']?.digest as string)
  const { client, bucket: Bucket } = server.store
  await client.send(new PutObjectCommand({ Bucket, Key, Body: 'PAR1 torn' }))
  await publish(server.store, name, history(flights), torn)
  await move(name)
}

beforeAll(async () => {
  server = await openTestBucket()
  project = newProject()
  await project.data('data/trips.parquet', rows)
  lenient = await packaged('lenient', 1, true)
  candidate = { ...(await packaged('lenient', 2, true, 5)), model: lenient.model }
  strict = await packaged('strict', 1, false)
  gateway = await startTestGateway(server.store, { captureRate: 1 })
  gateways.push(gateway)
})
afterEach(async () => {
  for (const each of gateways.splice(1)) await each.stop()
})
afterAll(async () => {
  for (const each of gateways) await each.stop()
  await server.stop()
  project.remove()
})

// First, while there are few endpoints: a gateway loads those of all tests.
describe('a gateway', () => {
  it('refuses a snapshot that takes more memory than there is, and goes on with the one before', async () => {
    const own = await startTestGateway(server.store, { lookupBytes: 100_000 })
    gateways.push(own)
    const { name } = await open(lenient, history(10), {}, own)
    await publish(server.store, name, {
      ...history(10),
      sql: `SELECT * REPLACE ('q' || (i * 7) AS passenger_id) FROM (SELECT i, ${history(10).sql.replace('SELECT ', '').replace('range(100)', 'range(20000)')})`.replace(
        'SELECT * REPLACE',
        'SELECT * EXCLUDE (i) REPLACE',
      ),
    })
    await move(name)
    await eventually(() => own.endpoint(name)?.refusal?.revision === 2)
    expect(own.endpoint(name)?.refusal?.why).toMatch(/view "e\d+" cannot be loaded: it takes more than the 0 MB/)
    expect(predictionsOf(await infer(name, { distance: 1, passenger: 'p1' }, own))).toHaveLength(1)
  })

  it('starts with what it had while the store is away', async () => {
    const { name } = await open(lenient, history(33))
    const folder = `${project.root}/again`
    const before = await startTestGateway(server.store, { folder })
    await eventually(() => before.endpoint(name)?.route?.revision === 1)
    await before.stop()
    const away = { ...server.store, client: { send: () => Promise.reject(new Error('connect ECONNREFUSED')) } as never }
    const after = await startTestGateway(away, { folder })
    gateways.push(after)
    expect(predictionsOf(await infer(name, { distance: 1, passenger: 'p1' }, after))).toEqual([
      await scoreOf(lenient, 33, 1, 1),
    ])
  })

  it('keeps no answer of one snapshot for another', async () => {
    const own = await startTestGateway(server.store, { cacheEntries: 100 })
    gateways.push(own)
    const { name } = await open(lenient, history(10), {}, own)
    const asked = { distance: 1, passenger: 'p1' }
    const before = await infer(name, asked, own)
    expect((await infer(name, asked, own)).headers['x-cache']).toBe('hit')
    await publish(server.store, name, history(90))
    await move(name)
    await eventually(() => own.endpoint(name)?.route?.revision === 2)
    const after = await infer(name, asked, own)
    expect(after.headers['x-cache']).toBe('miss')
    expect(predictionsOf(after)).not.toEqual(predictionsOf(before))
  })
})

describe('an endpoint that looks columns up', () => {
  it('answers as its model does for whole rows, the newest row of each key', async () => {
    const { name } = await open(lenient, history(40))
    const asked = [0, 7, 49].map((passenger) => ({ distance: 100 * passenger, passenger: `p${passenger}` }))
    const expected = await Promise.all([0, 7, 49].map((passenger) => scoreOf(lenient, 40, passenger, 100 * passenger)))
    expect(predictionsOf(await infer(name, asked))).toEqual(expected)
  })

  it('says which rows have a key that is unknown, or none, and answers them as missing', async () => {
    const { name, digest } = await open(lenient, history(40))
    const asked = [
      { distance: 1, passenger: 'p1' },
      { distance: 2, passenger: 'nobody' },
      { distance: 3 },
      { distance: 4, passenger: null },
      { distance: 5, passenger: '\ud800' },
    ]
    const reply = await infer(name, asked)
    expect(predictionsOf(reply)).toEqual([
      await scoreOf(lenient, 40, 1, 1),
      ...(await Promise.all([2, 3, 4, 5].map((distance) => scoreOf(lenient, null, null, distance)))),
    ])
    const { publishedAt } = (await readRoute(server.store, name))?.snapshots?.[0] ?? {}
    expect(reply.headers['x-slipway-lookup']).toBe(
      `${name};snapshot="${digest}";published="${publishedAt}";unknown=2;unknown-rows="1 4";missing=2;missing-rows="2 3"`,
    )
    const metrics = (await ask(gateway, 'GET', '/metrics')).body.toString()
    for (const [result, rows] of [
      ['found', 1],
      ['unknown', 2],
      ['missing', 2],
    ])
      expect(metrics).toContain(
        `slipway_lookup_rows_total{endpoint="${name}",view="${name}",result="${result}"} ${rows}\n`,
      )
  })

  it('says so in the parameters of the Open Inference Protocol', async () => {
    const { name, digest } = await open(lenient, history(40, { publishedAt: '2026-01-01T00:00:00.000Z' }), {
      staleAfterMs: 86_400_000,
    })
    const tensor = (column: string, datatype: string, data: unknown[]) => ({
      name: column,
      datatype,
      shape: [data.length],
      data,
    })
    const reply = await ask(gateway, 'POST', `/v2/models/${name}/infer`, {
      inputs: [tensor('distance', 'FP64', [1, 2, 3]), tensor('passenger', 'BYTES', ['x', 'p3', 'y'])],
    })
    expect(reply.json()).toMatchObject({
      parameters: {
        [`lookup.${name}.snapshot`]: digest,
        [`lookup.${name}.published_at`]: '2026-01-01T00:00:00.000Z',
        [`lookup.${name}.stale`]: true,
        [`lookup.${name}.unknown`]: '0,2',
      },
      outputs: [{ data: [expect.any(Number), await scoreOf(lenient, 40, 3, 2), expect.any(Number)] }],
    })
    const metrics = (await ask(gateway, 'GET', '/metrics')).body.toString()
    expect(metrics).toContain(`slipway_lookup_stale_total{endpoint="${name}",view="${name}"} 1\n`)
  })

  it('reads every protocol alike, CSV without a header in the order of its metadata', async () => {
    const { name } = await open(lenient, history(40))
    const expected = [await scoreOf(lenient, 40, 5, 77)]
    const metadata = (await ask(gateway, 'GET', `/v2/models/${name}`)).json() as { inputs: { name: string }[] }
    expect(metadata.inputs.map((input) => input.name)).toEqual(['distance', 'passenger'])
    const csv = (body: string) =>
      ask(gateway, 'POST', `/endpoints/${name}/invocations`, body, { 'content-type': 'text/csv' })
    expect(predictionsOf(await csv('77,p5\n'))).toEqual(expected)
    expect(predictionsOf(await csv('passenger,distance\np5,77\n'))).toEqual(expected)
    expect(
      predictionsOf(
        await ask(gateway, 'POST', `/endpoints/${name}/invocations`, {
          dataframe_split: { columns: ['passenger', 'distance'], data: [['p5', 77]] },
        }),
      ),
    ).toEqual(expected)
  })

  it('describes its requests in OpenAPI: with the key, without what is looked up', async () => {
    const { name } = await open(lenient, history(40))
    const { name: whole } = await open(strict, history(40, { sql: fullHistory(40) }))
    const api = (await ask(gateway, 'GET', '/openapi.json')).json() as {
      components: { schemas: Record<string, { properties: object; required: string[] }> }
    }
    const row = (of: string) => api.components.schemas[`${of}-row`]
    expect(Object.keys(row(name)?.properties ?? {})).toEqual(['distance', 'passenger'])
    expect(row(name)?.required).toEqual(['distance'])
    expect(row(whole)?.required).toEqual(['distance', 'passenger'])
  })

  it('refuses by name a request that carries what is looked up', async () => {
    const { name } = await open(lenient, history(40))
    const reply = await infer(name, { distance: 1, passenger: 'p1', tier: 'a' })
    expect([reply.status, errorOf(reply)]).toEqual([
      400,
      `tier is looked up in view "${name}": leave it out of the request`,
    ])
  })

  it('refuses a row that must have a value and has an unknown key, or none', async () => {
    const { name, digest } = await open(strict, history(40, { sql: fullHistory(40) }))
    expect(predictionsOf(await infer(name, { distance: 9, passenger: 'p2' }))).toHaveLength(1)
    const unknown = await infer(name, [
      { distance: 9, passenger: 'p2' },
      { distance: 9, passenger: 'nobody' },
    ])
    expect([unknown.status, errorOf(unknown)]).toEqual([
      400,
      `row 1: snapshot ${digest.slice(7, 19)} of view "${name}" knows nothing of passenger "nobody", and flights may not be missing`,
    ])
    const missing = await infer(name, { distance: 9 })
    expect([missing.status, errorOf(missing)]).toEqual([400, 'instances[0].passenger: is missing; passenger is text'])
    const metrics = (await ask(gateway, 'GET', '/metrics')).body.toString()
    expect(metrics).toContain(`slipway_lookup_rows_total{endpoint="${name}",view="${name}",result="refused"} 1\n`)
  })

  it('refuses a value that the model was never to see', async () => {
    const { name } = await open(lenient, history(-40))
    const reply = await infer(name, { distance: 9, passenger: 'p2' })
    expect([reply.status, errorOf(reply)]).toEqual([
      422,
      `row 0: flights, which is looked up in view "${name}", breaks "≥ 0"`,
    ])
  })

  it('keeps what was looked up with captured rows', async () => {
    const { name } = await open(lenient, history(40))
    await infer(name, { distance: 5, passenger: 'p4' })
    let capture: string | undefined
    await eventually(async () => {
      for (let seq = 0; capture === undefined; seq++) {
        const window = await readWindow(server.store, name, gateway.id, seq)
        if (window === undefined) return false
        capture = window.capture?.digest
      }
      return true
    })
    const file = await localFile(server.store, capture as string)
    const kept = await withDuckDb(1, (connection) =>
      rowsOf(connection, `SELECT distance, flights, vip, epoch_ms(seen) AS seen FROM read_parquet('${file}')`),
    )
    expect(kept.map((row) => ({ ...row, seen: Number(row.seen) }))).toEqual([
      { distance: 5, flights: 40.4, vip: true, seen: Date.UTC(2021, 0, 5) },
    ])
  })
})

/** The same where nothing is missing. */
const fullHistory = (flights: number): string =>
  `SELECT * REPLACE (coalesce(tier, 'c') AS tier) FROM (${history(flights).sql})`

describe('a view that is published anew', () => {
  it('is used from one revision of the route on, and every answer names the one its values are of', async () => {
    const { name, digest: first } = await open(lenient, history(10))
    const asked = { distance: 1, passenger: 'p1' }
    const scores = new Map([
      [first, await scoreOf(lenient, 10, 1, 1)],
      [await storeTable(server.store, history(90)), await scoreOf(lenient, 90, 1, 1)],
    ])
    expect(new Set(scores.values()).size).toBe(2)
    const seen: string[] = []
    let going = true
    const sender = async (): Promise<void> => {
      while (going) {
        const reply = await infer(name, asked)
        const digest = /snapshot="([^"]*)"/.exec(reply.headers['x-slipway-lookup'] ?? '')?.[1] as string
        expect(predictionsOf(reply)).toEqual([scores.get(digest)])
        if (seen.at(-1) !== digest) seen.push(digest)
        await new Promise((resolve) => setImmediate(resolve))
      }
    }
    const senders = [sender(), sender(), sender()]
    const second = await publish(server.store, name, history(90))
    await move(name)
    await eventually(() => gateway.endpoint(name)?.route?.revision === 2)
    await eventually(() => seen.at(-1) === second)
    going = false
    await Promise.all(senders)
    expect(seen).toEqual([first, second])
  })

  it('is not used where its bytes are torn, and requests go on', async () => {
    const { name, digest } = await open(lenient, history(10))
    await moveToTorn(name, 91)
    await eventually(() => gateway.endpoint(name)?.refusal?.revision === 2)
    expect(gateway.endpoint(name)?.refusal?.why).toContain('holds other bytes')
    const reply = await infer(name, { distance: 1, passenger: 'p1' })
    expect(predictionsOf(reply)).toEqual([await scoreOf(lenient, 10, 1, 1)])
    expect(reply.headers['x-slipway-lookup']).toContain(digest)
    // One that is whole makes good for it.
    await publish(server.store, name, history(92))
    await move(name)
    await eventually(() => gateway.endpoint(name)?.route?.revision === 3)
    expect(predictionsOf(await infer(name, { distance: 1, passenger: 'p1' }))).toEqual([
      await scoreOf(lenient, 92, 1, 1),
    ])
  })

  it('stays aside where it has not the columns that are looked up', async () => {
    const { name } = await open(lenient, history(10))
    const other = schema.filter(({ name: column }) => column !== 'vip')
    await publish(server.store, name, {
      ...history(90),
      schema: other,
      sql: `SELECT * EXCLUDE (vip) FROM (${history(90).sql})`,
    })
    expect((await move(name)).revision).toBe(1)
    await publish(server.store, name, history(90))
    expect((await move(name)).revision).toBe(2)
  })
})

describe('a rollout of a version that looks columns up', () => {
  const rollout = (name: string, over: Partial<RouteRollout> = {}): RouteRollout => ({
    id: `r-${name}`,
    candidate: looking(candidate, name),
    mode: 'shadow',
    share: 1,
    salt: 'r',
    sticky: null,
    slowMs: null,
    ...over,
  })

  it('shows a shadow the same values', async () => {
    const { name } = await open(lenient, history(40))
    await writeRoute(server.store, name, { kind: 'begin', rollout: rollout(name) }, 'test')
    await eventually(() => gateway.endpoint(name)?.route?.revision === 2)
    const reply = await infer(name, { distance: 3, passenger: 'p9' })
    expect(reply.headers['x-slipway-role']).toBe('champion')
    const found: { role: string; version: number; flights: number; score: number }[] = []
    await eventually(async () => {
      for (let seq = 0; ; seq++) {
        const window = await readWindow(server.store, name, gateway.id, seq)
        if (window === undefined) return found.length === 2
        if (window.capture === null) continue
        const file = await localFile(server.store, window.capture.digest)
        const kept = await withDuckDb(1, (connection) =>
          rowsOf(
            connection,
            `SELECT slipway_role AS role, slipway_version AS version, flights, slipway_score AS score FROM read_parquet('${file}')`,
          ),
        )
        if (kept.length === 2) found.splice(0, 2, ...(kept as never[]))
      }
    })
    expect(found.sort((a, b) => a.version - b.version)).toEqual([
      { role: 'champion', version: 1, flights: 40.9, score: await scoreOf(lenient, 40, 9, 3) },
      { role: 'shadow', version: 2, flights: 40.9, score: await scoreOf(candidate, 40, 9, 3) },
    ])
  })

  it('goes on and back though a snapshot is torn, with the one before, as answers say', async () => {
    const { name, digest } = await open(lenient, history(41))
    await moveToTorn(name, 93)
    await eventually(() => gateway.endpoint(name)?.refusal?.revision === 2)
    await writeRoute(server.store, name, { kind: 'begin', rollout: rollout(name, { mode: 'split', share: 1 }) }, 'test')
    await eventually(() => gateway.endpoint(name)?.route?.revision === 3)
    const row = { distance: 3, passenger: 'p9' }
    const tried = await infer(name, row)
    expect([tried.headers['x-slipway-role'], predictionsOf(tried)]).toEqual([
      'candidate',
      [await scoreOf(candidate, 41, 9, 3)],
    ])
    await writeRoute(server.store, name, { kind: 'rollback', from: 3, to: null }, 'test')
    await eventually(() => gateway.endpoint(name)?.route?.revision === 4)
    const back = await infer(name, row)
    expect(predictionsOf(back)).toEqual([await scoreOf(lenient, 41, 9, 3)])
    for (const reply of [tried, back]) expect(reply.headers['x-slipway-lookup']).toContain(digest)
  })

  it('goes from whole rows to a key, and back, each version by its own requests', async () => {
    const name = `e${++count}`
    await publish(server.store, name, history(40))
    await writeRoute(server.store, name, { kind: 'open', variant: lenient }, 'test')
    const whole = { distance: 3, flights: 40.9, tier: null, vip: false, seen: '2021-01-10T00:00:00Z' }
    await eventually(() => gateway.endpoint(name)?.route?.revision === 1)
    const expected = predictionsOf(await infer(name, whole))
    expect(expected).toEqual([await scoreOf(lenient, 40, 9, 3)])
    await writeRoute(server.store, name, { kind: 'begin', rollout: rollout(name, { mode: 'split', share: 1 }) }, 'test')
    await eventually(() => gateway.endpoint(name)?.route?.revision === 2)
    const reply = await infer(name, { distance: 3, passenger: 'p9' })
    expect([reply.headers['x-slipway-role'], predictionsOf(reply)]).toEqual([
      'candidate',
      [await scoreOf(candidate, 40, 9, 3)],
    ])
    // A version by its number is asked as it looks up.
    const pinned = (version: number, row: object) =>
      ask(gateway, 'POST', `/v1/models/${name}/versions/${version}:predict`, { instances: [row] })
    expect(predictionsOf(await pinned(1, whole))).toEqual(expected)
    expect((await pinned(2, whole)).status).toBe(400)
    await writeRoute(server.store, name, { kind: 'rollback', from: 2, to: null }, 'test')
    await eventually(() => gateway.endpoint(name)?.route?.revision === 3)
    expect(predictionsOf(await infer(name, whole))).toEqual(expected)
    expect((await readRoute(server.store, name))?.snapshots).toBeUndefined()
  })
})
