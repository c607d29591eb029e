import type { DuckDBConnection } from '@duckdb/node-api'
import { SlipwayError } from '../pipelines/errors.ts'
import type { ColumnRule, RowSchema } from '../pipelines/row-schema.ts'
import { name, rowsOf, text } from './duckdb.ts'

/** A table as local files: what a snapshot or a table bundle names, downloaded. */
export interface LocalTable {
  readonly files: readonly string[]
  readonly format: 'parquet' | 'csv' | 'json'
  readonly schema: RowSchema
  readonly rows: number
  /** Of text, where the files' names do not say it. */
  readonly compression?: 'none' | 'gzip' | 'zstd'
  /** Columns with one value, which the files' folders name. */
  readonly partition?: Readonly<Record<string, string>>
  /** Rows of one parquet file, from (inclusive) to (exclusive). */
  readonly range?: { readonly from: number; readonly to: number }
}

/** What of a table says how its files are read. */
type Scanned = Pick<LocalTable, 'files' | 'format' | 'compression' | 'partition' | 'range'>

/** The DuckDB type a column is read as. */
const sqlType: Record<ColumnRule['type'], string> = {
  number: 'DOUBLE',
  integer: 'DOUBLE',
  boolean: 'BOOLEAN',
  string: 'VARCHAR',
  timestamp: 'TIMESTAMP',
}

const numeric = /^(TINYINT|SMALLINT|INTEGER|BIGINT|HUGEINT|UTINYINT|USMALLINT|UINTEGER|UBIGINT|FLOAT|DOUBLE|DECIMAL.*)$/
const fits: Record<ColumnRule['type'], RegExp> = {
  number: numeric,
  integer: numeric,
  boolean: /^BOOLEAN$/,
  string: /^(VARCHAR|ENUM.*|UUID)$/,
  timestamp: /^(TIMESTAMP.*|DATE)$/,
}

/** A FROM clause over the files as they are, types and all. Text in CSV stays text: the schema says what it means. */
export function scan(table: Scanned): string {
  const { partition, range } = table
  const files = scanFiles(table)
  const constants = Object.entries(partition ?? {}).map(([column, value]) => `${text(value)} AS ${name(column)}`)
  if (constants.length === 0 && range === undefined) return files
  // DuckDB reads only the row groups that hold such rows.
  const where = range === undefined ? '' : ` WHERE file_row_number >= ${range.from} AND file_row_number < ${range.to}`
  const columns = range === undefined ? '*' : '* EXCLUDE (file_row_number)'
  return `(SELECT ${[columns, ...constants].join(', ')} FROM ${files}${where})`
}

function scanFiles({ files, format, compression, range }: Scanned): string {
  const list = `[${files.map(text).join(', ')}]`
  if (format === 'parquet') return `read_parquet(${list}${range === undefined ? '' : ', file_row_number = true'})`
  const packed = compression === undefined || compression === 'none' ? '' : `, compression = ${text(compression)}`
  if (format === 'csv') return `read_csv(${list}, header = true, all_varchar = true${packed})`
  return `read_json(${list}, sample_size = -1, maximum_depth = 1${packed})`
}

/**
 * The SQL that reads a table by its schema: every column cast to its declared type, `NULL` where it is missing (NaN too)
 * or, in text formats, where it cannot be read as that type.
 * @param raw adds the uncast text of every column as `raw:<name>`
 */
export function typedSelect(table: Scanned & Pick<LocalTable, 'schema'>, raw = false): string {
  const columns = typedColumns(table, raw)
  return `SELECT ${columns.join(', ')} FROM ${scan(table)}`
}

/** The columns of `typedSelect`. */
export function typedColumns(table: Pick<LocalTable, 'format' | 'schema' | 'partition'>, raw = false): string[] {
  return table.schema.flatMap((rule) => {
    const isJson = table.format === 'json' && table.partition?.[rule.name] === undefined
    const column = isJson ? `(${name(rule.name)}::JSON->>'$')` : name(rule.name)
    const cast =
      table.format === 'parquet'
        ? `${column}::${sqlType[rule.type]}`
        : `TRY_CAST(nullif(${column}, '') AS ${sqlType[rule.type]})`
    const value =
      rule.type === 'number' || rule.type === 'integer' ? `CASE WHEN isnan(${cast}) THEN NULL ELSE ${cast} END` : cast
    const simple = table.format === 'parquet' && rule.type !== 'number' ? cast : value
    return raw && table.format !== 'parquet'
      ? [`${simple} AS ${name(rule.name)}`, `nullif(${column}, '') AS ${name(`raw:${rule.name}`)}`]
      : [`${simple} AS ${name(rule.name)}`]
  })
}

/** Turns what DuckDB says of a file into an error of the file's. @throws SlipwayError SOURCE_UNREADABLE */
export function unreadable(from: string, format: LocalTable['format']): (error: unknown) => never {
  return (error) => {
    const why = String((error as Error).message)
      .split('\n')[0]
      ?.replaceAll(/['"]?\/[^\s'"]+\/([^\s'"/]+)['"]?/g, '$1')
    throw new SlipwayError('SOURCE_UNREADABLE', `${from} cannot be read as ${format}: ${why}`, {
      next: 'check that the file is whole',
    })
  }
}

/**
 * Makes sure that the files can be read and have the schema's columns, and more of them.
 * @throws SlipwayError SOURCE_UNREADABLE, COLUMN_MISSING, COLUMN_TYPE
 */
export async function requireColumns(
  connection: DuckDBConnection,
  table: Scanned & Pick<LocalTable, 'schema'>,
  from: string,
  more: readonly string[] = [],
): Promise<void> {
  const failed = unreadable(from, table.format)
  const described = await rowsOf(connection, `DESCRIBE SELECT * FROM ${scan(table)}`).catch(failed)
  const types = new Map(described.map((row) => [row.column_name as string, row.column_type as string]))
  for (const column of [...table.schema.map((rule) => rule.name), ...more]) {
    if (types.has(column)) continue
    throw new SlipwayError(
      'COLUMN_MISSING',
      `${from} has no column "${column}"; it has ${[...types.keys()].join(', ')}`,
      { column, columns: [...types.keys()], next: 'correct the schema or the file' },
    )
  }
  for (const rule of table.schema) {
    const type = types.get(rule.name) as string
    const isConstant = table.partition?.[rule.name] !== undefined
    if (table.format === 'parquet' && !isConstant && !fits[rule.type].test(type)) {
      const [first] = await rowsOf(
        connection,
        `SELECT ${name(rule.name)}::VARCHAR AS value FROM ${scan(table)} LIMIT 1`,
      ).catch(failed)
      throw new SlipwayError(
        'COLUMN_TYPE',
        `column "${rule.name}" of ${from} is ${type}, the schema says ${rule.type} (row 1 holds ${JSON.stringify(first?.value ?? null)})`,
        {
          column: rule.name,
          row: 1,
          rule: `type ${rule.type}`,
          next: 'correct the schema, or write the column with its type',
        },
      )
    }
  }
}

/**
 * Counts the rows after making sure that the files can be read and have the schema's columns.
 * @throws SlipwayError SOURCE_UNREADABLE, SOURCE_EMPTY, COLUMN_MISSING, COLUMN_TYPE
 */
export async function inspect(
  connection: DuckDBConnection,
  table: Scanned & Pick<LocalTable, 'schema'>,
  from: string,
): Promise<number> {
  await requireColumns(connection, table, from)
  // Reading a column of every row finds a file that ends too early, which its footer would not tell.
  const [count] = await rowsOf(
    connection,
    `SELECT count(*) AS rows, ${table.schema.map((rule) => `count(${name(rule.name)})`).join(', ')} FROM ${scan(table)}`,
  ).catch(unreadable(from, table.format))
  const rows = Number(count?.rows ?? 0)
  if (rows === 0) throw new SlipwayError('SOURCE_EMPTY', `${from} has no rows`, { next: 'check where it comes from' })
  return rows
}

/** Writes a table in the order of a time column. */
export async function sortTable(
  connection: DuckDBConnection,
  table: LocalTable,
  column: string,
  file: string,
): Promise<LocalTable> {
  await connection.run(
    `COPY (SELECT * FROM (${typedSelect(table)}) ORDER BY ${name(column)}) TO ${text(file)} (FORMAT parquet)`,
  )
  return { ...table, files: [file], format: 'parquet' }
}
