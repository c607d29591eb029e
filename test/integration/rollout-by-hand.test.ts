import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { readRolloutEnd } from '../../lib/store/rollouts.ts'
import { type CanaryPlace, canary, openServedCanaryPlace } from '../support/canary-place.ts'
import { eventually } from '../support/gateways.ts'

/*
 * Rollouts that people take in hand.
 */
let place: CanaryPlace

beforeAll(async () => {
  place = await openServedCanaryPlace()
})
afterAll(async () => {
  await place?.close()
})

describe('a rollout', () => {
  it('obeys people: pause, resume, promote, roll back; and refuses what makes no sense', async () => {
    place.define(15, canary('within: "10m"'))
    const running = place.begin('run', 'loans', '--wait', '--json')
    await eventually(async () => (await place.share()) === 0.05)
    // The route has the rollout before its workflow is there to be paused.
    const pause = await place.run('rollout', 'pause', 'credit', '--reason', 'lunch')
    expect(pause, pause.stderr).toMatchObject({ code: 0 })
    const status = await place.run('rollout', 'status', 'credit')
    expect(status.stdout).toMatch(/step 1 of 3, paused/)
    expect(await place.run('rollout', 'resume', 'credit')).toMatchObject({ code: 0 })
    expect(await place.run('rollout', 'promote', 'credit', '--reason', 'I know better')).toMatchObject({ code: 0 })
    const result = await running.result
    expect(result, result.stderr).toMatchObject({ code: 0 })
    const { rollout } = JSON.parse(result.stdout)
    const record = await readRolloutEnd(place.store.store, rollout.id)
    expect(record?.decisions.at(-1)).toMatchObject({
      action: 'promote',
      reason: 'I know better (by hand)',
      by: expect.any(String),
    })
    const nothing = await place.run('rollout', 'pause', 'credit')
    expect([nothing.code, nothing.stderr]).toEqual([2, expect.stringContaining('no rollout of credit is going on')])
    const unknown = await place.run('rollout', 'status', 'credits')
    expect([unknown.code, unknown.stderr]).toEqual([2, expect.stringContaining('there are credit')])
  })
})
