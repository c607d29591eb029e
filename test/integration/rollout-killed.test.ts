import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { readModel } from '../../lib/store/registry.ts'
import { readRouteLog } from '../../lib/store/routes.ts'
import { type CanaryPlace, canary, openServedCanaryPlace } from '../support/canary-place.ts'
import { eventually } from '../support/gateways.ts'

/*
 * Rollouts whose processes are killed.
 */
let place: CanaryPlace

beforeAll(async () => {
  place = await openServedCanaryPlace()
})
afterAll(async () => {
  await place?.close()
})

describe('a rollout', () => {
  it('goes on where it was when gateway, worker and Temporal server are killed in the middle of a step', async () => {
    place.define(14, canary().replace('minSamples: 30', 'minSamples: 250'))
    const shares: number[] = []
    const { result, traffic } = await place.withTraffic([], async () => {
      const running = place.begin('run', 'loans', '--wait', '--json')
      await eventually(async () => (await place.share()) === 0.25)
      const watching = setInterval(() => void place.share().then((each) => shares.push(each)), 200)
      place.gatewayProcess.kill()
      place.worker.kill()
      await place.killTemporal()
      await place.startTemporal()
      const ended = await running.result
      clearInterval(watching)
      return ended
    })
    expect(result, result.stderr).toMatchObject({ code: 0 })
    expect(JSON.parse(result.stdout).rollout.outcome).toBe('promoted')
    // Never back to 0 or to all before its time.
    const until = shares.indexOf(0.5) < 0 ? shares.length : shares.indexOf(0.5)
    expect(new Set(shares.slice(0, until))).toEqual(new Set([0.25]))
    // Requests that met the dead gateway got no answer; nobody was answered wrongly.
    expect(Object.keys(traffic.failed).filter((status) => status !== '0')).toEqual([])
    expect(await place.route()).toMatchObject({ champion: { version: 2 } })
  })

  it('goes back at once, also with Temporal down; its owner takes that over when it is back', async () => {
    const before = await place.route()
    const answeredBy = async (): Promise<string | null> => {
      const answer = await fetch(`${place.gateway}/v1/models/credit:predict`, {
        method: 'POST',
        body: JSON.stringify({ instances: [{ id: 1, day: 0, income: 30000, age: 40, purpose: 'car' }] }),
      })
      return answer.headers.get('x-model-version')
    }
    // Whether its owner or the command wrote it first: on a busy machine it may be either.
    const back = await place.run('rollback', 'credit', '--reason', 'a test', '--json')
    expect(JSON.parse(back.stdout), back.stderr).toMatchObject({ champion: 1, before: 2 })
    await eventually(async () => (await answeredBy()) === '1')
    await place.killTemporal()
    const answer = await place.run('rollback', 'credit', '--to', '2', '--json')
    expect(answer, answer.stderr).toMatchObject({ code: 0 })
    expect(JSON.parse(answer.stdout)).toMatchObject({ champion: 2, before: 1, breakGlass: true })
    await eventually(async () => (await answeredBy()) === '2')
    const now = await place.route()
    expect(now.revision).toBe(before.revision + 2)
    expect((await readRouteLog(place.store.store, 'credit', now.revision))?.reason).toMatch(
      /^break-glass: rolled back by/,
    )
    await place.startTemporal()
    await eventually(async () => (await readModel(place.store.store, 'loans'))?.champions.at(-1) === 2)
  })
})
