import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type Attacked, openAttacked } from '../support/attacked.ts'
import { type Fault, type FaultyServer, startFaultyServer } from '../support/faulty-server.ts'

/** Everybody's way to the store spoils one answer of five, in turn in each of these ways. */
const faults: readonly Fault[] = ['cut', 500, 'reset', 403, 'cut', 503, 'reset', 'short', 403]
const every = 5

let place: Attacked
let store: FaultyServer

beforeAll(async () => {
  place = await openAttacked()
  store = await startFaultyServer(place.env.S3_ENDPOINT)
  place.startWorker({ S3_ENDPOINT: store.address })
  await place.startGateway({ S3_ENDPOINT: store.address })
  store.spoil(({ n }) => (n % every === every - 1 ? faults[Math.floor(n / every) % faults.length] : undefined))
})
afterAll(async () => {
  await store.stop()
  await place.close()
})

const through = (...args: string[]) => place.run(args, { S3_ENDPOINT: store.address })

it('a run comes through', async () => {
  const run = await through('run', 'loans', '--wait', '--json')
  expect(run, run.stderr).toMatchObject({ code: 0 })
  expect(JSON.parse(run.stdout)).toMatchObject({ status: 'succeeded', model: { version: 1 } })
})

it('a gateway comes through, and so do commands that read', async () => {
  place.project.write('row.json', JSON.stringify({ id: 1, day: '2024-01-01', income: 3e4, age: 40, purpose: 'car' }))
  for (const args of [
    ['predict', 'credit', '--data', 'row.json', '--json'],
    ['runs', '--json'],
    ['models', '--json'],
    ['show', 'loans', '--json'],
    ['plan', 'loans', '--json'],
  ]) {
    const done = await through(...args)
    expect(done, `${args.join(' ')}: ${done.stderr}`).toMatchObject({ code: 0 })
  }
})

it('a batch comes through', async () => {
  const batch = await through('batch', 'score', 'credit', '--from', 'data/loans.parquet', '--to', 'out/')
  expect(batch, batch.stderr).toMatchObject({ code: 0 })
  expect(readdirSync(join(place.project.root, 'out'))).toContain('_SUCCESS')
})

it('verifying what was made comes through', async () => {
  const verified = await through('verify', 'loans@1', '--json')
  expect(verified, verified.stderr).toMatchObject({ code: 0 })
  const again = await through('verify', 'out/')
  expect(again, again.stderr).toMatchObject({ code: 0 })
  expect(new Set(Object.keys(store.spoilt))).toEqual(new Set(faults.map(String)))
})
