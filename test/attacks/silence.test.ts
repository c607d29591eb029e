import { afterAll, beforeAll, expect, it } from 'vitest'
import { type Attacked, openAttacked } from '../support/attacked.ts'
import { type ChangeableWay, openWay } from '../support/changeable-network.ts'

/** Ways to each server that take connections and bytes, and never answer, when they are told to. */
let place: Attacked
let s3: ChangeableWay
let temporal: ChangeableWay
let gateway: ChangeableWay

const withoutScheme = (address: string): string => address.replace('http://', '')

beforeAll(async () => {
  place = await openAttacked()
  const targets = [place.env.S3_ENDPOINT, place.env.TEMPORAL_ADDRESS, place.gateway].map(withoutScheme)
  ;[s3, temporal, gateway] = (await Promise.all(targets.map(openWay))) as [ChangeableWay, ChangeableWay, ChangeableWay]
})
afterAll(async () => {
  await Promise.all([s3, temporal, gateway].map((way) => way.stop()))
  await place.close()
})

/** All that a process asks goes these ways. */
const ways = () => ({
  S3_ENDPOINT: `http://${s3.address}`,
  TEMPORAL_ADDRESS: temporal.address,
  SLIPWAY_GATEWAY_ADDRESS: `http://${gateway.address}`,
})

it('a worker that begins while nobody answers begins to work when they answer', async () => {
  await Promise.all([s3.become('hangs'), temporal.become('hangs')])
  const worker = place.startWorker(ways())
  // What it does first is to ask the store; nothing but the answer lets it go on.
  await new Promise((resolve) => setTimeout(resolve, 3_000))
  await s3.become('open')
  await new Promise((resolve) => setTimeout(resolve, 3_000))
  await temporal.become('open')
  const run = await place.run(['run', 'loans', '--wait', '--json'])
  expect(run, `${run.stderr}${worker.said()}`).toMatchObject({ code: 0 })
  await place.startGateway()
})

it.each([
  ['the store', () => s3, ['runs', '--json'], 'STORE_UNREACHABLE', /S3 store/],
  ['Temporal', () => temporal, ['schedule', 'list', '--json'], 'TEMPORAL_UNREACHABLE', /Temporal server/],
  [
    'the gateway',
    () => gateway,
    ['predict', 'credit', '--data', 'row.json', '--json'],
    'GATEWAY_UNREACHABLE',
    /gateway/,
  ],
] as const)(
  'a command that %s never answers ends, and says who it was and what next',
  async (_, way, args, code, who) => {
    place.project.write('row.json', JSON.stringify({ id: 1, day: '2024-01-01', income: 3e4, age: 40, purpose: 'car' }))
    await way().become('hangs')
    const ended = await place.run(args, ways())
    await way().become('open')
    expect(ended, ended.stderr).toMatchObject({ code: 20 })
    expect(ended.stderr).toContain(code)
    expect(ended.stderr).toMatch(who)
    expect(ended.stderr).toMatch(/next: /)
    const again = await place.run(args, ways())
    expect(again, again.stderr).toMatchObject({ code: 0 })
  },
)

it.each([
  ['the store', () => s3],
  ['Temporal', () => temporal],
] as const)('--timeout ends a command that %s never answers, before a run is begun', async (_, way) => {
  await way().become('hangs')
  const ended = await place.run(['run', 'loans', '--wait', '--timeout', '3s', '--json'], ways())
  await way().become('open')
  expect(ended, ended.stderr).toMatchObject({ code: 124 })
  expect(JSON.parse(ended.stdout)).toMatchObject({ error: { code: 'WAIT_TIMED_OUT' }, exitCode: 124 })
})

it.each([
  ['the store', () => s3, 31],
  ['Temporal', () => temporal, 37],
] as const)('a run goes on whose worker and follower %s does not answer for a while', async (_, way, trees) => {
  const running = place.begin(['run', 'loans', '--wait', '--json', '--set', `trees=${trees}`], ways())
  await running.said('run loans-')
  await way().become('hangs')
  await new Promise((resolve) => setTimeout(resolve, 20_000))
  await way().become('open')
  const { code, stdout, stderr } = await running.result
  expect(code, `${stderr}${stdout}`).toBe(0)
})

it.each([
  ['the store', () => s3, 41],
  ['Temporal', () => temporal, 43],
] as const)('a run goes on though nothing ever comes again over connections to %s', async (_, way, trees) => {
  const running = place.begin(['run', 'loans', '--wait', '--json', '--set', `trees=${trees}`], ways())
  await running.said('run loans-')
  way().stall()
  const { code, stdout, stderr } = await running.result
  expect(code, `${stderr}${stdout}`).toBe(0)
})
