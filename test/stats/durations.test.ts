import { describe, expect, it } from 'vitest'
import { showDuration } from '../../lib/formats/show-duration.ts'

describe('a time for people', () => {
  it.each([
    [86_400_000, '1 d'],
    [90 * 60_000, '90 min'],
    [7_200_000, '2 h'],
    [90_000, '90 s'],
    [120_000, '2 min'],
    [500, '0.5 s'],
    [0, '0 s'],
  ])('%d ms is %s: the largest unit that leaves it whole', (ms, said) => {
    expect(showDuration(ms)).toBe(said)
  })
})
