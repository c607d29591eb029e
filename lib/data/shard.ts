import type { DuckDBConnection } from '@duckdb/node-api'
import type { Column } from '../formats/columns.ts'
import { SlipwayError } from '../formats/errors.ts'
import type { ColumnRule, RowSchema } from '../formats/row-schema.ts'
import { brokenTable, type CheckedRelation, findBroken, mistypedIn, type RowRule, reasonsSql } from './broken-rows.ts'
import { readMemory, type TextValues, textType, textValues } from './columns.ts'
import { name, rowsOf, text } from './duckdb.ts'
import { requireColumns } from './inspect.ts'
import { columnOf, selectOf } from './select.ts'
import { type LocalTable, type OpenTable, openTable, unreadable } from './table.ts'
import { type FoundColumn, type FoundFiles, fileColumn, problemColumn, rowColumn } from './table-file.ts'

export interface ShardSource {
  readonly table: LocalTable
  /** What messages call the file. */
  readonly from: string
  /** Rows the footer promises; undefined where there is none. */
  readonly expected: number | undefined
  /** Columns of the input that the output wants: those that the schema lacks are carried along. */
  readonly keep: readonly string[]
  /** A parquet file of rows (`file`, `row`) whose keys occurred before, and which file we are. */
  readonly duplicates: { readonly path: string; readonly file: number; readonly keys: readonly string[] } | undefined
}

/** What was found of a shard's rows. */
export interface ShardRows {
  readonly read: number
  readonly good: number
  readonly reasons: Readonly<Record<string, number>>
  /** What occurs in its columns of text. */
  readonly texts: ReadonlyMap<string, TextValues>
  /** SQL of its columns' values. */
  readonly values: string
}

/**
 * Reads a shard into a table in memory that spills to disk, after what texts occur in it, and sets rows aside that
 * break the contract. From then on `goodRows`, `writeParts` and `writeQuarantine` work on it. The connection must have
 * one thread: rows keep their order.
 * @throws SlipwayError SOURCE_UNREADABLE, COLUMN_MISSING, COLUMN_TYPE
 */
export async function openShard(connection: DuckDBConnection, source: ShardSource): Promise<ShardRows> {
  const { table, from, expected, keep, duplicates } = source
  const open = await openTable(connection, table)
  await requireColumns(connection, open, keep)
  const [part] = open.parts as [FoundFiles]
  const failed = unreadable(table.files, table.format)
  const more = keep.filter((column) => !table.schema.some((rule) => rule.name === column))
  const texts = table.schema.filter(({ type }) => type === 'string').map((rule) => rule.name)
  const isTyped = table.format === 'parquet'
  const rows = isTyped
    ? await readTyped(connection, open, part, more, texts).catch(failed)
    : await readText(connection, open, more, texts).catch(failed)
  const [count = {}] = await rowsOf(connection, 'SELECT count(*) AS rows FROM shard')
  const read = Number(count.rows)
  for (const promised of [expected, part.rows])
    if (promised !== undefined && read !== promised)
      throw new SlipwayError('SOURCE_UNREADABLE', `${from} promises ${promised} rows and has ${read}`, {
        next: 'check that the file is whole',
      })
  const relation: CheckedRelation = {
    sql: `(SELECT ${rows.checked}, 0 AS ${fileColumn}, rowid + ${(table.range?.from ?? 0) + 1} AS ${rowColumn}, ${isTyped ? 'NULL' : problemColumn} AS ${problemColumn} FROM shard)`,
    schema: table.schema,
    mistyped: mistypedIn(open),
    mayHaveProblems: !isTyped,
    texts: new Map([...rows.texts].map(([column, found]) => [column, found?.values])),
  }
  const rules = await findBroken(connection, relation)
  if (duplicates !== undefined) {
    const number = rules.push({ column: duplicates.keys.join(', '), rule: 'unique' }) - 1
    await connection.run(
      `INSERT INTO ${brokenTable} SELECT 0, row, ${number}, NULL FROM read_parquet(${text(duplicates.path)}) WHERE file = ${duplicates.file}`,
    )
  }
  const found = await rowsOf(
    connection,
    `SELECT rule, count(*) AS rows FROM ${brokenTable} GROUP BY rule ORDER BY rule`,
  )
  if (found.length === 0) return { read, good: read, reasons: {}, texts: rows.texts, values: rows.values }
  await connection.run(`CREATE TEMP TABLE reasons AS ${reasonsSql(rules)}`)
  const numbered = `SELECT *, rowid + ${(table.range?.from ?? 0) + 1} AS ${rowColumn} FROM shard`
  await connection.run(
    `CREATE TEMP TABLE bad AS SELECT s.*, r.reasons AS "reasons:" FROM (${numbered}) s JOIN reasons r ON r.row = s.${rowColumn}`,
  )
  await connection.run(
    `CREATE TEMP TABLE good AS SELECT * EXCLUDE (${rowColumn}) FROM (${numbered}) s WHERE NOT EXISTS (SELECT 1 FROM reasons r WHERE r.row = s.${rowColumn}) ORDER BY ${rowColumn}`,
  )
  await connection.run('DROP TABLE shard')
  await connection.run('ALTER TABLE good RENAME TO shard')
  const [bad] = await rowsOf(connection, 'SELECT count(*) AS rows FROM bad')
  const reasons = found.map(({ rule, rows: times }): [string, number] => {
    const { column, rule: what } = rules[Number(rule)] as RowRule
    return [column === '' ? what : `${column}: ${what}`, Number(times)]
  })
  return {
    read,
    good: read - Number(bad?.rows),
    reasons: Object.fromEntries(reasons.sort(([a], [b]) => (a < b ? -1 : 1))),
    texts: rows.texts,
    values: rows.values,
  }
}

/** How the table in memory is read. */
interface InMemory {
  readonly texts: ReadonlyMap<string, TextValues>
  /** Columns as values, for features. */
  readonly values: string
  /** Columns as values and as they lay, for checks. */
  readonly checked: string
}

/**
 * Parquet lies in memory in its own types, so that what only passes through stays what it is; texts as numbers, which
 * is quicker to read and to write.
 */
async function readTyped(
  connection: DuckDBConnection,
  open: OpenTable,
  part: FoundFiles,
  more: readonly string[],
  textColumns: readonly string[],
): Promise<InMemory> {
  const own = (column: string): string => part.columns.get(column)?.sql ?? 'NULL'
  const columns = [...open.schema.map((rule) => rule.name), ...more]
  const renamed = `(SELECT ${columns.map((column) => `${own(column)} AS ${name(column)}`).join(', ')} FROM ${part.from})`
  const texts = await textValues(connection, renamed, textColumns)
  const typed = columns.map((column) => {
    const found = texts.get(column)
    return found === undefined || found.values.length === 0
      ? name(column)
      : `${name(column)}::VARCHAR::${textType(column)} AS ${name(column)}`
  })
  await connection.run(`CREATE TEMP TABLE shard AS SELECT ${typed.join(', ')} FROM ${renamed}`)
  const valueSql = (rule: ColumnRule): string => {
    const found = part.columns.get(rule.name) as FoundColumn
    // Texts are read by their numbers, where they are known.
    if (rule.type === 'string')
      return texts.get(rule.name) === undefined ? `${name(rule.name)}::VARCHAR` : name(rule.name)
    return columnOf(rule, {
      ...part,
      columns: new Map([[rule.name, { ...found, sql: found.carrier === 'typed' ? name(rule.name) : found.sql }]]),
    }).value
  }
  const values = open.schema.map((rule) => `${valueSql(rule)} AS ${name(rule.name)}`)
  const raws = open.schema.map((rule) => `${name(rule.name)} AS ${name(`raw:${rule.name}`)}`)
  return { texts, values: values.join(', '), checked: [...values, ...raws].join(', ') }
}

/** Text is read once, into values and as it lay. */
async function readText(
  connection: DuckDBConnection,
  open: OpenTable,
  more: readonly string[],
  textColumns: readonly string[],
): Promise<InMemory> {
  await connection.run(
    `CREATE TEMP TABLE shard AS SELECT * EXCLUDE (${fileColumn}, ${rowColumn}) FROM (${selectOf(open, { raw: true, position: true, more })})`,
  )
  const values = open.schema.map((rule) => name(rule.name))
  const raws = open.schema.map((rule) => name(`raw:${rule.name}`))
  return {
    texts: await textValues(connection, 'shard', textColumns),
    values: values.join(', '),
    checked: [...values, ...raws].join(', '),
  }
}

/** The good rows of a shard that was opened, chunk by chunk. */
export function goodRows(
  connection: DuckDBConnection,
  { good, texts, values }: ShardRows,
  columns: RowSchema,
): AsyncGenerator<Record<string, Column>> {
  return readMemory(connection, `(SELECT ${values} FROM shard)`, good, columns, texts)
}
