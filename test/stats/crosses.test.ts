import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { crossReader, fitCross } from '../../lib/stats/crosses.ts'
import { seededRandom } from '../../lib/stats/random.ts'

const next = seededRandom(4)
const rows = 4_000
const town = Array.from({ length: rows }, () => (next() % 20 === 0 ? null : `town ${next() % 400}`))
const hour = Float32Array.from({ length: rows }, () => (next() % 20 === 0 ? Number.NaN : next() % 3))
const noise = Float64Array.from({ length: rows }, () => next() % 2)
const features = { town, hour }
const of = ['town', 'hour']

const correlation = (a: ArrayLike<number>, b: ArrayLike<number>): number => {
  const mean = (values: ArrayLike<number>): number => Array.from(values).reduce((sum, x) => sum + x, 0) / values.length
  const [ma, mb] = [mean(a), mean(b)]
  let [ab, aa, bb] = [0, 0, 0]
  for (let i = 0; i < a.length; i++) {
    const [x, y] = [(a[i] as number) - ma, (b[i] as number) - mb]
    ab += x * y
    aa += x * x
    bb += y * y
  }
  return ab / Math.sqrt(aa * bb)
}

describe('a cross', () => {
  it('tells a training row nothing of its own label: flipping it changes its value never', () => {
    const { values } = fitCross(of, features, noise, 1)
    fc.assert(
      fc.property(fc.nat({ max: rows - 1 }), (row) => {
        const flipped = noise.slice()
        flipped[row] = 1 - (flipped[row] as number)
        expect(fitCross(of, features, flipped, 1).values[row]).toBe(values[row])
      }),
      { numRuns: 20 },
    )
  })

  it('does not make noise look like knowledge, as means over all rows do', () => {
    const { values, cross } = fitCross(of, features, noise, 1)
    const means = crossReader([cross])(features)[cross.name] as Float32Array
    expect(correlation(means, noise)).toBeGreaterThan(0.4)
    expect(correlation(values, noise)).toBeLessThan(0.05)
  })

  it('is the mean label of a combination, drawn to the mean of all by fifty rows', () => {
    const labels = [1, 1, 0, 0, 1, 0]
    const { cross } = fitCross(['c'], { c: ['a', 'a', 'a', 'b', null, 'b'] }, labels, 1)
    expect(cross).toMatchObject({ name: 'mean(c)', prior: 0.5 })
    expect(cross.cells).toEqual([
      [['a'], Math.fround((2 + 25) / 53)],
      [['b'], Math.fround(25 / 52)],
      [[null], Math.fround((1 + 25) / 51)],
    ])
  })

  it('gives unseen combinations the mean of all, and what is missing a value of its own', () => {
    const labels = [1, 0, 0, 0]
    const { cross } = fitCross(['t', 'h'], { t: ['x', 'x', null, 'y'], h: Float32Array.of(1, NaN, 1, -0) }, labels, 1)
    const read = crossReader([cross])
    const rateOf = (t: string | null, h: number) => read({ t: [t], h: Float32Array.of(h) })['mean(t, h)']?.[0]
    const cell = (i: number) => cross.cells[i]?.[1]
    expect([rateOf('x', 1), rateOf('x', Number.NaN), rateOf(null, 1), rateOf('y', 0)]).toEqual([0, 1, 2, 3].map(cell))
    expect([rateOf('x', 2), rateOf('z', 1), rateOf(null, Number.NaN)]).toEqual([0.25, 0.25, 0.25])
  })

  it('is the same for the same seed, and its rows are encoded otherwise with another', () => {
    const [a, b, c] = [1, 1, 2].map((seed) => fitCross(of, features, noise, seed))
    expect(b).toEqual(a)
    expect(c?.cross).toEqual(a?.cross)
    expect(c?.values).not.toEqual(a?.values)
  })

  it('survives being written and read', () => {
    const { cross } = fitCross(of, features, noise, 1)
    const read = JSON.parse(JSON.stringify(cross))
    expect(crossReader([read])(features)).toEqual(crossReader([cross])(features))
  })
})
