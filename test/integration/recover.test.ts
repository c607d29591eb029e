import { readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type CanaryPlace, canary, openServedCanaryPlace } from '../support/canary-place.ts'
import { eventually } from '../support/gateways.ts'

/*
 * Temporal's database is lost: what the store says should go on is brought back.
 */
let place: CanaryPlace

beforeAll(async () => {
  place = await openServedCanaryPlace()
})
afterAll(async () => {
  await place?.close()
})

/** The server is back, and knows nothing. */
async function loseTemporal(): Promise<void> {
  await place.killTemporal()
  const folder = join(place.project.root, '.slipway')
  for (const file of readdirSync(folder).filter((name) => name.startsWith('temporal.db'))) rmSync(join(folder, file))
  await place.startTemporal()
}

const lost = async (): Promise<{ kind: string; name: string }[]> =>
  JSON.parse(await place.succeeds('recover', '--dry-run', '--json')).lost

describe('when Temporal has lost its database', () => {
  it('a rollout in the middle is found and watched again until it is promoted; owner and monitor are back', async () => {
    const policy = canary().replace('minSamples: 30', 'minSamples: 250')
    place.define(14, policy, "{ every: '1d', drift: psi.over(0.2) }")
    let rollout = ''
    const { result } = await place.withTraffic([], async () => {
      const running = place.begin('run', 'loans', '--wait', '--json')
      await eventually(async () => (await place.share()) === 0.25)
      await loseTemporal()
      running.interrupt()
      await running.result
      expect(await place.share()).toBe(0.25)

      const gone = await lost()
      expect(gone).toContainEqual(expect.objectContaining({ kind: 'endpoint', name: 'credit' }))
      rollout = gone.find(({ kind }) => kind === 'rollout')?.name ?? 'none'
      const doctor = await place.run('doctor', '--json')
      expect(JSON.parse(doctor.stdout).findings).toContainEqual(
        expect.objectContaining({
          check: 'nothing lost',
          passed: false,
          detail: expect.stringContaining('slipway recover'),
        }),
      )

      const told = await place.succeeds('recover')
      expect(told).toMatch(/^endpoint +credit {2}its owner is started again$/m)
      expect(told).toMatch(/^rollout +\S+ {2}it is watched again, from look \d+ on$/m)
      expect(await place.succeeds('recover')).toContain('nothing is lost')

      await eventually(async () => (await place.route()).rollout === null)
      return place.route()
    })
    expect(result.champion.version).toBe(2)
    const { looks, replay } = JSON.parse(await place.succeeds('explain', rollout, '--json'))
    // Looks go on where they were, and every decision follows from what is on record.
    expect(looks.map(({ seq }: { seq: number }) => seq)).toEqual(looks.map((_: unknown, i: number) => i))
    expect(replay.differing).toEqual([])
  })

  it('schedules are set again, as their refs say', async () => {
    place.define(14, 'allAtOnce: true', "{ every: '1d', drift: psi.over(0.2) }")
    await place.succeeds('run', 'loans', '--wait')
    const before = JSON.parse(await place.succeeds('schedule', 'list', '--json'))
    expect(before.map(({ id }: { id: string }) => id)).toContain('credit/monitor')
    await loseTemporal()
    expect(await lost()).toContainEqual(expect.objectContaining({ kind: 'monitor', name: 'credit' }))
    await place.succeeds('recover')
    const after = JSON.parse(await place.succeeds('schedule', 'list', '--json'))
    expect(after.map(({ id }: { id: string }) => id)).toEqual(before.map(({ id }: { id: string }) => id))
    expect(await lost()).toEqual([])
  })
})
