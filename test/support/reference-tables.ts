import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { DuckDBConnection } from '@duckdb/node-api'
import { expect } from 'vitest'
import { rowsOf, withDuckDb } from '../../lib/data/duckdb.ts'
import { selectOf } from '../../lib/data/select.ts'
import { type OpenTable, openTable, unreadable } from '../../lib/data/table.ts'
import type { Delimiter } from '../../lib/formats/csv.ts'
import { SlipwayError } from '../../lib/formats/errors.ts'
import type { ColumnRule } from '../../lib/formats/row-schema.ts'

/** What public readers make of a table: see test/reference/tables.py. */
export interface ReferenceTable {
  readonly package: string
  readonly path: string
  readonly format: 'csv' | 'parquet'
  readonly traits?: readonly string[]
  /** Why Python's csv module refuses it. */
  readonly refused?: string
  readonly columns?: readonly string[]
  readonly rows?: number
  /** Rows that have not as many fields as the header, and the numbers of the first three. */
  readonly bad?: number
  readonly firstBad?: readonly number[]
  readonly nonEmpty?: readonly number[]
  readonly sums?: readonly (number | null)[]
  /** Readers that read something else. */
  readonly differs: Readonly<Record<string, string>>
}

export const reference = join(import.meta.dirname, '../reference')
export const referenceTables: readonly ReferenceTable[] = JSON.parse(
  readFileSync(join(reference, 'tables.json'), 'utf8'),
)

/**
 * What a reading of a table is compared by. Columns without a name, or with one that another has too, cannot be asked
 * for.
 */
export interface Reading {
  readonly columns?: readonly string[]
  readonly rows?: number
  readonly bad?: number
  readonly firstBad?: readonly number[]
  readonly nonEmpty?: Readonly<Record<string, number>>
  readonly sums?: Readonly<Record<string, number | null>>
  readonly refused?: string
}

/** The reference's reading. */
export function expectedReading(table: ReferenceTable): Reading {
  const { columns = [], nonEmpty = [], sums = [], rows = 0, bad = 0, firstBad = [] } = table
  const once = columns.flatMap((column, at) => (canBeAsked(columns, column) ? [[column, at] as const] : []))
  return {
    columns: [...new Set(columns)],
    rows,
    bad,
    firstBad,
    nonEmpty: Object.fromEntries(once.map(([column, at]) => [column, nonEmpty[at] as number])),
    sums: Object.fromEntries(once.map(([column, at]) => [column, sums[at] as number | null])),
  }
}

/**
 * What the reader of runs, batches and requests makes of the same file. Sums are the reference's where they differ by
 * rounding only.
 */
export async function ourReading(table: ReferenceTable, file: string): Promise<Reading> {
  const { path, format } = table
  const expected = expectedReading(table)
  const schema = Object.entries(expected.sums ?? {}).map(([column, sum]) =>
    rule(column, sum === null ? 'string' : 'number'),
  )
  const compression = path.endsWith('.gz') ? 'gzip' : 'none'
  const delimiter: Delimiter = /\.tsv(\.gz)?$/.test(path) ? '\t' : ','
  return withDuckDb(1, async (connection) => {
    try {
      const files = [{ path: file, compression } as const]
      const open = await openTable(connection, { files, format, dialect: { delimiter, header: true }, schema })
      const columns = [...new Set(open.parts.flatMap((part) => [...part.columns.keys()]))]
      const typed = schema.flatMap(({ name: column }) => typedRule(open, column, format) ?? [])
      // By place: DuckDB would take "A" for "a".
      const places = [...typed.map((_, i) => `c${i}`), 'file', 'row', 'problem'].join(', ')
      const from = `(${selectOf({ ...open, schema: typed }, { position: true })}) AS t(${places})`
      const counts = typed.map(({ type }, i) => countOf(type, i))
      const query = `SELECT ${['count(*) AS rows', ...counts].join(', ')} FROM ${from} WHERE problem IS NULL`
      const failed = unreadable(files, format)
      const [found = {}] = await rowsOf(connection, query).catch(failed)
      const bad = await rowsOf(connection, `SELECT row FROM ${from} WHERE problem IS NOT NULL`)
      const byName = <T>(value: (i: number, column: string) => T): Record<string, T> =>
        Object.fromEntries(typed.map(({ name: column }, i) => [column, value(i, column)]))
      return {
        columns,
        rows: open.rows - bad.length === found['rows'] ? open.rows - bad.length : Number.NaN,
        bad: bad.length,
        firstBad: bad.slice(0, 3).map(({ row }) => Number(row)),
        nonEmpty: { ...byName((i) => Number(found[`n${i}`])), ...(await otherCounts(connection, open, typed)) },
        sums: {
          ...Object.fromEntries(schema.map(({ name: column }) => [column, null])),
          ...byName((i, column) => rounded(found, i, expected.sums?.[column] ?? null)),
        },
      }
    } catch (error) {
      if (error instanceof SlipwayError) return { refused: error.message }
      throw error
    }
  })
}

const canBeAsked = (columns: readonly string[], column: string): boolean =>
  column !== '' && columns.indexOf(column) === columns.lastIndexOf(column)

const rule = (column: string, type: ColumnRule['type']): ColumnRule => ({ name: column, type, nullable: true })

/** Of parquet, the type that the file has; undefined for what no contract reads. */
function typedRule(open: OpenTable, column: string, format: 'csv' | 'parquet'): ColumnRule | undefined {
  if (format === 'csv') return open.schema.find((each) => each.name === column)
  const type = open.parts[0]?.columns.get(column)?.type ?? ''
  if (/^(U?(TINY|SMALL|BIG|HUGE)?INT(EGER)?|FLOAT|DOUBLE|DECIMAL.*)$/.test(type)) return rule(column, 'number')
  if (/^(VARCHAR|ENUM.*|UUID)$/.test(type)) return rule(column, 'string')
  if (/^(TIMESTAMP.*|DATE)$/.test(type)) return rule(column, 'timestamp')
  return type === 'BOOLEAN' ? rule(column, 'boolean') : undefined
}

/** Values of columns of types that no contract reads: they may lie in a file all the same. */
async function otherCounts(
  connection: DuckDBConnection,
  open: OpenTable,
  read: readonly ColumnRule[],
): Promise<Record<string, number>> {
  const others = open.schema.filter(({ name: column }) => read.every((each) => each.name !== column))
  const counts: Record<string, number> = {}
  for (const { name: column } of others)
    for (const part of open.parts) {
      const [row] = await rowsOf(connection, `SELECT count(${part.columns.get(column)?.sql}) AS n FROM ${part.from}`)
      counts[column] = (counts[column] ?? 0) + Number(row?.['n'])
    }
  return counts
}

const countOf = (type: ColumnRule['type'], i: number): string =>
  `count(c${i}) AS n${i}${type === 'number' ? `, fsum(c${i}) AS s${i}, sum(abs(c${i})) AS a${i}` : ''}`

/** Of one part in a million million of what was added: the reference rounds once, DuckDB at every row. */
function rounded(found: Record<string, unknown>, i: number, expected: number | null): number | null {
  const sum = found[`s${i}`]
  if (sum === undefined || sum === null) return null
  if (expected === null) return Number(sum)
  return Math.abs(Number(sum) - expected) <= 1e-12 * Number(found[`a${i}`]) ? expected : Number(sum)
}

/**
 * Where ours is right to read otherwise than Python's csv module, which refuses these: a row with text behind a closing
 * quote is a bad row (`"T. \"Eddie\" Tolan"`), and others are read.
 */
const malformed: Readonly<Record<string, Reading>> = {
  'bokeh_sampledata/_data/sprint.csv': { rows: 80, bad: 5, firstBad: [50, 55, 59] },
  'libpysal/examples/us_income/spi_download.csv': { rows: 60, bad: 5, firstBad: [61, 62, 63] },
  'statsmodels/datasets/scotland/src/scotvote.csv': { rows: 0, bad: 32, firstBad: [1, 2, 3] },
}
/** What DuckDB cannot decode; the file's other readers can. */
const undecoded: Readonly<Record<string, string>> = { 'pyarrow-types-v2-split.parquet': 'BYTE_STREAM_SPLIT' }

/** Holds our reading of a table to the reference's; what is not read is refused by name. */
export async function expectAgreement(table: ReferenceTable, file: string): Promise<void> {
  const ours = await ourReading(table, file)
  const { path, refused } = table
  if (undecoded[path] !== undefined) expect(ours.refused).toContain(undecoded[path])
  else if (refused === undefined) expect(ours).toEqual(expectedReading(table))
  else if (malformed[path] !== undefined) expect(ours).toMatchObject(malformed[path])
  else if (path.startsWith('utf-16')) expect(ours.refused).toContain('it is UTF-16')
  else expect(ours.refused).toContain(`is no UTF-8 (byte ${refused.match(/byte (0x..)/)?.[1]})`)
}

/** A table's name in the list of tests. */
export const titleOf = ({ package: from, path, traits = [] }: ReferenceTable): string =>
  [from, path, ...(traits.length > 0 ? [`(${traits.join(', ')})`] : [])].join(' ')
