import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { readModel } from '../../lib/store/registry.ts'
import { readEvidence, readLooks } from '../../lib/store/rollouts.ts'
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

interface Health {
  readonly status: string
  readonly endpoints: Readonly<Record<string, { readonly suspended?: string }>>
}
const health = async (): Promise<Health> => (await (await fetch(`${place.gateway}/health`)).json()) as Health

/** Versions that answer so many requests. */
async function answeredBy(requests: number): Promise<string[]> {
  const body = JSON.stringify({ instances: [{ id: 1, day: 0, income: 30000, age: 40, purpose: 'car' }] })
  const versions = new Set<string>()
  for (let i = 0; i < requests; i++) {
    const answer = await fetch(`${place.gateway}/v1/models/credit:predict`, { method: 'POST', body })
    const version = answer.headers.get('x-model-version')
    // A busy gateway refuses some.
    if (version !== null) versions.add(version)
  }
  return [...versions]
}

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
    // Requests that met the dead gateway got no answer, a busy one refuses some; nobody was answered wrongly.
    expect(Object.keys(traffic.failed).filter((status) => status !== '0' && status !== '503')).toEqual([])
    expect(await place.route()).toMatchObject({ champion: { version: 2 } })
  })

  it('goes back at once, also with Temporal down; its owner takes that over when it is back', async () => {
    const before = await place.route()
    // Whether its owner or the command wrote it first: on a busy machine it may be either.
    const back = await place.run('rollback', 'credit', '--reason', 'a test', '--json')
    expect(JSON.parse(back.stdout), back.stderr).toMatchObject({ champion: 1, before: 2 })
    await eventually(async () => (await answeredBy(1))[0] === '1')
    await place.killTemporal()
    const answer = await place.run('rollback', 'credit', '--to', '2', '--json')
    expect(answer, answer.stderr).toMatchObject({ code: 0 })
    expect(JSON.parse(answer.stdout)).toMatchObject({ champion: 2, before: 1, breakGlass: true })
    await eventually(async () => (await answeredBy(1))[0] === '2')
    const now = await place.route()
    expect(now.revision).toBe(before.revision + 2)
    expect((await readRouteLog(place.store.store, 'credit', now.revision))?.reason).toMatch(
      /^break-glass: rolled back by/,
    )
    await place.startTemporal()
    await eventually(async () => (await readModel(place.store.store, 'loans'))?.champions.at(-1) === 2)
  })

  it('that nobody watches is suspended by gateways, is no evidence meanwhile, and goes on when somebody does', async () => {
    place.define(15, canary().replace('minSamples: 30', 'minSamples: 400'))
    const { result } = await place.withTraffic([], async () => {
      const running = place.begin('run', 'loans', '--wait', '--json')
      await eventually(async () => (await place.share()) === 0.05)
      const id = (await place.route()).rollout?.id ?? ''
      await eventually(async () => (await readEvidence(place.store.store, id, 1)) !== undefined)
      await place.killTemporal()
      await eventually(async () => (await health()).endpoints.credit?.suspended !== undefined)
      // The route stays as it is; nobody who asks is answered by the candidate.
      const suspended = { status: (await health()).status, share: await place.share(), by: await answeredBy(60) }
      const told = JSON.parse((await place.run('rollout', 'status', 'credit', '--json')).stdout)
      await place.startTemporal()
      await eventually(async () => (await health()).endpoints.credit?.suspended === undefined)
      const ended = await running.result
      return { ended, suspended, told }
    })
    const { ended, suspended, told } = result
    expect(suspended).toEqual({ status: 'degraded', share: 0.05, by: ['2'] })
    expect(told.suspended).toEqual([{ gateway: expect.any(String), since: expect.any(String) }])
    expect(ended, ended.stderr).toMatchObject({ code: 0 })
    const { rollout } = JSON.parse(ended.stdout)
    expect(rollout.outcome).toBe('promoted')
    const looks = await readLooks(place.store.store, rollout.id)
    expect(looks.some(({ unwatched }) => unwatched !== undefined)).toBe(true)
    // Were windows of that time evidence, the split would not be the one asked for, and it would not be promoted.
    const replayed = await place.run('explain', rollout.id, '--replay')
    expect(replayed, replayed.stdout).toMatchObject({ code: 0 })
  })
})
