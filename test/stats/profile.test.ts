import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { withDuckDb } from '../../data/duckdb.ts'
import { profileTable } from '../../data/profile.ts'
import { missingText, otherText } from '../../pipelines/telemetry.ts'
import { textColumn } from '../../pipelines/texts.ts'
import { profileCategories, profileNumbers } from '../../stats/profile.ts'
import { profileCounter } from '../../stats/profile-counter.ts'
import { newProject } from '../support/project.ts'

describe('profileNumbers', () => {
  it('counts every value once: bins and missing ones add up to the rows', () => {
    fc.assert(
      fc.property(fc.float64Array({ maxLength: 300, min: -1e6, max: 1e6 }), (values) => {
        const profile = profileNumbers(values)
        if (profile.kind !== 'numeric') throw new Error('numbers have a numeric profile')
        expect(profile.counts.reduce((sum, count) => sum + count, 0) + profile.missing).toBe(values.length)
        profile.edges.forEach((edge, i) => {
          const inBin = values.filter(
            (value) => value <= edge && (i === 0 || value > (profile.edges[i - 1] as number)),
          ).length
          expect(profile.counts[i]).toBe(inBin)
        })
      }),
    )
  })

  it('survives a column without values', () => {
    expect(profileNumbers(Float64Array.of(Number.NaN, Number.NaN))).toMatchObject({
      rows: 2,
      missing: 2,
      mean: null,
      edges: [],
    })
  })
})

it('profiles by DuckDB and by hand agree', async () => {
  const project = newProject()
  await project.data(
    't.parquet',
    "SELECT ((i * 37) % 101)::DOUBLE AS x, CASE WHEN i % 10 = 0 THEN NULL ELSE ['a', 'b', 'c'][1 + i % 3] END AS s FROM range(1000) t(i)",
  )
  const schema = [
    { name: 'x', type: 'number' as const, nullable: false },
    { name: 's', type: 'string' as const, nullable: true },
  ]
  const profile = await withDuckDb(1, (connection) =>
    profileTable(connection, { files: [`${project.root}/t.parquet`], format: 'parquet', schema, rows: 1_000 }),
  )
  const byHand = profileNumbers(Float64Array.from({ length: 1_000 }, (_, i) => (i * 37) % 101))
  const { mean, std, ...exact } = byHand as Extract<typeof byHand, { kind: 'numeric' }>
  expect(profile.x).toMatchObject(exact)
  expect((profile.x as typeof byHand & { mean: number }).mean).toBeCloseTo(mean as number, 9)
  expect((profile.x as typeof byHand & { std: number }).std).toBeCloseTo(std as number, 9)
  const codes = Int32Array.from({ length: 1_000 }, (_, i) => (i % 10 === 0 ? -1 : i % 3))
  expect(profile.s).toEqual(profileCategories(['a', 'b', 'c'], codes))
  project.remove()
})

describe('edges between values', () => {
  it.each([
    [1e-7, 0],
    [1e9, 0],
    [100, 1.7e9],
  ])('part scores of any unit alike: %s · y + %s', (c, d) => {
    const scores = Float64Array.from({ length: 1000 }, (_, i) => c * ((i * 37) % 101) + d)
    const { edges, counts } = profileNumbers(scores, true) as { edges: number[]; counts: number[] }
    const usual = profileNumbers(
      Float64Array.from({ length: 1000 }, (_, i) => (i * 37) % 101),
      true,
    )
    expect(counts).toEqual(usual.kind === 'numeric' && usual.counts)
    expect(edges).toHaveLength(19)
  })

  it('keep equal scores together, whatever their last bit', () => {
    const scores = Float32Array.from({ length: 1000 }, (_, i) => [0.1308, 0.25, 0.5, 0.75][i % 4] as number)
    const profile = profileNumbers(scores, true)
    const counter = profileCounter({ s: profile })
    counter.add({ s: scores.map((score) => score * (1 + 1e-7)) })
    expect((counter.take().s as number[]).slice(0, -1)).toEqual(profile.kind === 'numeric' ? profile.counts : [])
  })
})

it('counts text that knows its numbers as it is, also where it was changed since', () => {
  const counter = profileCounter({ s: profileCategories(['a', 'b'], Int32Array.of(0, 1)) })
  const s = textColumn({ values: ['b', 'c', 'a', null], numbers: Int32Array.of(2, 2, 0, 1, 3) })
  counter.add({ s })
  expect(counter.take().s).toEqual({ a: 2, b: 1, [missingText]: 1, [otherText]: 1 })
  s[0] = 'b'
  s[4] = 'a'
  counter.add({ s })
  expect(counter.take().s).toEqual({ a: 2, b: 2, [otherText]: 1 })
})
