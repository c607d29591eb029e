import { readdir } from 'node:fs/promises'
import { dirname, join, relative } from 'node:path'
import { type DuckDBConnection, DuckDBDataChunk, FLOAT } from '@duckdb/node-api'
import type { Column } from '../pipelines/columns.ts'
import { SlipwayError } from '../pipelines/errors.ts'
import type { RowSchema } from '../pipelines/row-schema.ts'
import { readMemory, type TextValues, textType, textValues } from './columns.ts'
import { anyOf, reasonsOf, rowRulesOf } from './contract.ts'
import { name, rowsOf, text } from './duckdb.ts'
import { type LocalTable, requireColumns, scan, typedColumns, unreadable } from './table.ts'

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
}

/**
 * Reads a shard into a table in memory that spills to disk, after what texts occur in it, and sets rows aside that break the contract.
 * From then on `goodRows`, `writeParts` and `writeQuarantine` work on it. The connection must have one thread: rows keep their order.
 * @throws SlipwayError SOURCE_UNREADABLE, COLUMN_MISSING, COLUMN_TYPE
 */
export async function openShard(connection: DuckDBConnection, source: ShardSource): Promise<ShardRows> {
  const { table, from, expected, keep, duplicates } = source
  await requireColumns(connection, table, from, keep)
  const extra = keep.filter((column) => !table.schema.some((rule) => rule.name === column))
  const row = `rowid + ${table.range?.from ?? 0}`
  const columns = [...typedColumns(table, true), ...extra.map((column) => name(column))]
  const isParquet = table.format === 'parquet'
  const failed = unreadable(from, table.format)
  const texts = table.schema.filter(({ type }) => type === 'string').map((rule) => rule.name)
  const inFile = isParquet
    ? await textValues(connection, scan(table), texts).catch(failed)
    : new Map<string, TextValues>()
  // Texts are kept as numbers: quicker to read, and to write.
  const numbered = [...inFile].flatMap(([column, found]) =>
    found === undefined || found.values.length === 0 ? [] : [`${name(column)}::${textType(column)} AS ${name(column)}`],
  )
  const replaced = numbered.length === 0 ? '' : ` REPLACE (${numbered.join(', ')})`
  await connection
    .run(`CREATE TEMP TABLE shard AS SELECT *${replaced} FROM (SELECT ${columns.join(', ')} FROM ${scan(table)})`)
    .catch(failed)
  const values = isParquet ? inFile : await textValues(connection, 'shard', texts)
  const rules = table.schema.flatMap((rule) => rowRulesOf(rule, table.format, false))
  // What every text of a column keeps, every row of it keeps.
  const kept = new Set<string>()
  for (const [column, found] of inFile)
    if (found !== undefined && (await keepAll(connection, column, found, rules))) kept.add(column)
  const toCheck = rules.filter(({ column }) => !kept.has(column))
  const isRepeated =
    duplicates === undefined
      ? undefined
      : `${row} IN (SELECT row FROM read_parquet(${text(duplicates.path)}) WHERE file = ${duplicates.file})`
  const isBad = `${anyOf(toCheck)}${isRepeated === undefined ? '' : ` OR ${isRepeated}`}`
  // Apart: counted with FILTER, every rule would look at every row.
  const [count = {}] = await rowsOf(
    connection,
    `SELECT (SELECT count(*) FROM shard) AS rows, (SELECT count(*) FROM shard WHERE ${isBad}) AS bad`,
  )
  const [read, bad] = [Number(count.rows), Number(count.bad)]
  if (expected !== undefined && read !== expected)
    throw new SlipwayError('SOURCE_UNREADABLE', `${from} promises ${expected} rows and has ${read}`, {
      next: 'check that the file is whole',
    })
  if (bad === 0) return { read, good: read, reasons: {}, texts: values }
  const reasons = reasonsOf(rules)
  if (isRepeated !== undefined)
    reasons.push(`CASE WHEN ${isRepeated} THEN ${text(`${duplicates?.keys.join(', ')}: unique`)} END`)
  await connection.run(
    `CREATE TEMP TABLE judged AS SELECT *, ${row} AS "row:", list_filter([${reasons.join(', ')}], x -> x IS NOT NULL) AS "reasons:" FROM shard`,
  )
  await connection.run('DROP TABLE shard')
  await connection.run(
    `CREATE TEMP TABLE shard AS SELECT * EXCLUDE ("row:", "reasons:") FROM judged WHERE len("reasons:") = 0`,
  )
  await connection.run('CREATE TEMP TABLE bad AS SELECT * FROM judged WHERE len("reasons:") > 0')
  await connection.run('DROP TABLE judged')
  const found = await rowsOf(
    connection,
    'SELECT reason, count(*) AS rows FROM (SELECT unnest("reasons:") AS reason FROM bad) GROUP BY reason ORDER BY reason',
  )
  return {
    read,
    good: read - bad,
    reasons: Object.fromEntries(found.map(({ reason, rows }) => [String(reason), Number(rows)])),
    texts: values,
  }
}

/** Whether all texts of a column keep its rules. */
async function keepAll(
  connection: DuckDBConnection,
  column: string,
  { values, hasNull }: NonNullable<TextValues>,
  rules: ReturnType<typeof rowRulesOf>,
): Promise<boolean> {
  const own = rules.filter((rule) => rule.column === column)
  if (own.length === 0) return true
  const list = [...values.map(text), ...(hasNull ? ['NULL'] : [])].join(', ')
  const [row = {}] = await rowsOf(
    connection,
    `SELECT count(*) AS bad FROM (SELECT unnest([${list}]::VARCHAR[]) AS ${name(column)}) WHERE ${anyOf(own)}`,
  )
  return Number(row.bad) === 0
}

/** The good rows of a shard that was opened, chunk by chunk. */
export function goodRows(
  connection: DuckDBConnection,
  { good, texts }: ShardRows,
  columns: RowSchema,
): AsyncGenerator<Record<string, Column>> {
  return readMemory(connection, 'shard', good, columns, texts)
}

export interface PartsOrder {
  readonly folder: string
  readonly columns: readonly string[]
  readonly format: 'parquet' | 'csv'
  readonly partitionBy: readonly string[]
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
  predictions: Float32Array,
  { folder, columns, format, partitionBy }: PartsOrder,
): Promise<WrittenPart[]> {
  await connection.run(`CREATE TEMP TABLE predicted (${predictionColumn} FLOAT)`)
  const appender = await connection.createAppender('predicted')
  for (let at = 0; at < predictions.length; at += vectorRows) {
    const values = predictions.subarray(at, at + vectorRows)
    const chunk = DuckDBDataChunk.create([FLOAT], values.length)
    const vector = chunk.getColumnVector(0) as unknown as { items: Float32Array; flush(): void }
    vector.items.set(values)
    vector.flush()
    appender.appendDataChunk(chunk)
  }
  appender.closeSync()
  // Rows of both tables lie in the order they were read in.
  const select = `SELECT ${columns.map((column) => `s.${name(column)}`).join(', ')}, p.${predictionColumn} FROM shard s POSITIONAL JOIN predicted p`
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

/** Rows of a file of the output. */
export async function countRows(
  connection: DuckDBConnection,
  path: string,
  format: 'parquet' | 'csv',
): Promise<number> {
  const [row] = await rowsOf(connection, `SELECT count(*) AS rows FROM ${scan({ files: [path], format })}`)
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
    `COPY (SELECT ${text(from)} AS source_file, "row:" AS source_row, array_to_string("reasons:", '; ') AS reasons, ${columns.join(', ')} FROM bad ORDER BY "row:") TO ${text(file)} (FORMAT parquet, COMPRESSION zstd)`,
  )
}

/** Where a row that breaks the contract stands, for a message. */
export async function firstBadRow(connection: DuckDBConnection): Promise<{ row: number; reasons: string }> {
  const [first] = await rowsOf(
    connection,
    `SELECT "row:" AS row, array_to_string("reasons:", '; ') AS reasons FROM bad ORDER BY "row:" LIMIT 1`,
  )
  return { row: Number(first?.row) + 1, reasons: String(first?.reasons) }
}

/**
 * Writes the rows whose keys occurred before, in the order of files and rows.
 * @returns how many
 */
export async function writeDuplicates(
  connection: DuckDBConnection,
  tables: readonly LocalTable[],
  keys: readonly string[],
  file: string,
): Promise<number> {
  const columns = keys.map(name).join(', ')
  const each = tables.map(
    (table, i) =>
      `SELECT ${i} AS file, row_number() OVER () - 1 AS row, ${keys.map((key) => `${name(key)}::VARCHAR AS ${name(key)}`).join(', ')} FROM ${scan(table)}`,
  )
  await connection.run(
    `COPY (SELECT file, row FROM (SELECT file, row, row_number() OVER (PARTITION BY ${columns} ORDER BY file, row) AS times FROM (${each.join(' UNION ALL ')})) WHERE times > 1 ORDER BY file, row) TO ${text(file)} (FORMAT parquet)`,
  )
  const [row] = await rowsOf(connection, `SELECT count(*) AS rows FROM read_parquet(${text(file)})`)
  return Number(row?.rows)
}
