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
}

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
export function scan({ files, format }: Pick<LocalTable, 'files' | 'format'>): string {
  const list = `[${files.map(text).join(', ')}]`
  if (format === 'parquet') return `read_parquet(${list})`
  if (format === 'csv') return `read_csv(${list}, header = true, all_varchar = true)`
  return `read_json(${list}, sample_size = -1, maximum_depth = 1)`
}

/**
 * The SQL that reads a table by its schema: every column cast to its declared type, `NULL` where it is missing (NaN too)
 * or, in text formats, where it cannot be read as that type.
 * @param raw adds the uncast text of every column as `raw:<name>`
 */
export function typedSelect(table: Pick<LocalTable, 'files' | 'format' | 'schema'>, raw = false): string {
  const columns = table.schema.flatMap((rule) => {
    const column = table.format === 'json' ? `(${name(rule.name)}::JSON->>'$')` : name(rule.name)
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
  return `SELECT ${columns.join(', ')} FROM ${scan(table)}`
}

/**
 * Counts the rows after making sure that the files can be read and have the schema's columns.
 * @throws SlipwayError SOURCE_UNREADABLE, SOURCE_EMPTY, COLUMN_MISSING, COLUMN_TYPE
 */
export async function inspect(
  connection: DuckDBConnection,
  table: Pick<LocalTable, 'files' | 'format' | 'schema'>,
  from: string,
): Promise<number> {
  const unreadable = (error: unknown): never => {
    const why = String((error as Error).message)
      .split('\n')[0]
      ?.replaceAll(/['"]?\/[^\s'"]+\/([^\s'"/]+)['"]?/g, '$1')
    throw new SlipwayError('SOURCE_UNREADABLE', `${from} cannot be read as ${table.format}: ${why}`, {
      next: 'check that the file is whole',
    })
  }
  const described = await rowsOf(connection, `DESCRIBE SELECT * FROM ${scan(table)}`).catch(unreadable)
  const types = new Map(described.map((row) => [row.column_name as string, row.column_type as string]))
  for (const rule of table.schema) {
    const type = types.get(rule.name)
    if (type === undefined) {
      throw new SlipwayError(
        'COLUMN_MISSING',
        `${from} has no column "${rule.name}"; it has ${[...types.keys()].join(', ')}`,
        {
          column: rule.name,
          columns: [...types.keys()],
          next: 'correct the schema or the file',
        },
      )
    }
    if (table.format === 'parquet' && !fits[rule.type].test(type)) {
      const [first] = await rowsOf(
        connection,
        `SELECT ${name(rule.name)}::VARCHAR AS value FROM ${scan(table)} LIMIT 1`,
      ).catch(unreadable)
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
  // Reading a column of every row finds a file that ends too early, which its footer would not tell.
  const [count] = await rowsOf(
    connection,
    `SELECT count(*) AS rows, ${table.schema.map((rule) => `count(${name(rule.name)})`).join(', ')} FROM ${scan(table)}`,
  ).catch(unreadable)
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
