import { afterAll, beforeAll, expect, it } from 'vitest'
import { loadModel } from '../../lib/models/model.ts'
import { localModel } from '../../lib/models/package.ts'
import { readRoute } from '../../lib/store/routes.ts'
import { readView } from '../../lib/store/views.ts'
import { eventually } from '../support/gateways.ts'
import { openPlace, type Place } from '../support/place.ts'

/*
 * A model whose rows are joined with a shared view, served by an endpoint that looks the view up: published by real
 * workers, moved by the owners of view and endpoint, answered by a real gateway.
 */
let place: Place

/** Trips of twenty passengers, each always as late as its number says, and `more`. */
const writeTrips = (more: number): Promise<void> =>
  place.project.data(
    'data/trips.parquet',
    `SELECT 'p' || (i * 7919) % 20 AS passenger, TIMESTAMP '2024-01-01' + INTERVAL (i) HOUR AS landed,
      ((i * 7919) % 20 + ${more})::DOUBLE AS delay FROM range(400) t(i)`,
  )

beforeAll(async () => {
  place = await openPlace()
  const { project } = place
  await writeTrips(0)
  await project.data(
    'data/bookings.parquet',
    `SELECT 'p' || (i * 31) % 25 AS passenger, TIMESTAMP '2024-03-01' + INTERVAL (i) HOUR AS booked,
      (i * 7919 % 5000)::DOUBLE AS distance, ((i * 31) % 25 * 10)::DOUBLE AS paid FROM range(2000) t(i)`,
  )
  project.write(
    'shared/history.ts',
    `import { z } from 'zod'
export const Trip = z.object({ passenger: z.string(), landed: z.date(), delay: z.number() })
export const History = z.object({ passenger: z.string(), known_at: z.date(), delay: z.number() })
export const history = {
  sql: \`SELECT passenger, landed AS known_at, avg(delay) OVER (PARTITION BY passenger ORDER BY landed) AS delay FROM trips\`,
  schema: History, key: 'passenger', known: 'known_at',
} as const
`,
  )
  project.write(
    'pipelines/refunds/features.ts',
    `export const features = ({ distance, delay }: { distance: Float64Array; delay: Float64Array }) => ({ distance, delay })
`,
  )
  project.write(
    'pipelines/refunds/pipeline.ts',
    `import { lookup, pipeline, regression, rmse, trees } from 'slipway'
import { z } from 'zod'
import { history, Trip } from '../../shared/history.ts'
import { features } from './features.ts'

const Booking = z.object({ passenger: z.string(), booked: z.date(), distance: z.number(), paid: z.number() })
const Row = z.object({ distance: z.number(), delay: z.number().nullable(), paid: z.number() })

export default pipeline('refunds', (p) => {
  const trips = p.snapshot('trips', { from: 'data/trips.parquet', schema: Trip })
  const bookings = p.snapshot('bookings', { from: 'data/bookings.parquet', schema: Booking })
  const past = p.feature('history', { ...history, from: { trips } })
  const seen = p.join(bookings, past, { on: ['passenger'], asOf: { at: 'booked', event: 'known_at', known: 'known_at' } })
  const rows = p.table('rows', { from: { seen }, sql: 'SELECT distance, delay, paid FROM seen', schema: Row })
  const parts = p.split(rows, { byHashOf: 'distance', validation: 0.2, test: 0.2 })
  const model = p.train('amount', {
    on: parts, features, target: regression('paid'), learner: trees({ trees: 20, leaves: 15 }), seed: 1,
  })
  const candidate = p.package(model)
  p.gate(candidate, { on: parts.test, must: [rmse.atMost(200)] })
  p.deploy(candidate, {
    endpoint: 'refunds', allAtOnce: true,
    lookup: [lookup(past, { on: 'passenger', columns: 'delay', staleAfter: '2d' })],
  })
})
`,
  )
  project.write(
    'pipelines/arrivals/pipeline.ts',
    `import { pipeline } from 'slipway'
import { history, Trip } from '../../shared/history.ts'

export default pipeline('arrivals', (p) => {
  const trips = p.snapshot('trips', { from: 'data/trips.parquet', schema: Trip })
  p.feature('history', { ...history, from: { trips } })
})
`,
  )
})
afterAll(() => place?.close())

async function run(pipeline: string): Promise<void> {
  const result = await place.run('run', pipeline, '--wait', '--json')
  expect(result, result.stdout + result.stderr).toMatchObject({ code: 0 })
}

/** What the gateway says of one booking. */
async function ask(passenger: string) {
  const answer = await fetch(`${place.gateway}/v1/models/refunds:predict`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ instances: [{ distance: 500, passenger }] }),
  })
  const said = (await answer.json()) as { predictions?: number[] }
  return { status: answer.status, prediction: said.predictions?.[0], lookup: answer.headers.get('x-slipway-lookup') }
}

/** What the champion's package says of the whole row, without a gateway. */
async function scoreOf(delay: number): Promise<number> {
  const { store } = place.store
  const { champion } = (await readRoute(store, 'refunds')) ?? {}
  const model = await loadModel(await localModel({ store, trusted: new Map() }, champion?.digest as string))
  const [score] = await model.score({ distance: Float64Array.of(500), delay: Float64Array.of(delay) })
  await model.release()
  return score as number
}
const snapshot = async () => (await readView(place.store.store, 'history'))?.table.digest as string

it('an endpoint answers by what is published of its view, and moves with the next publication', async () => {
  await run('refunds')
  await eventually(async () => (await ask('p3')).status === 200)
  const first = await snapshot()
  const before = await ask('p3')
  expect(before).toMatchObject({ prediction: await scoreOf(3), lookup: expect.stringContaining(first) })
  const stranger = await ask('p22')
  expect(stranger).toMatchObject({
    prediction: await scoreOf(Number.NaN),
    lookup: expect.stringContaining('unknown=1'),
  })

  // Another pipeline publishes the view anew; nothing is trained or deployed.
  await writeTrips(15)
  await run('arrivals')
  const second = await snapshot()
  expect(second).not.toBe(first)
  await eventually(async () => (await ask('p3')).lookup?.includes(second) === true)
  const after = await ask('p3')
  expect(after.prediction).toBe(await scoreOf(18))
  expect(after.prediction).not.toBe(before.prediction)

  // What was moved to is on the route, not in the memory of a process.
  place.gatewayProcess.kill()
  await eventually(async () => (await ask('p3').catch(() => undefined))?.status === 200)
  expect(await ask('p3')).toEqual(after)
})
