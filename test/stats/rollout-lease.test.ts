import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { policyOf } from '../../lib/definition/deploy.ts'
import type { Block } from '../../lib/formats/evidence.ts'
import { takeLook } from '../../lib/stats/replay.ts'
import { pause, stagesOf, startRollout } from '../../lib/stats/rollout.ts'
import { decide } from '../../lib/stats/rollout-decision.ts'
import { leaseMs, lookEvery, unwatchedMs } from '../../lib/stats/rollout-lease.ts'

const minute = 60_000
const hour = 60 * minute

describe('the lease of a look', () => {
  it('is longer than two waits for the next look, at every age', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 100 * hour }), (age) => {
        expect(leaseMs(age)).toBeGreaterThan(2 * lookEvery(age))
      }),
    )
  })

  it('is half a minute and a bit of a young rollout, and two and a half minutes of an old one', () => {
    expect([0, 10 * minute, hour, 6 * hour].map(leaseMs)).toEqual([34_000, 40_000, 60_000, 150_000])
  })

  it('leaves over what went by beyond it', () => {
    expect(unwatchedMs(0, 5_000, 39_000)).toBe(0)
    expect(unwatchedMs(0, 5_000, 39_001)).toBe(1)
    expect(unwatchedMs(0, 7 * hour, 8 * hour)).toBe(hour - 150_000)
  })
})

describe('time in which nobody watched a rollout', () => {
  const policy = policyOf({ endpoint: 'e', blueGreen: { bake: '30m', minSamples: 1, within: '2h' } })
  const bake = stagesOf(policy).at(-1) as { mode: 'bake'; share: number }
  const start = { ...startRollout(0), stage: stagesOf(policy).length - 1 }
  /** Answers of one minute without any failure, enough to show that it is not worse. */
  const block: Block = {
    from: 0,
    to: minute,
    ...bake,
    units: { champion: 20_000, candidate: 20_000 },
    arms: { errors: { nA: 20_000, kA: 0, nB: 20_000, kB: 0 }, latency: { nA: 20_000, kA: 0, nB: 20_000, kB: 0 } },
    onsets: null,
    scores: { champion: [], candidate: [] },
    pairs: { n: 20_000, only: { errors: { champion: 0, candidate: 0 }, latency: { champion: 0, candidate: 0 } } },
  }
  const look = (at: number, blocks: Block[] = [], unwatched?: number) => ({
    seq: 0,
    at,
    blocks,
    mistakes: [],
    before: null,
    unwatched,
  })
  const evident = takeLook(policy, start, look(minute, [block]), true)

  it('is no part of what it has to bake', () => {
    expect(decide(policy, evident).action).toBe('hold')
    expect(decide(policy, takeLook(policy, evident, look(31 * minute), false)).action).toBe('promote')
    const back = takeLook(policy, evident, look(31 * minute, [], 29 * minute), false)
    expect(decide(policy, back)).toMatchObject({ action: 'hold', reason: expect.stringContaining('1680 s to go') })
    expect(decide(policy, takeLook(policy, back, look(59 * minute), false)).action).toBe('promote')
  })

  it('is no part of what it may take', () => {
    const waiting = startRollout(0)
    const { withinMs } = policy
    const canary = { ...policy, strategy: { kind: 'canary', steps: [10] }, minSamples: 10 } as typeof policy
    expect(decide(canary, takeLook(canary, waiting, look(withinMs), true)).action).toBe('inconclusive')
    const held = takeLook(canary, waiting, look(withinMs, [], hour), true)
    expect(decide(canary, held).action).toBe('hold')
    expect(decide(canary, takeLook(canary, held, look(withinMs + hour), false)).action).toBe('inconclusive')
  })

  it('counts for the stage it was in alone, and adds up', () => {
    const twice = pause(pause(evident, minute), hour)
    expect(twice.unwatched).toEqual({ all: hour + minute, stage: hour + minute })
    expect(pause(evident, 0)).toBe(evident)
  })
})
