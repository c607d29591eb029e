import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { ModelVersion, Route } from '../../lib/formats/route.ts'
import { publishRefusal } from '../../lib/store/refusals.ts'
import { readRolloutEnd } from '../../lib/store/rollouts.ts'
import { readRoute } from '../../lib/store/routes.ts'
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

  it('is ended where its candidate is rejected meanwhile; a rollback does not go back to what was rejected', async () => {
    const { store } = place.store
    const reject = async (version: ModelVersion, why: string) =>
      publishRefusal(store, { ...version, by: `ann in SageMaker: ${why}`, at: new Date().toISOString() })
    place.define(25, canary('within: "10m"'))
    const running = place.begin('run', 'loans', '--wait', '--json')
    await eventually(async () => (await place.share()) === 0.05)
    const { rollout, champion, previous } = (await readRoute(store, 'credit')) as Route
    await reject(rollout?.candidate as ModelVersion, 'unfair')
    const result = await running.result
    expect(result, result.stderr).toMatchObject({ code: 14 })
    const record = await readRolloutEnd(store, JSON.parse(result.stdout).rollout.id)
    expect(record).toMatchObject({
      outcome: 'rolled back',
      reason: expect.stringMatching(/rollout .*: version 3 of loans was rejected by ann in SageMaker: unfair/),
    })
    expect(await readRoute(store, 'credit')).toMatchObject({ champion: { version: 2 }, rollout: null })
    await reject(previous as ModelVersion, 'too old')
    expect(await place.run('rollback', 'credit')).toMatchObject({
      code: 13,
      stderr: expect.stringContaining(
        'nothing to go back to that was not rejected: version 1 of loans was rejected by',
      ),
    })
    expect((await readRoute(store, 'credit'))?.champion).toEqual(champion)
  })
})
