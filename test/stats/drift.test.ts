import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { packageRoot } from '../../lib/code/host.ts'
import { withDuckDb } from '../../lib/data/duckdb.ts'
import { exactDrift } from '../../lib/data/exact-drift.ts'
import {
  chiSquare,
  cramersV,
  jensenShannonDistance,
  kolmogorovSmirnov,
  stabilityIndex,
  wassersteinDistance,
} from '../../lib/formats/drift-measures/distances.ts'
import { missingText, otherText } from '../../lib/formats/telemetry.ts'
import { driftOfCounts } from '../../lib/stats/drift.ts'
import { joinToTenths } from '../../lib/stats/drift-bins.ts'
import { profileCategories, profileNumbers } from '../../lib/stats/profile.ts'
import { profileCounter } from '../../lib/stats/profile-counter.ts'
import { seededRandom } from '../../lib/stats/random.ts'

interface Case {
  name: string
  baseline: number[]
  now: number[]
  [measure: string]: unknown
}
const reference = JSON.parse(readFileSync(join(packageRoot, 'test/reference/drift.json'), 'utf8')) as {
  numeric: (Case & { values: number[] })[]
  categorical: Case[]
  flights: { columns: Record<string, Record<string, number>> }
}
/** Relative to the value, 1e-9. */
const near = (value: number | undefined, expected: unknown): void => {
  expect(Math.abs((value ?? Number.NaN) - (expected as number))).toBeLessThanOrEqual(
    1e-9 * Math.max(1e-3, Math.abs(expected as number)),
  )
}

describe('drift measures agree with scipy', () => {
  it.each(reference.numeric)('numbers: $name', ({ values, baseline, now, ...expected }) => {
    near(kolmogorovSmirnov(baseline, now), expected.ks)
    near(wassersteinDistance(values, baseline, now), expected.wasserstein)
    near(jensenShannonDistance(baseline, now), expected.jensenShannon)
    near(stabilityIndex(baseline, now), expected.psi)
  })
  it.each(reference.categorical)('categories: $name', ({ baseline, now, ...expected }) => {
    const { statistic, degrees } = chiSquare(baseline, now)
    near(statistic, expected.chiSquare)
    expect(degrees).toBe(expected.degrees)
    near(cramersV(baseline, now), expected.cramersV)
    near(jensenShannonDistance(baseline, now), expected.jensenShannon)
    near(stabilityIndex(baseline, now), expected.psi)
  })
  it('all of two quarters of flights, computed in DuckDB', async () => {
    const file = join(packageRoot, 'node_modules/vega-datasets/data/flights-3m.parquet')
    await withDuckDb(2, async (connection) => {
      const part = async (name: string, where: string) => {
        const path = `/tmp/slipway-${process.pid}-${name}.parquet`
        await connection.run(
          `COPY (SELECT * FROM read_parquet('${file}') WHERE ${where}) TO '${path}' (FORMAT parquet)`,
        )
        const [row] = (
          await connection.runAndReadAll(`SELECT count(*) AS n FROM read_parquet('${path}')`)
        ).getRowObjectsJS()
        return { files: [path], format: 'parquet' as const, schema, rows: Number(row?.n) }
      }
      const schema = [
        { name: 'delay', type: 'integer' as const, nullable: false },
        { name: 'distance', type: 'integer' as const, nullable: false },
        { name: 'origin', type: 'string' as const, nullable: false },
        { name: 'destination', type: 'string' as const, nullable: false },
      ]
      const [first, second] = [await part('q1', "date < '2001-04-01'"), await part('q2', "date >= '2001-04-01'")]
      for (const { name, measures } of await exactDrift(connection, first, second, schema)) {
        for (const [measure, expected] of Object.entries(reference.flights.columns[name] ?? {}))
          near(measures[measure as keyof typeof measures]?.value, expected)
      }
    })
  })
})

/** `count` standard normal numbers. */
function normal(count: number, seed: number, mean = 0, std = 1): Float64Array {
  const random = seededRandom(seed)
  return Float64Array.from({ length: count }, () => {
    const [a, b] = [(random() + 1) / (2 ** 32 + 1), random() / 2 ** 32]
    return mean + std * Math.sqrt(-2 * Math.log(a)) * Math.cos(2 * Math.PI * b)
  })
}

describe('drift from the counts of windows', () => {
  const baselineRows = normal(50_000, 1)
  const baseline = profileNumbers(baselineRows)
  const countsOf = (rows: Float64Array) => {
    const counter = profileCounter({ x: baseline })
    counter.add({ x: Float32Array.from(rows) })
    return counter.take().x as number[]
  }
  it('is what the rows themselves give: KS within the largest bin, Wasserstein within a fifth', () => {
    const now = normal(20_000, 2, 0.4, 1.2)
    const { measures } = driftOfCounts('x', baseline, countsOf(now), 0.5)
    const values = [...new Set([...baselineRows, ...now])].sort((a, b) => a - b)
    const at = (rows: Float64Array): number[] => {
      const counts = new Map<number, number>()
      for (const row of rows) counts.set(row, (counts.get(row) ?? 0) + 1)
      return values.map((value) => counts.get(value) ?? 0)
    }
    const [a, b] = [at(baselineRows), at(now)]
    const ks = kolmogorovSmirnov(a, b)
    expect(measures.ks?.value).toBeLessThanOrEqual(ks + 1e-12)
    expect(measures.ks?.value).toBeGreaterThanOrEqual(ks - 0.05)
    const wasserstein = wassersteinDistance(values, a, b)
    expect(Math.abs((measures.wasserstein?.value as number) / wasserstein - 1)).toBeLessThan(0.2)
  })
  it('says nothing has moved where nothing has: the interval of the PSI begins at 0', () => {
    for (let seed = 10; seed < 40; seed++) {
      const { measures } = driftOfCounts('x', baseline, countsOf(normal(1_000, seed)), 0.5)
      expect(measures.psi?.low).toBeLessThan(0.02)
    }
  })
  it('holds the true PSI in its interval nine times of ten', () => {
    const truth = driftOfCounts('x', baseline, countsOf(normal(400_000, 3, 0.3)), null).measures.psi?.value as number
    let held = 0
    for (let seed = 100; seed < 200; seed++) {
      const { measures } = driftOfCounts('x', baseline, countsOf(normal(1_500, seed, 0.3)), null)
      if ((measures.psi?.low as number) <= truth && truth <= (measures.psi?.high as number)) held++
    }
    expect(held).toBeGreaterThanOrEqual(82)
  })
  it('counts categories that were never seen, and missing values', () => {
    const values = ['a', 'b', 'c']
    const profile = profileCategories(
      values,
      Int32Array.from({ length: 1000 }, (_, i) => i % 3),
    )
    const { measures } = driftOfCounts(
      'c',
      profile,
      { a: 300, b: 300, c: 200, [otherText]: 100, [missingText]: 100 },
      1,
    )
    expect(measures.unseen?.value).toBeCloseTo(100 / 900, 12)
    expect(measures.missing?.value).toBeCloseTo(0.1, 12)
  })
  it('does not fail on an empty window or a column without values', () => {
    expect(driftOfCounts('x', baseline, countsOf(new Float64Array(0)), 1).measures.psi).toBeUndefined()
    const empty = profileNumbers(new Float64Array(0))
    expect(driftOfCounts('x', empty, [5, 0], 1).measures.psi).toBeUndefined()
  })
  it('makes deciles of twentieths, and fewer bins where a value is frequent', () => {
    expect(joinToTenths(new Array(20).fill(50))).toHaveLength(10)
    expect(joinToTenths([900, 50, 50]).length).toBeLessThanOrEqual(3)
  })
})
