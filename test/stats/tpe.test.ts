import { describe, expect, it } from 'vitest'
import type { Parameters, Space } from '../../lib/formats/tuning.ts'
import { seededRandom } from '../../lib/stats/random.ts'
import { parzen } from '../../lib/stats/tuning/parzen.ts'
import { dimensionsOf, pointOf } from '../../lib/stats/tuning/space.ts'
import { proposePoints } from '../../lib/stats/tuning/tpe.ts'
import reference from '../reference/tpe.json' with { type: 'json' }
import { leastLoss, randomSets } from '../support/search-trials.ts'

const space = reference.space as Space
const dimensions = dimensionsOf(space)
const pointsOf = (sets: readonly Parameters[]): number[][] => sets.map((each) => pointOf(dimensions, each))
const uniformFrom = (seed: number) => {
  const random = seededRandom(seed)
  return () => random() / 2 ** 32
}

describe('the density of trials', () => {
  const density = parzen(dimensions, pointsOf(reference.tried), reference.sigma)

  it('is that of scipy: numbers, whole numbers, logarithms and choices, and the prior', () => {
    // The error function here is good to 1.2e-7; a narrow cell of a whole number is a difference of two, near 1e-3.
    for (const [i, point] of pointsOf(reference.asked).entries())
      expect(density.logDensity(point)).toBeCloseTo(reference.logDensities[i] as number, 4)
  })

  it('is what points are drawn from', () => {
    // A box of two numbers and a choice: its share of the points drawn against the mean density of points spread in it.
    const some = dimensionsOf({ a: space['a'] as Space[string], c: space['c'] as Space[string] })
    const own = parzen(
      some,
      reference.tried.map((each) => pointOf(some, each)),
      reference.sigma,
    )
    const uniform = uniformFrom(1)
    const drawn = Array.from({ length: 20_000 }, () => own.draw(uniform))
    const share = drawn.filter(([a, c]) => (a as number) < 0.3 && c === 1).length / drawn.length
    let mass = 0
    for (let i = 0; i < 1_000; i++) mass += Math.exp(own.logDensity([(0.3 * (i + 0.5)) / 1_000, 1])) * (0.3 / 1_000)
    // Four standard errors of a share of so many.
    expect(Math.abs(share - mass)).toBeLessThan(4 * Math.sqrt((mass * (1 - mass)) / drawn.length))
  })

  it('is 1 in sum over all values of whole numbers and choices', () => {
    const some = dimensionsOf({ d: space['d'] as Space[string], c: space['c'] as Space[string] })
    const own = parzen(
      some,
      reference.tried.map((each) => pointOf(some, each)),
    )
    let sum = 0
    for (const c of ['red', 'green', 'blue'])
      for (let d = 1; d <= 6; d++) sum += Math.exp(own.logDensity(pointOf(some, { c, d })))
    expect(sum).toBeCloseTo(1, 5)
  })
})

describe('what is proposed', () => {
  it('is the drawn point whose density among the good trials is largest against that among the others', () => {
    const line = dimensionsOf({ x: { kind: 'number', from: 0, to: 1 } })
    // A tenth of twenty are the good ones, near 0.2; the others lie from 0.4 on.
    const good = [[0.19], [0.21]]
    const bad = Array.from({ length: 18 }, (_, i) => [0.4 + 0.033 * i])
    const points = proposePoints(line, [...good, ...bad], [], uniformFrom(2))
    const ratio = ([x]: readonly number[]) =>
      parzen(line, good).logDensity([x as number]) - parzen(line, bad).logDensity([x as number])
    expect(points.map(ratio)).toEqual(points.map(ratio).sort((a, b) => b - a))
    expect(points[0]?.[0]).toBeLessThan(0.3)
  })

  it('keeps away from what is being tried', () => {
    const line = dimensionsOf({ x: { kind: 'number', from: 0, to: 1 } })
    const ranked = Array.from({ length: 20 }, (_, i) => [i < 3 ? 0.5 : 0.05 * i])
    const mean = (others: number[][]) => {
      const found = Array.from({ length: 40 }, (_, seed) => proposePoints(line, ranked, others, uniformFrom(seed))[0])
      return found.reduce((sum, point) => sum + Math.abs((point?.[0] as number) - 0.5), 0) / found.length
    }
    expect(mean(Array.from({ length: 6 }, () => [0.5]))).toBeGreaterThan(1.5 * mean([]))
  })
})

/** Branin's function, whose least value is 0.3979 at three places. */
const branin = ({ x, y }: Readonly<Record<string, number>>): number => {
  const [a, b] = [x as number, y as number]
  const bend = b - (5.1 / (4 * Math.PI ** 2)) * a * a + (5 / Math.PI) * a - 6
  return bend * bend + 10 * (1 - 1 / (8 * Math.PI)) * Math.cos(a) + 10
}
const braninSpace: Space = { x: { kind: 'number', from: -5, to: 10 }, y: { kind: 'number', from: 0, to: 15 } }
/** A whole number, a logarithm and a choice: least, 0, at 37, 10^-2.3 and b. */
const mixed = ({ w, l, c }: Parameters): number =>
  ((Number(w) - 37) / 20) ** 2 + (Math.log10(Number(l)) + 2.3) ** 2 + ['b', 'd', 'a', 'c'].indexOf(String(c)) / 2
const mixedSpace: Space = {
  w: { kind: 'whole', from: 1, to: 60 },
  l: { kind: 'number', from: 1e-4, to: 1, scale: 'log' },
  c: { kind: 'choice', of: ['a', 'b', 'c', 'd'] },
}

describe('forty trials, four of them always unknown, over 50 seeds', () => {
  it.each([
    ['Branin’s function', braninSpace, branin as (parameters: Parameters) => number, 0.3979, 0.7],
    ['a function of a whole number, a logarithm and a choice', mixedSpace, mixed, 0, 0.25],
  ] as const)('come nearer to the least of %s than as many random ones', (_, of, loss, least, factor) => {
    const excess = { ours: [] as number[], random: [] as number[] }
    for (let seed = 0; seed < 50; seed++) {
      const found = leastLoss({ space: of, trials: 40, seed, lag: 4, rows: 500 }, loss)
      const draw = randomSets(of, seed)
      const random = Math.min(...Array.from({ length: 40 }, () => loss(draw())))
      excess.ours.push(found - least)
      excess.random.push(random - least)
    }
    expect(median(excess.ours)).toBeLessThan(factor * median(excess.random))
  })
})

const median = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[values.length >> 1] as number
