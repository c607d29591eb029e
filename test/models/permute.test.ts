import { describe, expect, it } from 'vitest'
import type { Features } from '../../lib/code/run-features.ts'
import { importanceOf, sampler } from '../../lib/jobs/permute.ts'
import { seededRandom } from '../../lib/stats/random.ts'

const random = seededRandom(4)
const uniform = (): number => random() / 2 ** 32
const rows = 5_000
const features: Features = {
  strong: Float32Array.from({ length: rows }, uniform),
  weak: Float32Array.from({ length: rows }, uniform),
  noise: Float32Array.from({ length: rows }, uniform),
  town: Array.from({ length: rows }, () => ['Ulm', 'Bonn', null][random() % 3] as string | null),
}
const column = (name: string): Float32Array => features[name] as Float32Array
const says = (given: Features): Float32Array =>
  (given.strong as Float32Array).map(
    (value, row) =>
      2 * value + 0.5 * ((given.weak as Float32Array)[row] as number) + (given.town?.[row] === 'Ulm' ? 0.7 : 0),
  )
const model = (task: 'binary' | 'regression') => ({
  facts: { task } as never,
  scoreFeatures: async (given: Features) => says(given),
})

describe('permutation importance', () => {
  it('puts first what the model rests on, and finds nothing in what it does not look at', async () => {
    const labels = Float64Array.from(says(features), (value) => value + uniform() - 0.5)
    const importance = await importanceOf(model('regression'), features, labels, {})
    expect(importance.map(({ feature }) => feature)).toEqual(['strong', 'town', 'weak', 'noise'])
    expect(importance[3]).toEqual({ feature: 'noise', loss: 0, spread: 0 })
  })

  it('is, for the squares of a linear model, twice the variance of a feature times its weight squared', async () => {
    // E[(b (x' − x))²] = 2 b² Var x for independent x and x', on top of the usual squares.
    const labels = Float64Array.from(says(features), (value) => value + uniform() - 0.5)
    const [strong] = await importanceOf(model('regression'), features, labels, {})
    const usual = 1 / 12
    const expected = Math.sqrt(usual + 2 * 4 * (1 / 12)) - Math.sqrt(usual)
    expect(strong?.loss).toBeCloseTo(expected, 1)
  })

  it('of a classifier is area under the curve: a perfect one by a single feature falls to chance', async () => {
    const labels = Float64Array.from(column('strong'), (value) => (value > 0.5 ? 1 : 0))
    const one = { ...model('binary'), scoreFeatures: async (given: Features) => given.strong as Float32Array }
    const [strong] = await importanceOf(one, features, labels, {})
    expect(strong).toMatchObject({ feature: 'strong', loss: expect.closeTo(0.5, 1) })
    expect(strong?.spread).toBeLessThan(0.02)
  })

  it('is empty where there is nothing to tell apart', async () => {
    expect(await importanceOf(model('binary'), features, new Float64Array(rows), {})).toEqual([])
  })

  it('is the same every time', async () => {
    const labels = Float64Array.from(column('strong'), (value) => (value > 0.3 ? 1 : 0))
    expect(await importanceOf(model('binary'), features, labels, {})).toEqual(
      await importanceOf(model('binary'), features, labels, {}),
    )
  })
})

it('of more than a hundred features looks at the hundred that the trees gain most by', async () => {
  const many = Object.fromEntries(
    Array.from({ length: 150 }, (_, i) => [`f${i}`, Float32Array.from({ length: 40 }, uniform)]),
  )
  const gains = Object.fromEntries(Object.keys(many).map((name, i) => [name, i / 1_000]))
  const labels = Float64Array.from({ length: 40 }, (_, i) => i % 2)
  const one = { ...model('binary'), scoreFeatures: async (given: Features) => given.f149 as Float32Array }
  const importance = await importanceOf(one, many, labels, gains)
  const expected = Array.from({ length: 100 }, (_, i) => `f${i + 50}`)
  expect(importance.map(({ feature }) => feature).sort()).toEqual(expected.sort())
})

describe('a sample', () => {
  it('of a wide table has fewer rows', () => {
    expect(sampler(20_000, 200).labels).toHaveLength(20_000)
    expect(sampler(20_000, 2_000).labels).toHaveLength(2_000)
  })

  it.each([
    [7, 3],
    [20_000, 2_048],
    [45_001, 2_048],
    [100_000, 999],
  ])('of %i rows that come %i at a time is every so many of them, with their labels', (total, chunk) => {
    const sample = sampler(total, 2)
    const labels = Float64Array.from({ length: total }, (_, row) => row * 2)
    for (let at = 0; at < total; at += chunk) {
      const count = Math.min(chunk, total - at)
      const x = Float32Array.from({ length: count }, (_, i) => at + i)
      sample.take({ x, name: Array.from(x, String) }, labels, at)
    }
    const step = Math.ceil(total / 20_000)
    const expected = Array.from({ length: Math.ceil(total / step) }, (_, i) => i * step)
    expect([...(sample.features.x as Float32Array)]).toEqual(expected)
    expect(sample.features.name).toEqual(expected.map(String))
    expect([...sample.labels]).toEqual(expected.map((row) => row * 2))
  })
})
