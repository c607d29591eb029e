import type { DuckDBConnection } from '@duckdb/node-api'
import { cutoffInWords } from '../formats/backtest-report.ts'
import { SlipwayError } from '../formats/errors.ts'
import type { SplitRule } from '../formats/plan.ts'
import type { RowSchema } from '../formats/row-schema.ts'
import { isOfBacktest } from '../formats/split-rule.ts'
import { missedShares } from '../stats/shares.ts'
import { name, rowsOf, text, timestamp } from './duckdb.ts'
import { typedSelect } from './select.ts'
import type { LocalTable } from './table.ts'

export const parts = ['train', 'validation', 'test'] as const
export type PartName = (typeof parts)[number]

/**
 * SQL that names the part of a row; null leaves it out. Hashes are md5 of text, the same in every version of DuckDB.
 * @param until of a split by age, ms since 1970
 */
function partOf(rule: SplitRule, until: number, schema: RowSchema): string {
  if (rule.by === 'random') return partAt(placeOf(rule.seed, rowText(schema)), rule)
  const column = name(rule.column)
  if (rule.by === 'age') {
    const testFrom = until - rule.testMs
    const oldest = rule.windowMs === null ? '' : `WHEN ${column} < ${timestamp(until - rule.windowMs)} THEN NULL`
    return `CASE WHEN ${column} >= ${timestamp(until)} OR ${column} IS NULL THEN NULL ${oldest} WHEN ${column} >= ${timestamp(testFrom)} THEN 'test' WHEN ${column} >= ${timestamp(testFrom - rule.validationMs)} THEN 'validation' ELSE 'train' END`
  }
  if (rule.by === 'time') {
    return `CASE WHEN ${column} IS NULL THEN NULL WHEN ${column} < TIMESTAMP ${text(rule.validationFrom)} THEN 'train' WHEN ${column} < TIMESTAMP ${text(rule.testFrom)} THEN 'validation' ELSE 'test' END`
  }
  if (rule.by === 'hash') return partAt(placeOf(rule.seed, `coalesce(${column}::VARCHAR, '')`), rule)
  const order = hash(rule.seed, '"row:"::VARCHAR')
  const place = `(row_number() OVER (PARTITION BY ${column} ORDER BY ${order}) - 0.5) / count(*) OVER (PARTITION BY ${column})`
  return partAt(place, rule)
}

const hash = (seed: number, value: string): string => `md5_number_lower(${text(`${seed}:`)} || ${value})`
/** Where a text falls in [0, 1). */
const placeOf = (seed: number, value: string): string => `(${hash(seed, value)} % 1000000)::DOUBLE / 1000000`
const partAt = (place: string, { validation, test }: { validation: number; test: number }): string =>
  `CASE WHEN ${place} < ${test} THEN 'test' WHEN ${place} < ${test + validation} THEN 'validation' ELSE 'train' END`

/**
 * SQL for all values of a row as one text, which other values never have: each with its length before it, in the order
 * of the columns' names. Numbers are as many digits as tell them from every other; -0 is 0.
 */
function rowText(schema: RowSchema): string {
  const values = [...schema]
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .map((rule) => {
      const isNumber = rule.type === 'number' || rule.type === 'integer'
      const value = `${isNumber ? `(${name(rule.name)} + 0)` : name(rule.name)}::VARCHAR`
      return `coalesce(strlen(${value}) || ':' || ${value}, '-')`
    })
  return `concat(${values.join(', ')})`
}

/**
 * Writes the parts of a table as parquet, rows in their old order. Rows without a date are in no part of a split by
 * time or by age, and are counted; shares that miss by far what was asked for are said (`missed`), and of a backtest
 * where it ends (`cutoff`). The connection must have one thread, so that the bytes come out the same every time.
 * @throws SlipwayError SPLIT_EMPTY when a part has no rows, or the data does not reach the cutoff of a backtest
 */
export async function splitTable(
  connection: DuckDBConnection,
  table: LocalTable,
  rule: SplitRule,
  fileOf: (part: PartName) => string,
): Promise<Record<PartName, number> & { undated?: number; missed?: string; cutoff?: string }> {
  const columns = table.schema.map((column) => name(column.name)).join(', ')
  const until = rule.by === 'age' ? await endOf(connection, table, rule) : 0
  const cutoff = isOfBacktest(rule) ? new Date(until).toISOString() : undefined
  const typed = await typedSelect(connection, table)
  const part = partOf(rule, until, table.schema)
  const numbered = `SELECT *, row_number() OVER () AS "row:" FROM (${typed})`
  await connection.run(
    `CREATE TEMP TABLE parted AS SELECT *, ${part} AS "part:" FROM (${rule.by === 'stratum' ? numbered : typed})${rule.by === 'stratum' ? ' ORDER BY "row:"' : ''}`,
  )
  const rows: Record<PartName, number> = { train: 0, validation: 0, test: 0 }
  for (const part of parts) {
    await connection.run(
      `COPY (SELECT ${columns} FROM parted WHERE "part:" = ${text(part)}) TO ${text(fileOf(part))} (FORMAT parquet, COMPRESSION zstd)`,
    )
    const [count] = await rowsOf(connection, `SELECT count(*) AS rows FROM read_parquet(${text(fileOf(part))})`)
    rows[part] = Number(count?.rows)
    if (rows[part] === 0) {
      throw new SlipwayError(
        'SPLIT_EMPTY',
        `the split ${rule.by === 'random' ? 'at random' : `by ${rule.column}`}${cutoff === undefined ? '' : `, cutoff ${cutoffInWords(cutoff)},`} leaves no rows to ${part === 'test' ? 'test on' : part === 'train' ? 'train on' : 'validate with'}`,
        {
          next:
            rule.by === 'time' || rule.by === 'age'
              ? 'choose other dates or durations: see the range of the column in the profile of the snapshot'
              : 'use more rows or other shares',
        },
      )
    }
  }
  const undated = rule.by === 'time' || rule.by === 'age' ? await undatedIn(connection, rule.column) : 0
  await connection.run('DROP TABLE parted')
  const missed = rule.by === 'time' || rule.by === 'age' ? undefined : missedShares(rows, sharesOf(rule))
  return {
    ...rows,
    ...(undated === 0 ? {} : { undated }),
    ...(missed === undefined ? {} : { missed }),
    ...(cutoff === undefined ? {} : { cutoff }),
  }
}

const sharesOf = ({ validation, test }: { validation: number; test: number }): Record<PartName, number> => ({
  train: 1 - validation - test,
  validation,
  test,
})

async function undatedIn(connection: DuckDBConnection, column: string): Promise<number> {
  const [left] = await rowsOf(
    connection,
    `SELECT count(*) AS undated FROM parted WHERE "part:" IS NULL AND ${name(column)} IS NULL`,
  )
  return Number(left?.undated)
}

/**
 * What counts as now for a split by age: what it says, or the end of the newest row's day; of a backtest its cutoff.
 * @throws SlipwayError SPLIT_EMPTY when the data does not reach a cutoff
 */
async function endOf(
  connection: DuckDBConnection,
  table: LocalTable,
  { column, until, cutoff, agoMs = 0 }: Extract<SplitRule, { by: 'age' }>,
): Promise<number> {
  if (cutoff === undefined)
    return (until === null ? await endOfData(connection, table, column) : Date.parse(until)) - agoMs
  const end = await endOfData(connection, table, column)
  if (Date.parse(cutoff) <= end) return Date.parse(cutoff)
  throw new SlipwayError(
    'SPLIT_EMPTY',
    `the cutoff ${cutoff} is in the future of the data, which ends before ${cutoffInWords(new Date(end).toISOString())} by ${column}`,
    { next: 'leave it out, or name an earlier day' },
  )
}

/** The end of the newest row's day, ms since 1970. */
async function endOfData(connection: DuckDBConnection, table: LocalTable, column: string): Promise<number> {
  const [row] = await rowsOf(
    connection,
    `SELECT epoch_ms(date_trunc('day', max(${name(column)})) + INTERVAL 1 DAY)::DOUBLE AS until FROM (${await typedSelect(connection, table)})`,
  )
  return Number(row?.until ?? 0)
}
