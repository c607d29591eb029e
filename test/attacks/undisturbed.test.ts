import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type Attacked, openAttacked } from '../support/attacked.ts'

/** What attacks are measured by: with nobody attacking, all of it works. */
let place: Attacked

beforeAll(async () => {
  place = await openAttacked()
  place.startWorker()
  await place.startGateway()
})
afterAll(() => place.close())

it('trains, deploys, answers and scores', async () => {
  const run = await place.run(['run', 'loans', '--wait', '--json'])
  expect(run, run.stderr).toMatchObject({ code: 0 })
  expect(JSON.parse(run.stdout)).toMatchObject({ status: 'succeeded', model: { version: 1 } })

  place.project.write('row.json', JSON.stringify({ id: 1, day: '2024-01-01', income: 3e4, age: 40, purpose: 'car' }))
  const answer = await place.run(['predict', 'credit', '--data', 'row.json', '--json'])
  expect(answer, answer.stderr).toMatchObject({ code: 0 })

  const batch = await place.run(['batch', 'score', 'credit', '--from', 'data/loans.parquet', '--to', 'out/'])
  expect(batch, batch.stderr).toMatchObject({ code: 0 })
  expect(readdirSync(join(place.project.root, 'out'))).toContain('_SUCCESS')
})
