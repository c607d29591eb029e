import type { DuckDBConnection } from '@duckdb/node-api'
import { type SqlColumn, sqlColumn } from '../definition/contract/sql.ts'
import type { ColumnRule } from '../formats/row-schema.ts'
import { name, scratchFile, text } from './duckdb.ts'
import { keyText } from './keys.ts'
import { type LocalTable, type OpenTable, openTable, type Scanned, unreadable } from './table.ts'
import { type FoundColumn, type FoundFiles, fileColumn, problemColumn, rowColumn } from './table-file.ts'

/** What of an open table a query wants besides the values. */
export interface Wanted {
  /** What there was, in its own type, as `raw:<name>`. */
  readonly raw?: boolean
  /** `fileColumn`, `rowColumn` and `problemColumn`. */
  readonly position?: boolean
  /** Columns of the files, as they lie there, besides the schema's. */
  readonly more?: readonly string[]
  /** Columns to compare rows by, as `key:<name>`: by value, to the last digit. */
  readonly keys?: readonly string[]
}

/**
 * The SQL that reads an open table by its schema: every column as its contract means it, null where it is missing or no
 * value of its type.
 */
export function selectOf(
  open: OpenTable,
  { raw = false, position = false, more = [], keys = [] }: Wanted = {},
): string {
  const selects = open.parts.map((part) => {
    const columns = open.schema.flatMap((rule) => {
      const { value, raw: own } = columnOf(rule, part)
      const shared = isMixed(open, rule.name) ? keyText(part.columns.get(rule.name)?.type ?? '', `(${own})`) : own
      return [`${value} AS ${name(rule.name)}`, ...(raw ? [`${shared} AS ${name(`raw:${rule.name}`)}`] : [])]
    })
    const extra = [
      ...more.map((column) => `${ownSql(part.columns.get(column))} AS ${name(column)}`),
      ...keys.map((column) => `${keySql(open, column, part)} AS ${name(`key:${column}`)}`),
    ]
    const places = position ? [fileColumn, rowColumn, problemColumn] : []
    return `SELECT ${[...columns, ...extra, ...places].join(', ')} FROM ${part.from}`
  })
  return selects.join(' UNION ALL ')
}

/**
 * `selectOf` as a relation that is asked several times: text is read and understood once, into a file that goes with
 * the connection.
 */
export async function relationOf(connection: DuckDBConnection, open: OpenTable, wanted: Wanted): Promise<string> {
  const select = selectOf(open, wanted)
  if (open.format === 'parquet') return `(${select})`
  const file = await scratchFile(connection)
  await connection.run(`COPY (${select}) TO ${text(file)} (FORMAT parquet)`).catch(unreadable(open.files, open.format))
  return `read_parquet(${text(file)})`
}

/** A column as it lies there: of JSON what it says, of CSV its text. */
function ownSql(found: FoundColumn | undefined): string {
  if (found === undefined) return 'NULL'
  return found.carrier === 'json' ? `(${found.sql}->>'$')` : found.sql
}

/** Whether the files do not agree on a column's type: together, DuckDB would take one of them for all. */
const isMixed = ({ parts }: OpenTable, column: string): boolean =>
  new Set(parts.map(({ columns }) => columns.get(column)?.type)).size > 1

/** What rows are compared by: in typed files the value itself, in text what the column's type makes of it. */
function keySql(open: OpenTable, column: string, part: FoundFiles): string {
  const found = part.columns.get(column)
  const rule = open.schema.find((each) => each.name === column)
  if (found?.carrier !== 'typed')
    return rule === undefined ? `nullif(${ownSql(found)}, '')` : columnOf(rule, part).value
  const own =
    found.type === 'FLOAT' || found.type === 'DOUBLE'
      ? `CASE WHEN isnan(${found.sql}) THEN NULL ELSE ${found.sql} END`
      : found.sql
  return isMixed(open, column) ? keyText(found.type, `(${own})`) : own
}

/** A column of the schema in some files. */
export function columnOf(rule: ColumnRule, part: FoundFiles): SqlColumn {
  const found = part.columns.get(rule.name)
  if (found === undefined) return { value: `NULL::${sqlType[rule.type]}`, raw: 'NULL', mayMistype: false }
  if (found.carrier === 'typed' && !fits[rule.type].test(found.type)) {
    // Only a column without a value gets here past `requireColumns`; a value is never taken for nothing.
    const says = text(`column "${rule.name}" is ${found.type}, the schema says ${rule.type}`)
    return {
      value: `CASE WHEN ${found.sql} IS NOT NULL THEN error(${says}) END::${sqlType[rule.type]}`,
      raw: 'NULL',
      mayMistype: false,
    }
  }
  return sqlColumn(rule, found.carrier, found.sql, found.type)
}

/** The type that a column is read and written as. */
export const sqlType: Record<ColumnRule['type'], string> = {
  number: 'DOUBLE',
  integer: 'DOUBLE',
  bigint: 'VARCHAR',
  boolean: 'BOOLEAN',
  string: 'VARCHAR',
  timestamp: 'TIMESTAMP',
}
const whole = 'TINYINT|SMALLINT|INTEGER|BIGINT|HUGEINT|UTINYINT|USMALLINT|UINTEGER|UBIGINT|UHUGEINT'
export const numeric = new RegExp(`^(${whole}|FLOAT|DOUBLE|DECIMAL.*)$`)
export const fits: Record<ColumnRule['type'], RegExp> = {
  number: numeric,
  integer: numeric,
  bigint: new RegExp(`^(${whole}|FLOAT|DOUBLE|DECIMAL\\(\\d+,0\\)|VARCHAR)$`),
  boolean: /^BOOLEAN$/,
  string: /^(VARCHAR|ENUM.*|UUID)$/,
  timestamp: /^(TIMESTAMP.*|DATE)$/,
}

/** The SQL that reads a table by its schema: see `selectOf`. */
export async function typedSelect(
  connection: DuckDBConnection,
  table: Scanned & Pick<LocalTable, 'schema'>,
): Promise<string> {
  return selectOf(await openTable(connection, table))
}

/** Writes a table in the order of a time column. */
export async function sortTable(
  connection: DuckDBConnection,
  table: LocalTable,
  column: string,
  file: string,
): Promise<LocalTable> {
  await connection.run(
    `COPY (SELECT * FROM (${await typedSelect(connection, table)}) ORDER BY ${name(column)}) TO ${text(file)} (FORMAT parquet)`,
  )
  return { files: [file], format: 'parquet', schema: table.schema, rows: table.rows }
}
