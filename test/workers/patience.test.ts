import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createPatience, longestGapMs, usualSilenceMs } from '../../workers/patience.ts'

const minute = 60_000

describe('patience', () => {
  it('waits for ever for what shows a sign of life at least every ten minutes, whatever sign that is', () => {
    const stretch = fc.array(fc.integer({ min: 1, max: 30_000 }), { minLength: 1, maxLength: 19 })
    fc.assert(
      fc.property(fc.array(stretch, { maxLength: 40 }), fc.constantFrom(0, 1, 2), (stretches, which) => {
        const isOver = createPatience()
        const vital = [0, 'a log of 12 bytes', 0]
        let now = 0
        for (const [i, gaps] of stretches.entries()) {
          vital[which] = i
          for (const gap of gaps) {
            now += gap
            if (isOver({ vital }, now) !== undefined) return false
          }
        }
        return true
      }),
    )
  })

  it('ends after ten minutes without any, and not before', () => {
    const isOver = createPatience()
    for (let at = 0; at < 10; at++) expect(isOver({ vital: [1, 'x'] }, at * minute)).toBeUndefined()
    expect(isOver({ vital: [1, 'x'] }, 10 * minute)).toBe('no sign of life for 10 minutes')
    expect(usualSilenceMs).toBe(10 * minute)
  })

  it('ends at once for what is dead, and says why', () => {
    const isOver = createPatience()
    expect(isOver({ vital: [1] }, 0)).toBeUndefined()
    expect(isOver({ dead: 'it ended with 1', vital: [2] }, 1)).toBe('it ended with 1')
  })

  it('counts no time in which nobody looked: a machine that slept for a night has not been silent', () => {
    const isOver = createPatience()
    expect(isOver({ vital: [] }, 0)).toBeUndefined()
    expect(isOver({ vital: [] }, 12 * 60 * minute)).toBeUndefined()
    for (let looks = 2; looks < 10; looks++)
      expect(isOver({ vital: [] }, 12 * 60 * minute + looks * longestGapMs)).toBeUndefined()
    expect(isOver({ vital: [] }, 12 * 60 * minute + 10 * longestGapMs)).toBeDefined()
  })
})
