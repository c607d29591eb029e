import { join } from 'node:path'
import type { DuckDBConnection } from '@duckdb/node-api'
import { type ColumnRule, isText, type RowSchema } from '../formats/row-schema.ts'
import { type ColumnProfile, type Profile, profileCounted, profileInPlace, profileTop } from '../stats/profile.ts'
import { numberOf, readColumns } from './columns.ts'
import { name, rowsOf, text, withDuckDb } from './duckdb.ts'
import { typedSelect } from './select.ts'
import type { LocalTable } from './table.ts'

/**
 * Values that are read in one pass over a table: a pass takes in all columns of a wide table, one or two of a long one.
 */
const valuesInPass = 8_000_000

/** A table is long of which no pass takes in so many columns: then each of them is worth looking at. */
const fewColumns = 9
/**
 * Rows that are looked at to tell whether a column's numbers repeat, and how often they do then at the least, on
 * average.
 */
const sampledRows = 65_536
const repeated = 4

/** A table to profile. */
export interface ProfileOrder {
  readonly table: LocalTable
  /** Folder for what is read twice. */
  readonly folder: string
}

/** Profiles a table in a database of its own. */
export function profileFiles({ table, folder }: ProfileOrder): Promise<Profile> {
  return withDuckDb(2, (connection) => profileTable(connection, table, folder))
}

/**
 * Profiles every column of a table, exactly: numbers are sorted here, texts counted by DuckDB.
 * @param atOnce values that are read in one pass
 */
export async function profileTable(
  connection: DuckDBConnection,
  table: LocalTable,
  folder: string,
  atOnce = valuesInPass,
): Promise<Profile> {
  const columnsAtOnce = Math.max(1, Math.floor(atOnce / Math.max(1, table.rows)))
  const isLong = columnsAtOnce < fewColumns
  const texts = inParts(table.schema.filter(isText), columnsAtOnce)
  const numbers = table.schema.filter((rule) => !isText(rule))
  // Text formats are parsed whole in every pass.
  const passes = texts.length + inParts(numbers, columnsAtOnce).length
  const readOften = table.format !== 'parquet' && (isLong || passes > 1)
  const source = readOften ? await asParquet(connection, table, join(folder, 'typed.parquet')) : table
  const profiles = new Map<string, ColumnProfile>()
  for (const rule of isLong ? numbers : []) {
    const profile = await countedProfile(connection, { ...source, schema: [rule] }, rule)
    if (profile !== undefined) profiles.set(rule.name, profile)
  }
  const others = numbers.filter(({ name }) => !profiles.has(name))
  for (const columns of inParts(others, columnsAtOnce))
    for (const [column, profile] of await numericProfiles(connection, source, columns)) profiles.set(column, profile)
  for (const columns of texts)
    for (const [column, profile] of await textProfiles(connection, source, columns)) profiles.set(column, profile)
  return Object.fromEntries(table.schema.map((rule) => [rule.name, profiles.get(rule.name) as ColumnProfile]))
}

function inParts(columns: RowSchema, size: number): RowSchema[] {
  return Array.from({ length: Math.ceil(columns.length / size) }, (_, i) => columns.slice(i * size, (i + 1) * size))
}

async function asParquet(connection: DuckDBConnection, table: LocalTable, file: string): Promise<LocalTable> {
  await connection.run(`COPY (${await typedSelect(connection, table)}) TO ${text(file)} (FORMAT parquet)`)
  const { schema, rows } = table
  return { files: [file], format: 'parquet', schema, rows }
}

async function numericProfiles(
  connection: DuckDBConnection,
  table: LocalTable,
  columns: RowSchema,
): Promise<[string, ColumnProfile][]> {
  const all = columns.map(() => new Float64Array(table.rows))
  let at = 0
  for await (const chunk of readColumns(connection, { ...table, schema: columns }, columns)) {
    const values = columns.map((rule) => chunk[rule.name] as Float64Array)
    for (const [i, some] of values.entries()) all[i]?.set(some, at)
    at += values[0]?.length as number
  }
  return columns.map((rule, i) => [rule.name, profileInPlace(all[i] as Float64Array)])
}

/**
 * The profile of a column of numbers that repeat, which DuckDB counts several times quicker than they are read and
 * sorted.
 * @returns undefined where they do not
 */
async function countedProfile(
  connection: DuckDBConnection,
  table: LocalTable,
  rule: ColumnRule,
): Promise<ColumnProfile | undefined> {
  const source = `SELECT ${numberOf(rule)} AS value FROM (${await typedSelect(connection, table)})`
  const [first] = await rowsOf(
    connection,
    `SELECT count(*) AS rows, count(DISTINCT value) AS distinct_values FROM (${source} LIMIT ${sampledRows})`,
  )
  if (Number(first?.distinct_values) * repeated > Number(first?.rows)) return undefined
  const most = Math.ceil(table.rows / repeated)
  const result = await connection.runAndReadAll(
    `SELECT value, count(*)::DOUBLE FROM (${source}) GROUP BY value ORDER BY value LIMIT ${most + 1}`,
  )
  const [values, counts] = result.getColumns().map((column) => Float64Array.from(column as number[]))
  // The first rows told nothing of the others.
  if (values === undefined || counts === undefined || values.length > most) return undefined
  const counted = counts.reduce((sum, count) => sum + count, 0)
  if (counted !== table.rows) throw new Error(`counted ${counted} rows of ${table.rows}`)
  return profileCounted(values, counts)
}

/** Counted and ranked by DuckDB: a column of millions of different texts must not come over here. */
async function textProfiles(
  connection: DuckDBConnection,
  table: LocalTable,
  columns: RowSchema,
): Promise<[string, ColumnProfile][]> {
  const source = await typedSelect(connection, { ...table, schema: columns })
  const values = columns.map((rule) => name(rule.name)).join(', ')
  // One column has no list made of every row.
  const long =
    columns.length === 1
      ? `SELECT 0 AS nth, ${values} AS value FROM (${source})`
      : `SELECT unnest(range(${columns.length})) AS nth, unnest([${values}]) AS value FROM (${source})`
  await connection.run(
    `CREATE TEMP TABLE counted AS SELECT nth, value, count(*) AS n FROM (${long}) WHERE value IS NOT NULL GROUP BY ALL`,
  )
  const totals = await rowsOf(
    connection,
    'SELECT nth, count(*) AS distinct_values, sum(n)::BIGINT AS present FROM counted GROUP BY nth',
  )
  const ranked = await rowsOf(
    connection,
    `SELECT nth, value, n, row_number() OVER (PARTITION BY nth ORDER BY n DESC, value) AS place FROM counted QUALIFY place <= ${profileTop} ORDER BY nth, place`,
  )
  await connection.run('DROP TABLE counted')
  const found = new Map(totals.map((each) => [Number(each.nth), each]))
  const top = columns.map((): [string, number][] => [])
  for (const { nth, value, n } of ranked) top[Number(nth)]?.push([String(value), Number(n)])
  return columns.map((rule, i) => {
    const present = Number(found.get(i)?.present ?? 0)
    const named = top[i] as [string, number][]
    return [
      rule.name,
      {
        kind: 'categorical',
        rows: table.rows,
        missing: table.rows - present,
        distinct: Number(found.get(i)?.distinct_values ?? 0),
        top: named,
        other: present - named.reduce((sum, [, n]) => sum + n, 0),
      },
    ]
  })
}
