import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, describe, expect, it } from 'vitest'
import { withDuckDb } from '../../lib/data/duckdb.ts'
import { profileTable } from '../../lib/data/profile.ts'
import type { RowSchema } from '../../lib/formats/row-schema.ts'
import { missingText, otherText } from '../../lib/formats/telemetry.ts'
import { textColumn } from '../../lib/formats/texts.ts'
import { type Profile, profileCategories, profileNumbers } from '../../lib/stats/profile.ts'
import { profileCounter } from '../../lib/stats/profile-counter.ts'
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

describe('the profile of a table', () => {
  const project = newProject()
  afterAll(() => project.remove())
  const profileOf = (file: string, schema: RowSchema, rows: number, atOnce?: number): Promise<Profile> => {
    const format = file.endsWith('.csv') ? 'csv' : 'parquet'
    const table = { files: [join(project.root, file)], format, schema, rows } as const
    return withDuckDb(1, (connection) => profileTable(connection, table, project.root, atOnce))
  }

  it('is that of its values, by hand', async () => {
    await project.data(
      't.parquet',
      "SELECT ((i * 37) % 101)::DOUBLE AS x, CASE WHEN i % 10 = 0 THEN NULL ELSE ['a', 'b', 'c'][1 + i % 3] END AS s FROM range(1000) t(i)",
    )
    const schema: RowSchema = [
      { name: 'x', type: 'number', nullable: false },
      { name: 's', type: 'string', nullable: true },
    ]
    const profile = await profileOf('t.parquet', schema, 1_000)
    expect(profile.x).toEqual(profileNumbers(Float64Array.from({ length: 1_000 }, (_, i) => (i * 37) % 101)))
    expect(profile.x).toMatchObject({ distinct: 101, min: 0, max: 100, missing: 0 })
    const codes = Int32Array.from({ length: 1_000 }, (_, i) => (i % 10 === 0 ? -1 : i % 3))
    expect(profile.s).toEqual(profileCategories(['a', 'b', 'c'], codes))
  })

  it('keeps infinite values out of every number but the counts of the outer bins', async () => {
    await project.data(
      'inf.parquet',
      "SELECT CASE i WHEN 3 THEN 'inf'::DOUBLE WHEN 4 THEN '-inf'::DOUBLE WHEN 5 THEN 'nan'::DOUBLE WHEN 6 THEN NULL ELSE i END AS x FROM range(8) t(i)",
    )
    const { x } = await profileOf('inf.parquet', [{ name: 'x', type: 'number', nullable: true }], 8)
    // 0, 1, 2 and 7 are left; two of eight are missing.
    expect(x).toMatchObject({ min: 0, max: 7, mean: 2.5, distinct: 4, missing: 2, edges: [0, 1, 2, 7] })
    expect(x).toMatchObject({ counts: [2, 1, 1, 1, 1] })
  })

  it('survives columns without a value, of every type', async () => {
    const types = ['number', 'integer', 'boolean', 'string', 'timestamp'] as const
    await project.data(
      'empty.csv',
      `SELECT ${types.map((type) => `NULL AS ${type}s`).join(', ')}, i FROM range(3) t(i)`,
    )
    const schema = types.map((type) => ({ name: `${type}s`, type, nullable: true }))
    const profile = await profileOf('empty.csv', schema, 3)
    for (const column of Object.values(profile)) expect(column).toMatchObject({ rows: 3, missing: 3, distinct: 0 })
  })

  it('is the same whether numbers are read and sorted or, where they repeat, counted, also where only the first ones do', async () => {
    const rows = 90_000
    await project.data(
      'long.parquet',
      `SELECT CASE i % 9 WHEN 3 THEN 'inf'::DOUBLE WHEN 5 THEN 'nan'::DOUBLE WHEN 6 THEN NULL ELSE (i % 7 - 3) / 10.0 END AS x,
        i % 3 = 0 AS flag, TIMESTAMP '2001-01-01' + to_hours((i % 500)::INTEGER) AS at,
        CASE WHEN i < 66000 THEN 0 ELSE sqrt(i) END AS late, sqrt(i) AS own FROM range(${rows}) t(i)`,
    )
    const schema: RowSchema = [
      { name: 'x', type: 'number', nullable: true },
      { name: 'flag', type: 'boolean', nullable: false },
      { name: 'at', type: 'timestamp', nullable: false },
      { name: 'late', type: 'number', nullable: false },
      { name: 'own', type: 'number', nullable: false },
    ]
    const sorted = await profileOf('long.parquet', schema, rows)
    expect(await profileOf('long.parquet', schema, rows, 1)).toEqual(sorted)
  })

  it('is the same whether all columns are read at once or each in a pass of its own', async () => {
    const [rows, columns] = [50, 30]
    const sql = Array.from({ length: columns }, (_, j) =>
      j % 3 === 0 ? `'v' || (i * ${j + 7} % 13) AS c${j}` : `i * ${j + 7} % 101 AS c${j}`,
    )
    await project.data('wide.csv', `SELECT ${sql.join(', ')} FROM range(${rows}) t(i)`)
    const schema = sql.map((_, j): RowSchema[number] => ({
      name: `c${j}`,
      type: j % 3 === 0 ? 'string' : 'number',
      nullable: false,
    }))
    const atOnce = await profileOf('wide.csv', schema, rows)
    expect(Object.keys(atOnce)).toEqual(schema.map((rule) => rule.name))
    expect(await profileOf('wide.csv', schema, rows, 1)).toEqual(atOnce)
    expect(await profileOf('wide.csv', schema, rows, 7 * rows)).toEqual(atOnce)
  })
})

describe('edges between values', () => {
  it.each([
    [1e-7, 0],
    [1e9, 0],
    [100, 1.7e9],
  ])('part scores of any unit alike: %s · y + %s', (c, d) => {
    const scores = Float64Array.from({ length: 1000 }, (_, i) => c * ((i * 37) % 101) + d)
    const { edges, counts } = profileNumbers(scores, 'between') as { edges: number[]; counts: number[] }
    const usual = profileNumbers(
      Float64Array.from({ length: 1000 }, (_, i) => (i * 37) % 101),
      'between',
    )
    expect(counts).toEqual(usual.kind === 'numeric' && usual.counts)
    expect(edges).toHaveLength(19)
  })

  it('keep equal scores together, whatever their last bit', () => {
    const scores = Float32Array.from({ length: 1000 }, (_, i) => [0.1308, 0.25, 0.5, 0.75][i % 4] as number)
    const profile = profileNumbers(scores, 'between')
    const counter = profileCounter({ 'score:': profile })
    counter.add({ 'score:': scores.map((score) => score * (1 + 1e-7)) })
    expect(counter.take()['score:']).toEqual(profile.kind === 'numeric' ? [...profile.counts, 0, 0, 0] : [])
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
