import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { isCandidates, placeOf } from '../../lib/stats/assignment.ts'
import { profileCategories, profileNumbers } from '../../lib/stats/profile.ts'
import { addFeatureCounts, profileCounter } from '../../lib/stats/profile-counter.ts'
import { splitMismatch } from '../../lib/stats/sequential.ts'

describe('a split', () => {
  it('moves keys to the candidate only as its share rises, whatever the keys', () => {
    fc.assert(
      fc.property(
        fc.string(),
        fc.string(),
        fc.double({ min: 0, max: 1, noNaN: true }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (salt, key, a, b) => {
          const [low, high] = a < b ? [a, b] : [b, a]
          if (isCandidates(salt, key, low)) expect(isCandidates(salt, key, high)).toBe(true)
          expect([isCandidates(salt, key, 0), isCandidates(salt, key, 1)]).toEqual([false, true])
        },
      ),
    )
  })

  it.each([0.01, 0.05, 0.5])('gives the share asked for, of keys that follow each other: %f', (share) => {
    const n = 200_000
    let candidates = 0
    for (let i = 0; i < n; i++) if (isCandidates('rollout-1', `user-${i}`, share)) candidates++
    expect(splitMismatch(candidates, n, share)).toBeLessThan(Math.log(1000))
  })

  it('draws anew with another salt: who was the candidate’s then says nothing about now', () => {
    const n = 50_000
    let both = 0
    for (let i = 0; i < n; i++) if (placeOf('a', `u${i}`) < 0.5 && placeOf('b', `u${i}`) < 0.5) both++
    expect(Math.abs(both / n - 0.25)).toBeLessThan(0.01)
  })
})

describe('counts in the bins of a baseline', () => {
  const numbers = Float32Array.from({ length: 1_000 }, (_, i) => (i % 17 === 0 ? Number.NaN : (i * 37) % 101))
  const baseline = { x: profileNumbers(numbers), c: profileCategories(['a', 'b'], Int32Array.from([0, 0, 1])) }

  it('are the baseline itself for the rows it was made of', () => {
    const counter = profileCounter(baseline)
    counter.add({ x: numbers })
    const { x } = baseline
    expect(counter.take().x).toEqual(x?.kind === 'numeric' ? [...x.counts, 0, 0, x.missing] : [])
  })

  it('add up in any order, and name what the baseline does not know', () => {
    const count = (...parts: { x: Float32Array; c: (string | null)[] }[]) => {
      const counter = profileCounter(baseline)
      for (const part of parts) counter.add(part)
      return counter.take()
    }
    const [a, b] = [
      { x: numbers.subarray(0, 300), c: ['a', null, 'z'] },
      { x: numbers.subarray(300), c: ['b', 'b', 'a'] },
    ]
    const whole = count(a, b)
    expect(addFeatureCounts(count(b).x ?? [], count(a).x ?? [])).toEqual(whole.x)
    expect(addFeatureCounts(count(b).c ?? {}, count(a).c ?? {})).toEqual({
      a: 2,
      b: 2,
      '\u0000other': 1,
      '\u0000missing': 1,
    })
  })
})
