import { describe, expect, it } from 'vitest'
import { patience } from '../../lib/formats/patience.ts'
import { type OutageOptions, outageOf, rideOut } from '../../lib/store/outage.ts'

/** A server that is watched over by a clock of ours. */
function watched(options: Partial<OutageOptions> = {}) {
  const clock = { now: 1_000_000 }
  const said: string[] = []
  const outage = outageOf({
    server: 'the store at http://s3',
    isExpected: () => false,
    say: (line) => said.push(line),
    now: () => clock.now,
    ...options,
  })
  /** A call that fails again and again. @returns how long it tried, ms */
  const failFor = (call = outage.begin()): number => {
    const start = clock.now
    for (let pause = call.failed(); pause !== undefined; pause = call.failed()) clock.now += pause
    return clock.now - start
  }
  return { clock, said, outage, failFor }
}
const about = (ms: number) => [ms, ms + patience.pause] as const
const expectWithin = (value: number, [least, most]: readonly [number, number]) => {
  expect(value).toBeGreaterThanOrEqual(least)
  expect(value).toBeLessThanOrEqual(most)
}

describe('a server that is away', () => {
  it('is waited for a minute once it has answered, and it is said when and for how long', () => {
    const { outage, failFor, said } = watched()
    outage.answered()
    expectWithin(failFor(), about(60_000))
    expect(said).toEqual(['the store at http://s3 does not answer: waiting for it (up to 60 s)'])
  })

  it('is waited for a minute before it ever answered, when somebody brings it back', () => {
    const { failFor } = watched({ isExpected: () => true })
    expectWithin(failFor(), about(60_000))
  })

  it('that never answered, and that nobody brings back, is soon given up: its address may be wrong', () => {
    const { failFor, said } = watched()
    expectWithin(failFor(), about(5_000))
    expect(said).toEqual(['the store at http://s3 does not answer: waiting for it (up to 5 s)'])
  })

  it('has one minute in all, not one a call', () => {
    const { outage, failFor } = watched()
    outage.answered()
    expectWithin(failFor(), about(60_000))
    expect(failFor()).toBe(0)
  })

  it('has a minute again at its next outage, and that it is back is said once', () => {
    const { outage, clock, said, failFor } = watched()
    outage.answered()
    const call = outage.begin()
    while (clock.now < 1_010_000) clock.now += call.failed() as number
    outage.answered()
    outage.answered()
    expect(said).toEqual([
      'the store at http://s3 does not answer: waiting for it (up to 60 s)',
      'the store at http://s3 answers again',
    ])
    expectWithin(failFor(), about(60_000))
  })

  it('for less than a moment is not spoken of', () => {
    const { outage, clock, said } = watched()
    outage.answered()
    const call = outage.begin()
    while (clock.now < 1_000_000 + patience.told - patience.pause) clock.now += call.failed() as number
    outage.answered()
    expect(said).toEqual([])
  })

  it('for one call only, and there for others, is given up by that call', () => {
    const { outage, clock } = watched()
    const call = outage.begin()
    let tries = 0
    for (let pause = call.failed(); pause !== undefined; pause = call.failed()) {
      clock.now += pause
      outage.answered()
      expect(++tries).toBeLessThan(1_000)
    }
    expectWithin(clock.now - 1_000_000, about(60_000))
  })

  it('is waited for without end where that is wanted', () => {
    const { outage, clock, said } = watched({ limits: { away: Infinity, unknown: Infinity } })
    const call = outage.begin()
    while (clock.now < 1_000_000 + 3_600_000) clock.now += call.failed() as number
    expect(said).toEqual(['the store at http://s3 does not answer: waiting for it'])
  })
})

describe('work that rides it out', () => {
  it('is done again until it is done, and only where the server is away', async () => {
    const { outage } = watched()
    let tries = 0
    const work = async (): Promise<number> => {
      if (++tries < 3) throw new Error('away')
      return tries
    }
    expect(await rideOut(outage, work, (error) => (error as Error).message === 'away')).toBe(3)
    await expect(
      rideOut(
        outage,
        () => Promise.reject(new Error('mine')),
        () => false,
      ),
    ).rejects.toThrow('mine')
    await expect(
      rideOut(
        undefined,
        () => Promise.reject(new Error('away')),
        () => true,
      ),
    ).rejects.toThrow('away')
  })
})
