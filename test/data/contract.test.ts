import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { z } from 'zod'
import { readColumns } from '../../lib/data/columns.ts'
import { checkContract, separateRows } from '../../lib/data/contract.ts'
import { rowsOf, withDuckDb } from '../../lib/data/duckdb.ts'
import { inspect } from '../../lib/data/inspect.ts'
import { splitTable } from '../../lib/data/split.ts'
import type { LocalTable } from '../../lib/data/table.ts'
import { rowSchemaOf } from '../../lib/definition/contract/from-zod.ts'
import { digestOfFile } from '../../lib/store/digest.ts'
import { newProject } from '../support/project.ts'

const project = newProject()
afterAll(() => project.remove())

const noRules = { maxBadRows: 0, completeness: {}, unique: [] }

async function tableOf(file: string, sql: string, schema: z.ZodObject): Promise<LocalTable> {
  await project.data(file, sql)
  const table = {
    files: [join(project.root, file)],
    format: file.endsWith('.csv') ? 'csv' : file.endsWith('.json') ? 'json' : 'parquet',
    schema: rowSchemaOf(schema),
  } as const
  return { ...table, rows: await withDuckDb(1, (connection) => inspect(connection, table, file)) }
}

const check = (table: LocalTable, rules = {}) =>
  withDuckDb(2, (connection) => checkContract(connection, table, { ...noRules, ...rules }))

describe('a contract', () => {
  const Row = z.object({
    n: z.int().min(0).max(9),
    x: z.number().positive(),
    s: z
      .string()
      .regex(/^[a-z]+$/)
      .max(3),
    e: z.enum(['p', 'q']),
    d: z.date().min(new Date('2020-01-01')),
  })
  const good = "SELECT i % 10 AS n, 0.5 AS x, 'abc' AS s, 'p' AS e, TIMESTAMP '2021-01-01' AS d FROM range(100) t(i)"
  // Row 8 of each is the bad one.
  const bad = (column: string, value: string): string =>
    `SELECT * REPLACE (CASE WHEN row_number() OVER () = 8 THEN ${value} ELSE ${column} END AS ${column}) FROM (${good})`

  it('is kept by good rows, in every format', async () => {
    for (const format of ['parquet', 'csv', 'json'])
      expect(await check(await tableOf(`good.${format}`, good, Row))).toMatchObject({
        passed: true,
        rows: 100,
        badRows: 0,
        findings: [],
      })
  })

  it.each([
    ['n', '12', '≤ 9'],
    ['n', '-1', '≥ 0'],
    ['x', '0', '> 0'],
    ['s', "'ABC'", 'pattern ^[a-z]+$'],
    ['s', "'abcd'", 'length ≤ 3'],
    ['e', "'r'", 'one of p, q'],
    ['d', "TIMESTAMP '2019-12-31'", '≥ 2020-01-01T00:00:00.000Z'],
    ['s', 'NULL', 'required'],
  ])('broken in column %s by %s names column, row and rule', async (column, value, rule) => {
    for (const format of ['parquet', 'csv']) {
      const report = await check(await tableOf(`bad.${format}`, bad(column, value), Row))
      expect(report).toMatchObject({ passed: false, badRows: 1 })
      expect(report.findings).toContainEqual(expect.objectContaining({ column, rule, rows: 1, firstRow: 8 }))
      expect(report.verdict).toContain(`column "${column}", row 8`)
    }
  })

  it('names a number that is none, in text formats', async () => {
    const report = await check(
      await tableOf(
        'text.csv',
        `SELECT * REPLACE (CASE WHEN row_number() OVER () = 8 THEN 'many' ELSE n::VARCHAR END AS n) FROM (${good})`,
        Row,
      ),
    )
    expect(report.findings).toContainEqual(
      expect.objectContaining({ column: 'n', rule: 'type integer', firstRow: 8, example: 'many' }),
    )
  })

  it('allows as many bad rows as it says, and sets exactly those aside with their reasons', async () => {
    const table = await tableOf('some.parquet', bad('n', '12'), Row)
    expect(await check(table, { maxBadRows: 0.01 })).toMatchObject({ passed: true, badRows: 1 })
    const [kept, quarantine] = ['kept', 'quarantine'].map((name) => join(project.root, `${name}.parquet`)) as [
      string,
      string,
    ]
    expect(
      await withDuckDb(1, (connection) =>
        separateRows(connection, table, { ...noRules, maxBadRows: 0.01 }, kept, quarantine),
      ),
    ).toBe(99)
    const rows = await withDuckDb(1, (connection) =>
      rowsOf(connection, `SELECT source_row, reasons, n FROM read_parquet('${quarantine}')`),
    )
    expect(rows).toEqual([{ source_row: 8, reasons: 'n: ≤ 9', n: 12 }])
  })

  it('fails below a completeness and passes at it; missing values do not count as bad rows then', async () => {
    const blank = `SELECT * REPLACE (CASE WHEN row_number() OVER () <= 5 THEN NULL ELSE s END AS s) FROM (${good})`
    const table = await tableOf('blank.parquet', blank, Row)
    expect(await check(table, { completeness: { s: 0.99 } })).toMatchObject({
      passed: false,
      verdict: 'column "s": completeness 0.95 < 0.99',
    })
    expect(await check(table, { completeness: { s: 0.95 } })).toMatchObject({
      passed: true,
      badRows: 0,
      verdict: 'rows without a value set aside, as completeness allows: "s" of 5 of 100 rows',
    })
  })

  it('finds rows that occur twice', async () => {
    const table = await tableOf('twice.parquet', good.replace('i % 10', 'i % 5'), Row)
    expect(await check(table, { unique: [['n']], maxBadRows: 0.5 })).toMatchObject({
      passed: false,
      badRows: 95,
      findings: [expect.objectContaining({ column: 'n', rule: 'unique', firstRow: 6 })],
    })
  })

  it('checks a large set of values by look-up and gives the same answer', async () => {
    const values = Array.from({ length: 40 }, (_, i) => `v${i}`) as [string, ...string[]]
    const table = await tableOf(
      'set.parquet',
      "SELECT 'v' || (i % 41) AS s FROM range(410) t(i)",
      z.object({ s: z.enum(values) }),
    )
    expect(await check(table)).toMatchObject({
      badRows: 10,
      findings: [expect.objectContaining({ firstRow: 41, example: 'v40' })],
    })
  })
})

describe('inspect', () => {
  const schema = rowSchemaOf(z.object({ x: z.number() }))
  const look = (file: string, format: 'parquet' | 'csv' | 'json') =>
    withDuckDb(1, (connection) => inspect(connection, { files: [join(project.root, file)], format, schema }, file))

  it('names the columns there are when one is missing', async () => {
    await project.data('y.parquet', 'SELECT 1 AS y, 2 AS z')
    await expect(look('y.parquet', 'parquet')).rejects.toMatchObject({
      code: 'COLUMN_MISSING',
      message: 'y.parquet has no column "x"; it has y, z',
    })
  })

  it('refuses text where a number is declared, with row and value', async () => {
    await project.data('t.parquet', "SELECT 'far' AS x")
    await expect(look('t.parquet', 'parquet')).rejects.toMatchObject({
      code: 'COLUMN_TYPE',
      message: expect.stringContaining('row 1 holds one'),
      facts: { inFull: expect.stringContaining('row 1 holds "far"') },
    })
  })

  it('refuses a file without rows', async () => {
    await project.data('none.parquet', 'SELECT 1 AS x WHERE false')
    await expect(look('none.parquet', 'parquet')).rejects.toMatchObject({ code: 'SOURCE_EMPTY' })
  })

  it('refuses what is not parquet, without the path of a temporary file', async () => {
    project.write('fake.parquet', 'this is not parquet at all')
    await expect(look('fake.parquet', 'parquet')).rejects.toMatchObject({
      code: 'SOURCE_UNREADABLE',
      message: expect.not.stringContaining('/tmp'),
    })
  })
})

describe('a split', () => {
  const schema = z.object({ i: z.int(), g: z.string(), t: z.date() })
  let table: LocalTable
  beforeAll(async () => {
    table = await tableOf(
      'split.parquet',
      "SELECT i, 'g' || (i % 50) AS g, TIMESTAMP '2024-01-01' + INTERVAL (i) MINUTE AS t FROM range(20000) t(i)",
      schema,
    )
  })
  const file = (part: string, tag = ''): string => join(project.root, `${part}${tag}.parquet`)
  const split = (rule: Parameters<typeof splitTable>[2], tag = '') =>
    withDuckDb(1, (connection) => splitTable(connection, table, rule, (part) => file(part, tag)))
  const values = async (part: string, column: string): Promise<unknown[]> =>
    (
      await withDuckDb(1, (connection) =>
        rowsOf(connection, `SELECT DISTINCT ${column} AS v FROM read_parquet('${file(part)}') ORDER BY 1`),
      )
    ).map(({ v }) => v)

  it('by time puts every row into the part of its time, and none twice', async () => {
    const rows = await split({ by: 'time', column: 't', validationFrom: '2024-01-10', testFrom: '2024-01-12' })
    expect(rows).toEqual({ train: 9 * 1440, validation: 2 * 1440, test: 20_000 - 11 * 1440 })
  })

  it.each([
    ['time', { by: 'time', column: 't', validationFrom: '2024-01-10', testFrom: '2024-01-12' }],
    ['age', { by: 'age', column: 't', validationMs: 2 * 86_400_000, testMs: 86_400_000, windowMs: null, until: null }],
  ] as const)('by %s leaves rows without a date out, and counts them', async (_, rule) => {
    const undated = await tableOf(
      'undated.parquet',
      "SELECT i, 'g' AS g, CASE WHEN i % 10 > 0 THEN TIMESTAMP '2024-01-01' + INTERVAL (i) MINUTE END AS t FROM range(20000) t(i)",
      z.object({ i: z.int(), g: z.string(), t: z.date().nullable() }),
    )
    const rows = await withDuckDb(1, (connection) =>
      splitTable(connection, undated, rule, (part) => file(part, '-undated')),
    )
    expect(rows.undated).toBe(2_000)
    expect(rows.train + rows.validation + rows.test).toBe(18_000)
  })

  describe('of a backtest', () => {
    const day = 86_400_000
    const rule = { by: 'age', column: 't', validationMs: 2 * day, testMs: day, windowMs: null, until: null } as const
    // The last row is of the evening of 2024-01-14.
    const expected = { train: 6 * 1440, validation: 2 * 1440, test: 1440, cutoff: '2024-01-10T00:00:00.000Z' }

    it('ends at the day named, whatever counts as now', async () => {
      expect(await split({ ...rule, cutoff: '2024-01-10' })).toEqual(expected)
      expect(await split({ ...rule, cutoff: '2024-01-10', until: '2024-01-12T00:00:00.000Z' })).toEqual(expected)
    })

    it('ends so long before the end of the data, or before what counts as now', async () => {
      expect(await split({ ...rule, agoMs: 5 * day })).toEqual(expected)
      expect(await split({ ...rule, agoMs: 2 * day, until: '2024-01-12T00:00:00.000Z' })).toEqual(expected)
    })

    it('takes the end of the data itself, and refuses a day after it', async () => {
      const whole = { train: 11 * 1440, validation: 2 * 1440, test: 20_000 - 13 * 1440 }
      const cutoff = '2024-01-15'
      expect(await split({ ...rule, cutoff })).toEqual({ ...whole, cutoff: `${cutoff}T00:00:00.000Z` })
      await expect(split({ ...rule, cutoff: '2024-01-16' })).rejects.toMatchObject({
        code: 'SPLIT_EMPTY',
        message: 'the cutoff 2024-01-16 is in the future of the data, which ends before 2024-01-15 by t',
      })
    })

    it('names a cutoff that leaves no rows to train on', async () => {
      await expect(split({ ...rule, cutoff: '2024-01-03' })).rejects.toMatchObject({
        code: 'SPLIT_EMPTY',
        message: 'the split by t, cutoff 2024-01-03, leaves no rows to train on',
      })
    })
  })

  it('by a hash keeps rows of one value together and about keeps the shares', async () => {
    const rows = await split({ by: 'hash', column: 'g', validation: 0.2, test: 0.3, seed: 1 })
    expect(rows.train + rows.validation + rows.test).toBe(20_000)
    const groups = await Promise.all(['train', 'validation', 'test'].map((part) => values(part, 'g')))
    expect(new Set(groups.flat()).size).toBe(groups.flat().length)
    expect(rows.train).toBeGreaterThan(6_000)
  })

  it('by stratum gives every stratum its share', async () => {
    const rows = await split({ by: 'stratum', column: 'g', validation: 0.2, test: 0.3, seed: 1 })
    expect(rows).toEqual({ train: 10_000, validation: 4_000, test: 6_000 })
    const counts = await withDuckDb(1, (connection) =>
      rowsOf(connection, `SELECT count(*) AS n FROM read_parquet('${file('test')}') GROUP BY g`),
    )
    expect(new Set(counts.map(({ n }) => n))).toEqual(new Set([120]))
  })

  it('writes the same bytes every time', async () => {
    const rule = { by: 'hash', column: 'i', validation: 0.2, test: 0.3, seed: 4 } as const
    await split(rule)
    await split(rule, '-again')
    for (const part of ['train', 'validation', 'test'])
      expect((await digestOfFile(file(part))).digest).toBe((await digestOfFile(file(part, '-again'))).digest)
  })

  it('that leaves a part empty is refused', async () => {
    await expect(
      split({ by: 'time', column: 't', validationFrom: '2025-01-10', testFrom: '2025-01-12' }),
    ).rejects.toMatchObject({ code: 'SPLIT_EMPTY' })
  })
})

describe('readColumns', () => {
  it('gives columns by type, in order, whole', async () => {
    const table = await tableOf(
      'columns.parquet',
      "SELECT i::BIGINT AS n, CASE WHEN i = 1 THEN NULL ELSE i / 2 END AS x, CASE WHEN i = 2 THEN NULL ELSE 's' || i END AS s, i % 2 = 0 AS b, TIMESTAMP '1970-01-01 00:00:01' AS d FROM range(100000) t(i)",
      z.object({ n: z.int(), x: z.number().nullable(), s: z.string().nullable(), b: z.boolean(), d: z.date() }),
    )
    let at = 0
    await withDuckDb(2, async (connection) => {
      for await (const { n, x, s, b, d } of readColumns(connection, table, table.schema)) {
        if (at === 0) {
          expect([
            (n as Float64Array)[3],
            (x as Float64Array)[1],
            (x as Float64Array)[3],
            s?.[2],
            s?.[3],
            b?.[0],
            b?.[1],
            d?.[0],
          ]).toEqual([3, Number.NaN, 1.5, null, 's3', 1, 0, 1000])
        }
        for (let i = 0; i < (n as Float64Array).length; i++)
          if (n?.[i] !== at + i) throw new Error(`row ${at + i} holds ${n?.[i]}`)
        at += (n as Float64Array).length
      }
    })
    expect(at).toBe(100_000)
  })
})
