import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { packageRoot } from '../../lib/code/host.ts'
import { rowsOf, withDuckDb } from '../../lib/data/duckdb.ts'
import { exactDrift } from '../../lib/data/exact-drift.ts'
import { otherText } from '../../lib/formats/telemetry.ts'
import { driftOfCounts } from '../../lib/stats/drift.ts'
import { profileCategories, profileNumbers } from '../../lib/stats/profile.ts'
import { addFeatureCounts, profileCounter } from '../../lib/stats/profile-counter.ts'
import { seededRandom } from '../../lib/stats/random.ts'

type Numbers = readonly number[]
/** Some values, each so often. */
const repeated = (...parts: [value: number, times: number][]): number[] =>
  parts.flatMap(([value, times]) => new Array<number>(times).fill(value))
const countsOf = (profile: ReturnType<typeof profileNumbers>, now: Numbers): number[] => {
  const counter = profileCounter({ x: profile })
  counter.add({ x: Float32Array.from(now) })
  return counter.take().x as number[]
}
const driftOf = (before: Numbers, now: Numbers) => {
  const profile = profileNumbers(Float32Array.from(before), 'around')
  return driftOfCounts('x', profile, countsOf(profile, now), 1)
}
const four = repeated([0, 1_000], [1, 1_000], [2, 1_000], [3, 1_000])

// Expected values: PSI and Jensen–Shannon from their definitions, in Python, over the bins named.
describe('what training never saw has bins of its own', () => {
  it('above its largest value: four values of 1,000 rows each, the largest of which becomes 999', () => {
    const { measures, bins } = driftOf(four, repeated([0, 375], [1, 375], [2, 375], [999, 375]))
    expect(measures.psi?.value).toBeCloseTo(3.5480431, 6)
    expect(measures.jensenShannon?.value).toBeCloseTo(0.5, 9)
    expect(bins.at(-1)).toEqual({ label: 'above training maximum', baseline: 0, now: 0.25 })
  })
  it('below its smallest value, in the order of values: KS sees the quarter that moved', () => {
    const { measures, bins } = driftOf(four, repeated([-999, 375], [1, 375], [2, 375], [3, 375]))
    expect(measures.psi?.value).toBeCloseTo(3.5480431, 6)
    expect(measures.ks?.value).toBeCloseTo(0.25, 12)
    expect(bins[0]).toEqual({ label: 'below training minimum', baseline: 0, now: 0.25 })
  })
  it('between its few values', () => {
    const { measures, bins } = driftOf(
      repeated([1, 1_000], [2, 1_000], [5, 1_000]),
      repeated([1, 300], [2, 300], [3, 150], [4, 150], [5, 300]),
    )
    expect(measures.psi?.value).toBeCloseTo(1.8955845, 6)
    expect(measures.ks?.value).toBeCloseTo(1 / 6, 12)
    expect(bins.map(({ label }) => label)).toEqual(['≤ 1', '2', 'between training values', '5'])
  })
  it.each([6, 4, 5.0001, -5, 5e9])('where there was one value only, 5: it becomes %d', (value) => {
    const { measures } = driftOf(repeated([5, 4_000]), repeated([value, 1_500]))
    expect(measures.psi?.value).toBeCloseTo(16.9853214, 6)
    expect(measures.jensenShannon?.value).toBe(1)
    expect(measures.ks?.value).toBe(1)
  })
  it('and none where nothing of it came: the constant stays what it was', () => {
    const { measures, bins } = driftOf(repeated([5, 4_000]), repeated([5, 1_500]))
    expect([measures.psi?.value, measures.jensenShannon?.value, measures.ks?.value]).toEqual([0, 0, 0])
    expect(bins).toEqual([{ label: '≤ 5', baseline: 1, now: 1 }])
  })
  it('in words: a new category among hundreds of rare ones is not one of them', () => {
    const names = ['usual', ...Array.from({ length: 200 }, (_, i) => `rare ${i}`)]
    const codes = Int32Array.from({ length: 1_000 }, (_, i) => (i < 500 ? 0 : 1 + (i % 200)))
    const rare = Object.fromEntries(names.slice(1).map((value) => [value, 2]))
    const { measures } = driftOfCounts(
      'c',
      profileCategories(names, codes),
      { usual: 400, ...rare, [otherText]: 200 },
      1,
    )
    expect(measures.psi?.value).toBeCloseTo(1.2375088, 6)
    expect(measures.unseen?.value).toBeCloseTo(0.2, 12)
  })
  it('and says so of a column that lost all its values, or has its first ones', () => {
    expect(driftOf(four, repeated([Number.NaN, 500])).note).toBe('no values any more')
    expect(driftOf(repeated([Number.NaN, 500]), four)).toMatchObject({
      note: 'values, where training had none',
      bins: [{ label: 'all' }],
    })
  })
})

describe('chance is no news', () => {
  it('one row of 1,500 above the largest value moves the PSI by less than a hundredth', () => {
    const { measures } = driftOf(four, repeated([0, 375], [1, 375], [2, 375], [3, 374], [4, 1]))
    expect(measures.psi?.value).toBeLessThan(0.01)
  })
  const normal = (random: () => number): number =>
    Math.sqrt(-2 * Math.log((random() + 1) / (2 ** 32 + 1))) * Math.cos((2 * Math.PI * random()) / 2 ** 32)
  const laws: [string, (random: () => number) => number][] = [
    ['normal', normal],
    ['long-tailed', (random) => Math.exp(2 * normal(random))],
    ['counts', (random) => Math.floor(Math.log((random() + 1) / (2 ** 32 + 1)) / Math.log(0.6))],
    ['rare ones', (random) => (random() / 2 ** 32 < 0.02 ? 1 : 0)],
  ]
  it.each(laws)('without drift no interval of the PSI lies above 0.2: %s', (_, law) => {
    for (const [training, window] of [
      [200, 100],
      [2_000, 100],
      [2_000, 5_000],
      [20_000, 500],
    ] as const) {
      for (let run = 0; run < 40; run++) {
        const random = seededRandom(run * 7_919 + training + window)
        const draw = (count: number): number[] => Array.from({ length: count }, () => law(random))
        expect(driftOf(draw(training), draw(window)).measures.psi?.low).toBeLessThan(0.2)
      }
    }
  })
  it('infinities that training had too are no news; where it had none they are', () => {
    const [some, none] = [repeated([1, 900], [2, 900], [Infinity, 200]), repeated([1, 1_000], [2, 1_000])]
    expect(driftOf(some, some).measures.psi?.value).toBe(0)
    expect(driftOf(none, some).bins.at(-1)).toMatchObject({ label: 'above training maximum', now: 0.1 })
  })
  it('predictions that differ from those of training in the last bit are in its range', () => {
    const scores = Float32Array.from({ length: 1_000 }, (_, i) => 0.1 + (i % 9) / 10)
    const profile = profileNumbers(scores, 'between')
    const counter = profileCounter({ 'score:': profile })
    counter.add(
      {},
      scores.map((score, i) => score * (1 + (i % 2 === 0 ? 2e-7 : -2e-7))),
    )
    const counts = counter.take()['score:'] as number[]
    expect(counts.slice(-3)).toEqual([0, 0, 0])
  })
  it('predictions in a small unit keep their bins', () => {
    const profile = profileNumbers(
      Float32Array.from({ length: 1_000 }, (_, i) => 1e-7 * (i + 1)),
      'between',
    )
    expect(profile.kind === 'numeric' ? profile.counts : []).toEqual(new Array(20).fill(50))
  })
})

describe('windows that gateways of 0.6 wrote', () => {
  const profile = profileNumbers(Float32Array.from(four))
  const old = [10, 20, 30, 40, 7, 5]
  it('add up with newer ones, in any order', () => {
    const now = countsOf(profile, [-1, 0, 3, 9, Number.NaN])
    const both = [11, 20, 30, 41, 7, 1, 1, 6]
    expect(addFeatureCounts(old, now)).toEqual(both)
    expect(addFeatureCounts(now, old)).toEqual(both)
    expect(addFeatureCounts(old, old)).toEqual(old.map((count) => 2 * count))
  })
  it('are read: what they hold above the last edge was above the largest value', () => {
    const { rows, bins, measures } = driftOfCounts('x', profile, old, 1)
    expect(rows).toBe(112)
    expect(bins.at(-1)).toMatchObject({ label: 'above training maximum', now: 7 / 107 })
    expect(measures.missing?.value).toBeCloseTo(5 / 112, 12)
  })
})

describe('the cases of odd columns', () => {
  const folder = join(packageRoot, 'test/cases/data')
  const cases: [folder: string, file: string, column: string, alarm: boolean | string][] = [
    ['22-drift-beyond-max', 'same', 'g', false],
    ['22-drift-beyond-max', 'sentinel', 'g', true],
    ['22-drift-beyond-max', 'sentinel-low', 'g', true],
    ['18-drift-odd-columns', 'same', 'a', false],
    ['18-drift-odd-columns', 'same', 'c', false],
    ['18-drift-odd-columns', 'constant-moved', 'c', true],
    ['18-drift-odd-columns', 'constant-moved', 'a', false],
    ['18-drift-odd-columns', 'hundred', 'a', false],
    ['18-drift-odd-columns', 'hundred', 'c', false],
    ['18-drift-odd-columns', 'a-inf', 'a', false],
    ['18-drift-odd-columns', 'a-all-null', 'a', 'no values any more'],
    ['18-drift-odd-columns', 'a-null-typed', 'a', 'no values any more'],
    ['18-drift-odd-columns', 'cat-all-new', 'cat', true],
    ['18-drift-odd-columns', 'cat-all-null', 'cat', 'no values any more'],
    ['18-drift-odd-columns', 'same', 'cat', false],
  ]
  const tableOf = (set: string, file: string, column: string, rows: number) => ({
    files: [join(folder, set, `${file}.parquet`)],
    format: 'parquet' as const,
    schema: [{ name: column, type: column === 'cat' ? ('string' as const) : ('number' as const), nullable: true }],
    rows,
  })
  it.each(cases)('%s/%s, column %s: alarm %s, from windows and exactly', async (set, file, column, alarm) => {
    const [windows, exact] = await withDuckDb(1, async (connection) => {
      const read = async (each: string): Promise<unknown[]> =>
        (
          await rowsOf(connection, `SELECT ${column} AS x FROM read_parquet('${join(folder, set, `${each}.parquet`)}')`)
        ).map(({ x }) => x)
      const [before, now] = [await read('train'), await read(file)]
      const { schema } = tableOf(set, file, column, 0)
      const exactly = await exactDrift(
        connection,
        tableOf(set, 'train', column, before.length),
        tableOf(set, file, column, now.length),
        schema,
      )
      const numbers = (values: unknown[]) => Float32Array.from(values, (x) => (x === null ? Number.NaN : Number(x)))
      const names = [...new Set(before)].filter((x) => typeof x === 'string')
      const profile =
        column === 'cat'
          ? profileCategories(
              names,
              Int32Array.from(before, (x) => names.indexOf(x as string)),
            )
          : profileNumbers(numbers(before), 'around')
      const counter = profileCounter({ x: profile })
      counter.add({ x: column === 'cat' ? (now as string[]) : numbers(now) })
      return [driftOfCounts('x', profile, counter.take().x as number[], 1), exactly[0]]
    })
    for (const drift of [windows, exact]) {
      if (typeof alarm === 'string') {
        expect(drift?.note).toBe(alarm)
        expect(drift?.measures.psi).toBeUndefined()
        expect(drift?.measures.missing?.value).toBeGreaterThan(0.8)
      } else if (alarm) expect(drift?.measures.psi?.low).toBeGreaterThan(0.2)
      else expect(drift?.measures.psi?.value).toBeLessThan(0.2)
    }
  })
})
