import { describe, expect, it } from 'vitest'
import { offsetsOf, withOffsets } from '../../lib/learners/offsets.ts'
import { seededRandom } from '../../lib/stats/random.ts'
import { stepOfFloat32 } from '../../lib/stats/standard.ts'

const random = seededRandom(9)
const uniform = (rows: number, from: number, width: number): Float64Array =>
  Float64Array.from({ length: rows }, () => from + (width * random()) / 2 ** 32)
const offsetOf = (values: Float64Array | Float32Array): number | undefined =>
  offsetsOf([{ name: 'x', kind: 'number', values }]).get('x')

describe('features that lose their median before they become float32', () => {
  it.each([
    ['milliseconds of a month', uniform(20_000, 1.7e12, 2.6e9), 1.7e12],
    ['degrees of a town', uniform(20_000, 47.3, 0.1), 47.35],
    ['below zero', uniform(20_000, -1.7e9, 1000), -1.7e9],
    ['some of them missing', uniform(20_000, 1.7e12, 1e9).map((x, i) => (i % 3 === 0 ? Number.NaN : x)), 1.7e12],
    ['whole numbers past 2^24', Float64Array.from({ length: 5_000 }, (_, i) => 2 ** 40 + i), 2 ** 40],
  ])('%s', (_, values, near) => {
    const offset = offsetOf(values)
    expect(Math.abs((offset as number) / near - 1)).toBeLessThan(0.01)
    const left = withOffsets(
      { features: [{ name: 'x', kind: 'number', values }], labels: new Float64Array(values.length) },
      new Map([['x', offset as number]]),
    )
    expect(left.features[0]).toMatchObject({ offset, values })
  })

  it.each([
    ['shares', uniform(100_000, 0, 1)],
    ['numbers around 1', uniform(100_000, 0.5, 0.5)],
    ['years', Float64Array.from({ length: 5_000 }, (_, i) => 1990 + (i % 40))],
    ['a constant', new Float64Array(5_000).fill(0.1)],
    ['nothing', new Float64Array(100).fill(Number.NaN)],
    ['what was float32 already', Float32Array.from(uniform(5_000, 1.7e12, 1e9))],
  ])('others do not: %s', (_, values) => {
    expect(offsetOf(values)).toBeUndefined()
  })
})

describe('a step of float32', () => {
  it.each([
    [1.7e12, 131_072],
    [1.7e9, 128],
    [-1, 2 ** -23],
    [0.75, 2 ** -24],
  ])('at %s is %s', (value, step) => {
    expect(stepOfFloat32(value)).toBe(step)
    // The next float32 is that far, and nothing lies between.
    const near = Math.fround(value)
    expect(Math.fround(near + step) - near).toBe(step)
    expect(Math.fround(near + step / 4)).toBe(near)
  })
})
