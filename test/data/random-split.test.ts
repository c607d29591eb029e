import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { z } from 'zod'
import { rowsOf, text, withDuckDb } from '../../lib/data/duckdb.ts'
import { type PartName, parts, splitTable } from '../../lib/data/split.ts'
import type { LocalTable } from '../../lib/data/table.ts'
import { rowSchemaOf } from '../../lib/definition/contract/from-zod.ts'
import type { SplitRule } from '../../lib/formats/plan.ts'
import { missedShares } from '../../lib/stats/shares.ts'

const folder = mkdtempSync(join(tmpdir(), 'slipway-split-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const schema = z.object({
  x: z.number().nullable(),
  name: z.string().nullable(),
  day: z.date().nullable(),
  yes: z.boolean().nullable(),
  id: z.int(),
})
/** 600 rows, a tenth of every column missing, and 60 of them twice. */
const rows = `SELECT CASE WHEN i % 10 = 1 THEN NULL ELSE sin(i) END AS x,
  CASE WHEN i % 10 = 2 THEN NULL ELSE ['Åre', 'a,b', '"q"', 'x:1'][1 + i % 4] END AS name,
  CASE WHEN i % 10 = 3 THEN NULL ELSE TIMESTAMP '2024-01-01 00:00:00.123' + INTERVAL (i) MINUTE END AS day,
  CASE WHEN i % 10 = 4 THEN NULL ELSE i % 3 = 0 END AS yes, i AS id FROM (SELECT i % 540 AS i FROM range(600) t(i))`

let count = 0
async function write(sql: string, format: 'parquet' | 'csv' | 'json'): Promise<string> {
  const file = join(folder, `${count++}.${format}`)
  const options = format === 'csv' ? 'csv, HEADER' : format
  await withDuckDb(1, (connection) => connection.run(`COPY (${sql}) TO ${text(file)} (FORMAT ${options})`))
  return file
}
const tableOf = (files: string[], format: LocalTable['format'], columns: z.ZodObject = schema): LocalTable => ({
  files,
  format,
  schema: rowSchemaOf(columns),
  rows: 0,
})
const random: SplitRule = { by: 'random', validation: 0.2, test: 0.3, seed: 7 }

/** Splits a table. @returns counts, and the values of a column by part */
async function split(table: LocalTable, rule: SplitRule = random, column = 'id', threads = 1) {
  const tag = count++
  const fileOf = (part: PartName): string => join(folder, `${tag}-${part}.parquet`)
  const counts = await withDuckDb(threads, (connection) => splitTable(connection, table, rule, fileOf))
  const values: Record<string, unknown[]> = {}
  for (const part of parts) {
    const found = await withDuckDb(1, (connection) =>
      rowsOf(connection, `SELECT ${column} AS v FROM read_parquet(${text(fileOf(part))})`),
    )
    values[part] = found.map(({ v }) => v).sort()
  }
  return { counts, values }
}

describe('a split at random', () => {
  it('puts a row into the same part whatever file it stands in, in whatever order, on however many threads', async () => {
    const usual = await split(tableOf([await write(rows, 'parquet')], 'parquet'))
    expect(usual.counts.train + usual.counts.validation + usual.counts.test).toBe(600)
    // As it was when this was written: a model is rebuilt years later from the same rows.
    expect(usual.counts).toEqual({ train: 309, validation: 97, test: 194 })
    const halves = [await write(`${rows} LIMIT 100`, 'parquet'), await write(`${rows} OFFSET 100`, 'parquet')]
    for (const table of [
      tableOf([await write(`SELECT * FROM (${rows}) ORDER BY hash(id)`, 'parquet')], 'parquet'),
      tableOf(halves, 'parquet'),
      tableOf([await write(rows, 'csv')], 'csv'),
      tableOf([await write(rows, 'json')], 'json'),
      tableOf([await write(`SELECT id, yes, day, name, x FROM (${rows})`, 'parquet')], 'parquet'),
    ])
      expect((await split(table)).values).toEqual(usual.values)
    const [first] = usual.values.test ?? []
    expect(first).toBeDefined()
    expect((await split(tableOf(halves, 'parquet'), random, 'id', 4)).values).toEqual(usual.values)
    expect((await split(tableOf(halves, 'parquet'), { ...random, seed: 8 })).values).not.toEqual(usual.values)
  })

  it('keeps equal rows together', async () => {
    const { values } = await split(tableOf([await write(rows, 'parquet')], 'parquet'))
    for (let id = 0; id < 60; id++)
      expect(parts.map((part) => values[part]?.filter((value) => value === id).length).sort()).toEqual([0, 0, 2])
  })

  it('takes numbers apart that differ in their last bit, and 0 and -0 for equal', async () => {
    const neighbours = 'SELECT 0.1::DOUBLE + i * pow(2, -56) AS x FROM range(2000) t(i)'
    const near = tableOf([await write(neighbours, 'parquet')], 'parquet', z.object({ x: z.number() }))
    const { counts } = await split(near, random, 'x')
    expect(Math.abs(counts.test - 600)).toBeLessThan(4 * Math.sqrt(2_000 * 0.3 * 0.7))
    const zeros = "SELECT (CASE WHEN i % 2 = 0 THEN '0' ELSE '-0' END)::DOUBLE AS x, i // 2 AS id FROM range(400) t(i)"
    const columns = z.object({ x: z.number(), id: z.int() })
    const { values } = await split(tableOf([await write(zeros, 'parquet')], 'parquet', columns))
    for (const part of parts) expect(values[part]?.length).toBe(2 * new Set(values[part]).size)
  })

  it('takes a missing text, an empty one and one that moved to the next column for different rows', async () => {
    const columns = z.object({ a: z.string().nullable(), b: z.string().nullable() })
    // The same texts, once in the one and once in the other column: in the same part by chance only.
    const moved = `SELECT 't' || i AS a, '' AS b FROM range(500) t(i) UNION ALL SELECT '', 't' || i FROM range(500) t(i)
      UNION ALL SELECT 't' || i, NULL FROM range(500) t(i) UNION ALL SELECT 't' || i, '-' FROM range(500) t(i)`
    const table = tableOf([await write(moved, 'parquet')], 'parquet', columns)
    const partsOf = new Map<string, string>()
    for (const [part, found] of Object.entries(
      (await split(table, random, "coalesce(a, '~') || '|' || coalesce(b, '~')")).values,
    ))
      for (const value of found) partsOf.set(String(value), part)
    for (const other of [(t: string) => `|${t}`, (t: string) => `${t}|~`, (t: string) => `${t}|-`]) {
      const same = Array.from({ length: 500 }, (_, i) => `t${i}`).filter(
        (t) => partsOf.get(`${t}|`) === partsOf.get(other(t)),
      ).length
      // By chance 0.5² + 0.2² + 0.3² of 500; five standard deviations.
      expect(Math.abs(same - 190)).toBeLessThan(55)
    }
  })

  it('is refused when it leaves a part empty', async () => {
    const one = tableOf([await write('SELECT 1.5 AS x', 'parquet')], 'parquet', z.object({ x: z.number() }))
    await expect(split(one)).rejects.toMatchObject({
      code: 'SPLIT_EMPTY',
      message: expect.stringContaining('at random'),
    })
  })
})

describe('shares that miss by far', () => {
  const asked = { train: 0.6, validation: 0.2, test: 0.2 }

  it('are said, with what there is and what was asked for', () => {
    expect(missedShares({ train: 500, validation: 100, test: 400 }, asked)).toBe(
      'validation has 10 % of the rows, asked for 20 %, test has 40 % of the rows, asked for 20 %',
    )
  })

  it('are nothing to warn of within a fifth, or within the chance that a few rows have', () => {
    expect(missedShares({ train: 600, validation: 165, test: 235 }, asked)).toBeUndefined()
    expect(missedShares({ train: 13, validation: 1, test: 6 }, asked)).toBeUndefined()
    expect(missedShares({ train: 1_300, validation: 100, test: 600 }, asked)).toBeDefined()
  })

  it('come with few values of a column that is hashed, and not with many', async () => {
    const rule = (column: string): SplitRule => ({ ...random, by: 'hash', column })
    const columns = z.object({ few: z.string(), many: z.int() })
    const sql = "SELECT ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'][1 + i % 8] AS few, i AS many FROM range(4000) t(i)"
    const table = tableOf([await write(sql, 'parquet')], 'parquet', columns)
    expect((await split(table, rule('many'), 'many')).counts.missed).toBeUndefined()
    expect((await split(table, rule('few'), 'few')).counts.missed).toContain('asked for')
  })
})
