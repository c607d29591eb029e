import type { DuckDBConnection } from '@duckdb/node-api'
import { type SqlColumn, sqlColumn } from '../pipelines/contract/sql.ts'
import { typeInWords } from '../pipelines/contract/words.ts'
import { SlipwayError } from '../pipelines/errors.ts'
import type { ColumnRule, RowSchema } from '../pipelines/row-schema.ts'
import { name, rowsOf, scratchFile, text } from './duckdb.ts'
import { keyText } from './keys.ts'
import { readCsv } from './read-csv.ts'
import { readJson } from './read-json.ts'
import { type RowRange, readParquet } from './read-parquet.ts'
import {
  type FoundColumn,
  type FoundFiles,
  fileColumn,
  nameOf,
  problemColumn,
  rowColumn,
  type TableFile,
} from './table-file.ts'
import type { CsvDialect } from './text-files.ts'

/** A table as local files: what a snapshot or a table bundle names, downloaded. */
export interface LocalTable {
  /** In the order of their rows. */
  readonly files: readonly (string | TableFile)[]
  readonly format: 'parquet' | 'csv' | 'json'
  readonly schema: RowSchema
  readonly rows: number
  /** Of CSV; commas and a header by default. */
  readonly dialect?: CsvDialect
  /** Rows of one parquet file. */
  readonly range?: RowRange
}

/** What of a table says how its files are read. */
export type Scanned = Pick<LocalTable, 'files' | 'format' | 'dialect' | 'range'>

const commas: CsvDialect = { delimiter: ',', header: true }
const filesOf = ({ files }: Scanned): TableFile[] =>
  files.map((file) => (typeof file === 'string' ? { path: file } : file))

/** A table whose files were looked at: what there is, by its own names and types. */
export interface OpenTable {
  readonly schema: RowSchema
  readonly parts: readonly FoundFiles[]
  readonly files: readonly TableFile[]
  /** Rows, counted independently of who reads the values. */
  readonly rows: number
}

/**
 * Looks at the files of a table, each by itself: nothing is guessed from a sample, and no file decides for another one.
 * @throws SlipwayError SOURCE_UNREADABLE, COLUMN_MISSING
 */
export async function openTable(
  connection: DuckDBConnection,
  table: Scanned & Pick<LocalTable, 'schema'>,
): Promise<OpenTable> {
  const files = filesOf(table)
  const failed = unreadable(files, table.format)
  const found: FoundFiles[] = []
  if (table.format === 'parquet') found.push(...(await readParquet(connection, files, table.range).catch(failed)))
  else {
    const names = table.schema.map((rule) => rule.name)
    for (const [i, file] of files.entries()) {
      const inFile = names.filter((column) => file.partition?.[column] === undefined)
      found.push(
        table.format === 'json'
          ? await readJson(connection, file, i).catch(failed)
          : await readCsv(connection, file, i, table.dialect ?? commas, inFile).catch(failed),
      )
    }
  }
  const parts = found.map(withFolders)
  return { schema: table.schema, parts, files, rows: parts.reduce((sum, { rows }) => sum + rows, 0) }
}

/** Columns that folders name are there too, as cells with one value. */
function withFolders(found: FoundFiles): FoundFiles {
  const folders = Object.entries(found.files[0]?.partition ?? {})
  if (folders.length === 0) return found
  const columns = new Map<string, FoundColumn>(found.columns)
  for (const [column, value] of folders)
    columns.set(column, { sql: value === null ? 'NULL::VARCHAR' : text(value), type: '', carrier: 'cell' })
  return { ...found, columns }
}

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

/** The SQL that reads an open table by its schema: every column as its contract means it, null where it is missing or no value of its type. */
export function selectOf(
  open: OpenTable,
  { raw = false, position = false, more = [], keys = [] }: Wanted = {},
): string {
  const selects = open.parts.map((part) => {
    const columns = open.schema.flatMap((rule) => {
      const { value, raw: own } = columnOf(rule, part)
      const shared = isMixed(open, rule.name) ? byValue(own, part.columns.get(rule.name)) : own
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
 * `selectOf` as a relation that is asked several times: text is read and understood once, into a file that goes with the connection.
 */
export async function relationOf(connection: DuckDBConnection, open: OpenTable, wanted: Wanted): Promise<string> {
  const select = selectOf(open, wanted)
  const isTyped = open.parts.every(({ columns }) => [...columns.values()].every(({ carrier }) => carrier === 'typed'))
  if (isTyped) return `(${select})`
  const file = await scratchFile(connection)
  await connection.run(`COPY (${select}) TO ${text(file)} (FORMAT parquet)`).catch(unreadable(open.files, 'csv'))
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

/** A value as text that is the same for the same value, whatever type it lies in. */
function byValue(sql: string, found: FoundColumn | undefined): string {
  const type = found?.type ?? ''
  if (type === 'FLOAT' || type === 'DOUBLE')
    return `CASE WHEN ${sql} = trunc(${sql}) AND abs(${sql}) < 1e18 THEN (${sql})::HUGEINT::VARCHAR ELSE (${sql})::VARCHAR END`
  if (type.startsWith('DECIMAL')) return keyText(type, `(${sql})`)
  return `(${sql})::VARCHAR`
}

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
  return isMixed(open, column) ? byValue(own, found) : own
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

const sqlType: Record<ColumnRule['type'], string> = {
  number: 'DOUBLE',
  integer: 'DOUBLE',
  bigint: 'VARCHAR',
  boolean: 'BOOLEAN',
  string: 'VARCHAR',
  timestamp: 'TIMESTAMP',
}
const whole = 'TINYINT|SMALLINT|INTEGER|BIGINT|HUGEINT|UTINYINT|USMALLINT|UINTEGER|UBIGINT|UHUGEINT'
const numeric = new RegExp(`^(${whole}|FLOAT|DOUBLE|DECIMAL.*)$`)
const fits: Record<ColumnRule['type'], RegExp> = {
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

/** Turns what a library says of a file into an error of the file's, whole. @throws SlipwayError SOURCE_UNREADABLE */
export function unreadable(
  files: readonly (string | TableFile)[],
  format: LocalTable['format'],
): (error: unknown) => never {
  return (error) => {
    if (error instanceof SlipwayError) throw error
    const known = files.map((file) => (typeof file === 'string' ? { path: file } : file))
    const lines = String((error as Error).message)
      .split('\n')
      .map((line) => line.trim())
      .filter((line) => line !== '')
    let why = lines.join('; ')
    const named = known.find(({ path }) => why.includes(path)) ?? (known.length === 1 ? known[0] : undefined)
    for (const file of known) why = why.replaceAll(file.path, nameOf(file))
    const from = named === undefined ? `one of ${known.length} files` : nameOf(named)
    throw new SlipwayError('SOURCE_UNREADABLE', `${from} cannot be read as ${format}: ${why.slice(0, 1_000)}`, {
      next: 'check that the file is whole',
    })
  }
}

/**
 * Makes sure that every file has the schema's columns, each of a type that fits, and more of them. A column without a value fits any
 * nullable one; in JSON a key may be left out.
 * @throws SlipwayError COLUMN_MISSING, COLUMN_TYPE
 */
export async function requireColumns(
  connection: DuckDBConnection,
  open: OpenTable,
  format: LocalTable['format'],
  more: readonly string[] = [],
): Promise<void> {
  for (const part of open.parts) {
    const from = nameOf(part.files[0] as TableFile)
    const there = [...part.columns.keys()]
    for (const column of [...open.schema.map((rule) => rule.name), ...more]) {
      if (part.columns.has(column)) continue
      const isOptional = format === 'json' && part.rows > 0 && open.parts.some(({ columns }) => columns.has(column))
      if (isOptional || part.rows === 0) continue
      throw columnMissing(from, column, there)
    }
    for (const rule of open.schema) {
      const found = part.columns.get(rule.name)
      if (found?.carrier !== 'typed' || fits[rule.type].test(found.type)) continue
      await requireNothing(connection, rule, part, found)
    }
  }
}

/** Words that people take for one another: `Customer ID`, `customer_id`. */
const plainName = (column: string): string => column.toLowerCase().replaceAll(/[^\p{L}\p{N}]/gu, '')

function columnMissing(from: string, column: string, there: readonly string[]): SlipwayError {
  const alike = there.find((each) => plainName(each) === plainName(column))
  const [only = ''] = there
  const other = there.length === 1 ? [...';\t|'].find((delimiter) => only.includes(delimiter)) : undefined
  const shown = there.length > 40 ? `${there.slice(0, 40).join(', ')} and ${there.length - 40} more` : there.join(', ')
  return new SlipwayError('COLUMN_MISSING', `${from} has no column "${column}"; it has ${shown}`, {
    column,
    columns: there.slice(0, 1_000),
    next:
      other !== undefined
        ? `its fields are parted by ${JSON.stringify(other)}: say delimiter: ${JSON.stringify(other)}`
        : alike === undefined
          ? 'correct the schema or the file'
          : `"${alike}" is not the same name: correct the schema or the file`,
  })
}

async function requireNothing(
  connection: DuckDBConnection,
  rule: ColumnRule,
  part: FoundFiles,
  found: FoundColumn,
): Promise<void> {
  const [first] = await rowsOf(
    connection,
    `SELECT ${fileColumn} AS file, ${rowColumn} AS row, ${found.sql}::VARCHAR AS value FROM ${part.from} WHERE ${found.sql} IS NOT NULL LIMIT 1`,
  )
  if (first === undefined && rule.nullable) return
  const from = nameOf(part.files[0] as TableFile)
  const holds = first === undefined ? 'it has no value' : `row ${first.row} holds ${JSON.stringify(first.value)}`
  const isNumber = numeric.test(found.type)
  throw new SlipwayError(
    'COLUMN_TYPE',
    `column "${rule.name}" of ${from} is ${found.type}, the schema says ${rule.type} (${holds})`,
    {
      column: rule.name,
      row: Number(first?.row ?? 1),
      rule: `type ${rule.type}`,
      next:
        rule.type === 'timestamp' && isNumber
          ? 'write the column as a timestamp: a number does not say its unit'
          : rule.type === 'string' && isNumber
            ? 'declare it z.int64() for ids, or z.number(), or write the column as text'
            : `correct the schema, or write the column as ${typeInWords(rule)}`,
    },
  )
}

/**
 * Counts the rows after making sure that the files can be read whole and have the schema's columns.
 * @throws SlipwayError SOURCE_UNREADABLE, SOURCE_EMPTY, COLUMN_MISSING, COLUMN_TYPE
 */
export async function inspect(
  connection: DuckDBConnection,
  table: Scanned & Pick<LocalTable, 'schema'>,
  from: string,
): Promise<number> {
  const open = await openTable(connection, table)
  await requireColumns(connection, open, table.format)
  if (open.rows === 0)
    throw new SlipwayError('SOURCE_EMPTY', `${from} has no rows`, { next: 'check where it comes from' })
  await requireWhole(connection, open, table.format)
  return open.rows
}

/** Columns that one statement counts. */
const columnsAtOnce = 250

/**
 * Reads every value once: a file that ends too early is found, which its footer would not tell, and rows are counted by two who do not
 * know of one another.
 */
async function requireWhole(
  connection: DuckDBConnection,
  open: OpenTable,
  format: LocalTable['format'],
): Promise<void> {
  for (const part of open.parts) {
    const columns = open.schema.flatMap((rule) => part.columns.get(rule.name)?.sql ?? [])
    for (let at = 0; at < Math.max(1, columns.length); at += columnsAtOnce) {
      const counts = columns.slice(at, at + columnsAtOnce).map((column) => `count(${column})`)
      const [count] = await rowsOf(
        connection,
        `SELECT ${['count(*) AS rows', ...counts].join(', ')} FROM ${part.from}`,
      ).catch(unreadable(part.files, format))
      const read = Number(count?.rows)
      if (read !== part.rows)
        throw new SlipwayError(
          'SOURCE_UNREADABLE',
          `${part.files.map(nameOf).slice(0, 3).join(', ')}: ${part.rows} rows are there and ${read} were read`,
          { next: 'check that the file is whole' },
        )
    }
  }
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
