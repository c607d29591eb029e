import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { profileCounted, profileInPlace, profileNumbers } from '../../lib/stats/profile.ts'
import { sortNumbers } from '../../lib/stats/sort-numbers.ts'

/**
 * Of more numbers than the engine's own sort is left with; few of them are drawn, and the rest repeats them or lies
 * beside them.
 */
const many = 40_000
const drawn = fc.array(fc.double({ noNaN: true }), { minLength: 1, maxLength: 50 })
const spread = (some: readonly number[], step: number): Float64Array =>
  Float64Array.from({ length: many }, (_, i) => (some[i % some.length] as number) + (i % 7) * step)

describe('sorting many numbers', () => {
  it('gives the order of the engine’s own sort, to the sign of a zero, for doubles and singles', () => {
    fc.assert(
      fc.property(drawn, fc.constantFrom(0, 1, 1e-300, 0.1, 2 ** 40), (some, step) => {
        const values = spread(some, step).filter((value) => !Number.isNaN(value))
        for (const numbers of [values, Float32Array.from(values)])
          expect(Buffer.compare(bytesOf(sortNumbers(numbers.slice())), bytesOf(numbers.slice().sort()))).toBe(0)
      }),
      { numRuns: 40 },
    )
  })

  it('turns negative numbers round where they are all there are, all of one size or of many', () => {
    for (const numberAt of [(i: number) => -i, () => -1, (i: number) => -0 - (i % 3), (i: number) => -(1 + i / many)]) {
      const values = Float64Array.from({ length: many }, (_, i) => numberAt(i))
      expect(Buffer.compare(bytesOf(sortNumbers(values.slice())), bytesOf(values.slice().sort()))).toBe(0)
    }
  })

  it('sorts a part of a larger memory and leaves the rest alone', () => {
    const memory = Float64Array.from({ length: many + 2 }, (_, i) => -i)
    const sorted = sortNumbers(memory.subarray(1, many + 1))
    expect([sorted.length, sorted[0], sorted[many - 1]]).toEqual([many, -many, -1])
    expect([memory[0], memory[many + 1]]).toEqual([-0, -many - 1])
  })
})

describe('the profile of numbers that somebody counted', () => {
  it('is that of the numbers, bit by bit, with what is missing or infinite', () => {
    const value = fc.oneof(fc.double(), fc.constantFrom(0, 1, 0.1, Number.NaN, Infinity, -Infinity))
    fc.assert(
      fc.property(fc.array(value, { minLength: 1, maxLength: 300 }), fc.integer({ min: 1, max: 90 }), (some, times) => {
        const values = Float64Array.from(
          { length: some.length * times },
          (_, i) => (some[i % some.length] as number) + 0,
        )
        const counts = new Map<number, number>()
        for (const each of [...values].sort((a, b) => (Number.isNaN(a) ? 1 : Number.isNaN(b) ? -1 : a - b || 0)))
          counts.set(each, (counts.get(each) ?? 0) + 1)
        const counted = profileCounted(Float64Array.from(counts.keys()), Float64Array.from(counts.values()))
        expect(counted).toEqual(profileNumbers(values))
        expect(counted).toEqual(profileInPlace(values))
      }),
    )
  })
})

const bytesOf = ({ buffer, byteOffset, byteLength }: Float32Array | Float64Array): Buffer =>
  Buffer.from(buffer as ArrayBuffer, byteOffset, byteLength)
