import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type ClosedLoopPlace, loans, openClosedLoop } from '../support/closed-loop-place.ts'

/*
 * Retrainings that must not get through, with real servers and processes.
 */
let place: ClosedLoopPlace

beforeAll(async () => {
  place = await openClosedLoop()
  await place.open()
  // What was served, and what became of it, tells what a poisoned source does not.
  await place.serve(4_000, 640, 0, 'served')
})
afterAll(() => place?.close())

describe('a retraining', () => {
  it.each([
    [
      'flipped labels',
      'SELECT * REPLACE (1 - defaulted AS defaulted)',
      'gate failed',
      /never-worse.*labelled rows served lately/s,
    ],
    [
      'incomes in thousands',
      'SELECT * REPLACE (income / 1000 AS income)',
      'gate failed',
      /never-worse.*labelled rows served lately/s,
    ],
    ['rows twice', 'SELECT * FROM (SELECT * FROM given) UNION ALL SELECT *', 'failed', /unique|id/],
  ])('keeps the champion when the source is poisoned: %s', async (_, poison, status, why) => {
    const before = await place.retrainings()
    const serving = await place.champion()
    await place.project.data('data/loans-1.parquet', `WITH given AS (${loans(0, 4_000)}) ${poison} FROM given`)
    expect((await place.run('signal', 'drift', 'loans', '--reason', 'a drill')).code).toBe(0)
    const run = await place.untilRetrained(before.length + 1)
    expect(run.status).toBe(status)
    expect(`${run.error?.step}: ${run.error?.message}`).toMatch(why)
    expect(await place.champion()).toBe(serving)
    const { stdout } = await place.run('retrain', 'status', 'loans')
    expect(stdout).toContain(status)
    await place.project.data('data/loans-1.parquet', loans(0, 4_000))
  })
})
