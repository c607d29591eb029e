import { readdir } from 'node:fs/promises'
import { dirname, join, relative } from 'node:path'
import { DOUBLE, type DuckDBConnection, DuckDBDataChunk, FLOAT } from '@duckdb/node-api'
import type { Column, Numbers } from '../pipelines/columns.ts'
import { SlipwayError } from '../pipelines/errors.ts'
import type { ColumnRule, RowSchema } from '../pipelines/row-schema.ts'
import {
  addRepeated,
  brokenTable,
  type CheckedRelation,
  findBroken,
  mistypedIn,
  type RowRule,
  reasonsSql,
} from './broken-rows.ts'
import { readMemory, type TextValues, textType, textValues } from './columns.ts'
import { name, rowsOf, text } from './duckdb.ts'
import {
  columnOf,
  type LocalTable,
  type OpenTable,
  openTable,
  relationOf,
  requireColumns,
  selectOf,
  unreadable,
} from './table.ts'
import { type FoundColumn, type FoundFiles, fileColumn, problemColumn, rowColumn } from './table-file.ts'
import { scanCsv } from './text-files.ts'

/** Column of the output with the model's answer. */
export const predictionColumn = 'prediction'
/** Rows of a data chunk, DuckDB's vector size. */
const vectorRows = 2_048

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
 * Reads a shard into a table in memory that spills to disk, after what texts occur in it, and sets rows aside that break the contract.
 * From then on `goodRows`, `writeParts` and `writeQuarantine` work on it. The connection must have one thread: rows keep their order.
 * @throws SlipwayError SOURCE_UNREADABLE, COLUMN_MISSING, COLUMN_TYPE
 */
export async function openShard(connection: DuckDBConnection, source: ShardSource): Promise<ShardRows> {
  const { table, from, expected, keep, duplicates } = source
  const open = await openTable(connection, table)
  await requireColumns(connection, open, table.format, keep)
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

/** Parquet lies in memory in its own types, so that what only passes through stays what it is; texts as numbers, which is quicker to read and to write. */
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

export interface PartsOrder {
  readonly folder: string
  readonly columns: readonly string[]
  readonly format: 'parquet' | 'csv'
  readonly partitionBy: readonly string[]
  /** What was read: of text, CSV is written as it was, and parquet by the columns' types. */
  readonly table: Pick<LocalTable, 'schema' | 'format'>
}

/** A file of the output. */
export interface WrittenPart {
  /** Relative to the folder it was written to. */
  readonly file: string
  /** Folders of the output it belongs into, `origin=ORD`; empty where it is not partitioned. */
  readonly partition: string
  readonly rows: number
}

/**
 * Writes the good rows with their predictions; one file, or one for every value of the partition's columns. All rows are counted
 * again in what was written.
 * @param predictions [good rows], in the shard's order
 */
export async function writeParts(
  connection: DuckDBConnection,
  predictions: Numbers,
  { folder, columns, format, partitionBy, table }: PartsOrder,
): Promise<WrittenPart[]> {
  const type = predictions instanceof Float64Array ? DOUBLE : FLOAT
  await connection.run(`CREATE TEMP TABLE predicted (${predictionColumn} ${type})`)
  const appender = await connection.createAppender('predicted')
  for (let at = 0; at < predictions.length; at += vectorRows) {
    const values = predictions.subarray(at, at + vectorRows)
    const chunk = DuckDBDataChunk.create([type], values.length)
    const vector = chunk.getColumnVector(0) as unknown as { items: Numbers; flush(): void }
    vector.items.set(values)
    vector.flush()
    appender.appendDataChunk(chunk)
  }
  appender.closeSync()
  // Rows of both tables lie in the order they were read in.
  const select = `SELECT ${columns.map((column) => `${outputSql(column, table, format)} AS ${name(column)}`).join(', ')}, p.${predictionColumn} FROM shard s POSITIONAL JOIN predicted p`
  const options = [
    format === 'csv' ? 'FORMAT csv, HEADER' : 'FORMAT parquet, COMPRESSION zstd',
    ...(partitionBy.length === 0 ? [] : [`PARTITION_BY (${partitionBy.map(name).join(', ')})`]),
  ]
  const single = `part.${format}`
  const target = partitionBy.length === 0 ? single : 'parts'
  await connection.run(`COPY (${select}) TO ${text(join(folder, target))} (${options.join(', ')})`)
  const files =
    partitionBy.length === 0
      ? [single]
      : (await readdir(join(folder, target), { recursive: true }))
          .filter((file) => file.endsWith(`.${format}`))
          .sort()
          .map((file) => join(target, file))
  const parts: WrittenPart[] = []
  for (const file of files) {
    const partition = partitionBy.length === 0 ? '' : relative(target, dirname(file))
    parts.push({ file, partition, rows: await countRows(connection, join(folder, file), format) })
  }
  const written = parts.reduce((sum, { rows }) => sum + rows, 0)
  if (written !== predictions.length)
    throw new Error(`${predictions.length} rows were scored and ${written} written: nothing is published`)
  return parts
}

/** A column of the output as it was in the input. */
function outputSql(column: string, { schema, format }: PartsOrder['table'], write: 'parquet' | 'csv'): string {
  const rule = schema.find((each) => each.name === column)
  if (format === 'parquet' || rule === undefined) return `s.${name(column)}`
  if (write === 'csv') return `s.${name(`raw:${column}`)}`
  return rule.type === 'integer' ? `s.${name(column)}::BIGINT` : `s.${name(column)}`
}

/** Rows of a file of the output. */
export async function countRows(
  connection: DuckDBConnection,
  path: string,
  format: 'parquet' | 'csv',
): Promise<number> {
  if (format === 'csv')
    return (await scanCsv({ path, name: path, compression: 'none' }, { delimiter: ',', header: true })).rows
  const [row] = await rowsOf(connection, `SELECT count(*) AS rows FROM read_parquet(${text(path)})`)
  return Number(row?.rows)
}

/** Writes the rows that were set aside as they were read, with the file, their row number and the reasons. */
export async function writeQuarantine(
  connection: DuckDBConnection,
  table: Pick<LocalTable, 'schema' | 'format'>,
  from: string,
  file: string,
): Promise<void> {
  const columns = table.schema.map(({ name: column }) =>
    table.format === 'parquet' ? name(column) : `${name(`raw:${column}`)} AS ${name(column)}`,
  )
  await connection.run(
    `COPY (SELECT ${text(from)} AS source_file, "row:" AS source_row, "reasons:" AS reasons, ${columns.join(', ')} FROM bad ORDER BY "row:") TO ${text(file)} (FORMAT parquet, COMPRESSION zstd)`,
  )
}

/** Where a row that breaks the contract stands, for a message. */
export async function firstBadRow(connection: DuckDBConnection): Promise<{ row: number; reasons: string }> {
  const [first] = await rowsOf(
    connection,
    `SELECT "row:" AS row, "reasons:" AS reasons FROM bad ORDER BY "row:" LIMIT 1`,
  )
  return { row: Number(first?.row), reasons: String(first?.reasons) }
}

/**
 * Writes the rows whose keys occurred before, in the order of files and rows, among those that keep the contract. A key with a part that
 * is missing is like no other.
 * @returns how many
 */
export async function writeDuplicates(
  connection: DuckDBConnection,
  table: LocalTable,
  keys: readonly string[],
  file: string,
): Promise<number> {
  const open = await openTable(connection, table)
  await requireColumns(connection, open, table.format, keys)
  const relation: CheckedRelation = {
    sql: await relationOf(connection, open, { raw: true, position: true, keys }),
    schema: table.schema,
    mistyped: mistypedIn(open),
    mayHaveProblems: table.format !== 'parquet',
  }
  const rules = await findBroken(connection, relation)
  await addRepeated(connection, relation, rules, keys)
  await connection.run(
    `COPY (SELECT file, row FROM ${brokenTable} WHERE rule = ${rules.length - 1} ORDER BY file, row) TO ${text(file)} (FORMAT parquet)`,
  )
  const [row] = await rowsOf(connection, `SELECT count(*) AS rows FROM read_parquet(${text(file)})`)
  return Number(row?.rows)
}
