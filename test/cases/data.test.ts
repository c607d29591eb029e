import { cpSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { hostVersions } from '../../lib/code/host.ts'
import { planPipeline } from '../../lib/code/plan.ts'
import { type Checked, checkContract, separateRows } from '../../lib/data/contract.ts'
import { rowsOf, withDuckDb } from '../../lib/data/duckdb.ts'
import { inspect } from '../../lib/data/inspect.ts'
import { dialectOf } from '../../lib/data/local-table.ts'
import { typedSelect } from '../../lib/data/select.ts'
import { splitTable } from '../../lib/data/split.ts'
import type { LocalTable } from '../../lib/data/table.ts'
import type { StepKind, StepOf } from '../../lib/formats/plan.ts'
import { newProject, type TestProject } from '../support/project.ts'
import { sourceFiles } from '../support/sources.ts'

/*
 * Small tables that went wrong in 0.6, each for a kind of fault; what is right of them was computed with pandas and
 * pyarrow. Each goes through plan, snapshot, validation and split as a run does, without servers.
 */

interface Tried {
  readonly table: LocalTable
  readonly report: Checked
  readonly kept: LocalTable
  readonly parts: Record<string, number>
}

let project: TestProject
beforeAll(() => {
  project = newProject()
})
afterAll(() => project.remove())

/** A case as a run would take it. @param edit changes a step of its plan first */
async function tryCase(folder: string, edit: (table: LocalTable) => LocalTable = (table) => table): Promise<Tried> {
  const name = /^0\d-ragged/.test(folder) ? 'ragged' : folder.replace(/^\d+-/, '')
  const home = join(project.root, 'pipelines', name)
  mkdirSync(home, { recursive: true })
  cpSync(join(import.meta.dirname, 'data', folder), home, { recursive: true })
  const { plan } = await planPipeline(project.root, name, hostVersions())
  const find = <Kind extends StepKind>(kind: Kind) => plan.steps.find((each) => each.kind === kind) as StepOf<Kind>
  const [snapshot, validate, split] = [find('snapshot'), find('validate'), find('split')]
  const files = await sourceFiles(project.root, snapshot.from)
  const read = {
    files,
    format: snapshot.format,
    dialect: dialectOf(snapshot),
    schema: snapshot.schema,
    rows: 0,
  }
  const table = edit({ ...read, rows: await withDuckDb(2, (connection) => inspect(connection, read, snapshot.from)) })
  const report = await withDuckDb(2, (connection) => checkContract(connection, table, validate))
  const [keptFile, quarantine] = [join(home, 'kept.parquet'), join(home, 'quarantine.parquet')]
  const rows = await withDuckDb(1, (connection) => separateRows(connection, table, validate, keptFile, quarantine))
  const kept: LocalTable = { files: [keptFile], format: 'parquet', schema: table.schema, rows }
  const parts = report.passed
    ? await withDuckDb(1, (connection) =>
        splitTable(connection, kept, split.rule, (part) => join(home, `${part}.parquet`)),
      )
    : {}
  return { table, report, kept, parts: { ...parts } }
}

/** One row of numbers asked of a table. */
const ask = async (table: LocalTable, what: string): Promise<Record<string, unknown>> =>
  withDuckDb(1, async (connection) => {
    const [row] = await rowsOf(connection, `SELECT ${what} FROM (${await typedSelect(connection, table)})`)
    return row as Record<string, unknown>
  })

const summary = ({ report: { rows, badRows, passed, findings } }: Tried) => ({
  rows,
  badRows,
  passed,
  findings: findings.map(({ column, rule, rows: count, firstRow }) => `${column} ${rule}: ${count}, row ${firstRow}`),
})
const good = (rows: number) => ({ rows, badRows: 0, passed: true, findings: [] })

describe('cases of tables', () => {
  it('01 files whose numbers have other types keep their own values', async () => {
    const tried = await tryCase('01-mixed-int-float')
    expect(summary(tried)).toEqual(good(1040))
    const { price, rate } = await ask(tried.table, 'sum(price) AS price, sum(rate) AS rate')
    expect([price, Number(rate).toFixed(3)]).toEqual([91_140, '700.312'])
  })

  it('02 times with an offset are the instant in UTC', async () => {
    const tried = await tryCase('02-csv-utc-offset')
    expect(summary(tried)).toEqual(good(2_000))
    // What the case is made of: busy from 8 to 16 o'clock UTC.
    expect(
      await ask(tried.table, 'count(*) FILTER (WHERE (hour("at") BETWEEN 8 AND 15) <> (busy = 1)) AS "wrong"'),
    ).toEqual({ wrong: 0 })
  })

  it('03 rows that begin with # are rows', async () => {
    expect(summary(await tryCase('03-csv-hash-rows'))).toEqual(good(1_000))
  })

  it('04 a quote that comes late is a quote', async () => {
    const tried = await tryCase('04-csv-late-quote')
    expect(summary(tried)).toEqual(good(25_000))
    expect(
      await ask(tried.table, `count(*) FILTER (WHERE contains(shop, '"')) AS quotes, count(DISTINCT shop) AS shops`),
    ).toEqual({ quotes: 0, shops: 2 })
  })

  it('05 an infinity breaks "finite number"', async () => {
    const { rows, badRows, findings } = summary(await tryCase('05-parquet-inf'))
    expect([rows, badRows]).toEqual([300, 2])
    expect(findings).toEqual([expect.stringMatching(/^bytes_per_s finite number: 2, row \d+$/)])
  })

  it('06 NaN is missing in whole numbers too', async () => {
    const tried = await tryCase('06-nan-in-int')
    expect(summary(tried).findings).toEqual([expect.stringMatching(/^age required: 100, row \d+$/)])
    expect(tried.kept.rows).toBe(300)
  })

  it('07 ids past 2^53 are refused by z.int(), which says what holds them, and are no duplicates', async () => {
    const tried = await tryCase('07-bigint-ids')
    expect(tried.report.findings.map(({ column, rule, rows }) => [column, rule, rows])).toEqual([
      ['id', 'within ±9007199254740991 (z.int64() holds larger ones)', 600],
    ])
    const exact = await tryCase('07-bigint-ids', (table) => ({
      ...table,
      schema: table.schema.map((rule) => (rule.name === 'id' ? { ...rule, type: 'bigint' } : rule)),
    }))
    expect(summary(exact)).toEqual(good(600))
    const { low, high } = await ask(exact.kept, 'min(id) AS low, max(id) AS high')
    expect([low, high]).toEqual(['7214871093440000000', '7214871093440000599'])
  })

  it('08 every price in cents is a multiple of 0.01', async () => {
    expect(summary(await tryCase('08-multipleof-cents'))).toEqual(good(600))
  })

  it('09 flags of a pattern count', async () => {
    expect(summary(await tryCase('09-regex-flags'))).toEqual(good(600))
  })

  it('10 rows without a date are in no part', async () => {
    const { parts } = await tryCase('10-null-dates-to-test')
    expect(parts).toEqual({ train: 360, validation: 82, test: 91, undated: 267 })
  })

  it('11 a bad row does not make its correction a duplicate', async () => {
    const tried = await tryCase('11-correction-lost')
    expect(summary(tried)).toMatchObject({ rows: 606, badRows: 6, passed: true })
    expect(tried.report.findings.map(({ column, rule }) => [column, rule])).toEqual([['amount', '> 0']])
    expect(tried.kept.rows).toBe(600)
  })

  it('13 a CSV in gzip is read', async () => {
    const tried = await tryCase('13-csv-gz')
    expect(summary(tried)).toEqual(good(500))
    expect(await ask(tried.table, 'sum(x) AS x')).toEqual({ x: 3_965 })
  })

  it('15 literals are checked', async () => {
    const { findings } = await tryCase('15-literal-unchecked').then(({ report }) => report)
    expect(findings.map(({ column, rule, rows }) => [column, rule, rows])).toEqual([
      ['version', 'one of 1', 250],
      ['consent', 'one of true', 167],
    ])
  })

  it('17 folders are columns', async () => {
    const tried = await tryCase('17-hive-folders')
    expect(summary(tried)).toEqual(good(600))
    expect(await ask(tried.table, 'min(year) AS low, max(year) AS high, avg(year) AS mean')).toEqual({
      low: 2022,
      high: 2023,
      mean: 2022.5,
    })
  })

  it('21 look-around is refused when the plan is made', async () => {
    await expect(tryCase('21-lookahead')).rejects.toMatchObject({
      code: 'DEFINITION_INVALID',
      message: expect.stringContaining('look-around'),
    })
  })

  it('ragged rows are bad rows with their number and counts', async () => {
    const tried = await tryCase('05-ragged-csv')
    expect(summary(tried)).toMatchObject({ rows: 1_000, badRows: 1, passed: true, findings: [' record: 1, row 499'] })
    expect(tried.report.verdict).toMatch(/row 499: 2 fields instead of 3$/)
    expect(tried.report.inFull).toContain('row 499: 2 fields instead of 3: north,55.5')
    expect(tried.kept.rows).toBe(999)
  })

  it('a folder of missing values is missing, in numbers too', async () => {
    const files = await sourceFiles(join(import.meta.dirname, 'data/07-parquet-hive-null-number'), 'numpq/')
    const table: LocalTable = {
      files,
      format: 'parquet',
      rows: 3,
      schema: [
        { name: 'x', type: 'integer', nullable: true },
        { name: 'region', type: 'string', nullable: true },
      ],
    }
    expect(await ask(table, 'count(*) AS rows, count(x) AS present, sum(x) AS x')).toEqual({
      rows: 3,
      present: 2,
      x: 12,
    })
  })
})
