import type { DuckDBConnection } from '@duckdb/node-api'
import { type Column, rowCount } from '../formats/columns.ts'
import { SlipwayError } from '../formats/errors.ts'
import { readMemory } from './columns.ts'
import { name, rowsOf } from './duckdb.ts'
import { isNumeric, isRounded, keyText, numberText } from './keys.ts'
import { openTable, type Scanned, unreadable } from './table.ts'
import { type FoundColumn, nameOf, rowColumn } from './table-file.ts'

/** A label as a file has it, a class as text; `at` in ms since 1970. */
export interface LabelRow {
  readonly label: number | string
  readonly requestId?: string
  readonly key?: string
  readonly row?: number
  readonly at?: number
}

/** How each column becomes what a label has, and which rows have it wrong. Text in CSV is read as what it says. */
const readers: Record<keyof LabelRow, (type: string, column: string) => { value: string; wrong: string }> = {
  label: (type, column) => number(type, column, `${column} IS NOT NULL AND`),
  row: (type, column) => number(type, column, `${column} IS NULL OR`),
  requestId: (type, column) => identity(type, column),
  key: (type, column) => identity(type, column),
  at: (type, column) => {
    if (isNumeric(type)) return number(type, column, `${column} IS NULL OR`)
    // With its offset: a cast to TIMESTAMP would drop it.
    const value = type === 'VARCHAR' ? `TRY_CAST(${column} AS TIMESTAMPTZ)` : `${column}::TIMESTAMPTZ`
    return { value: `epoch_ms(${value})::DOUBLE`, wrong: `${column} IS NOT NULL AND ${value} IS NULL` }
  },
}

function number(type: string, column: string, fine: string): { value: string; wrong: string } {
  const value =
    type === 'VARCHAR'
      ? `coalesce(TRY_CAST(${column} AS DOUBLE), TRY_CAST(${column} AS BOOLEAN)::INTEGER)`
      : `TRY_CAST(${column} AS DOUBLE)`
  return { value, wrong: `NOT coalesce(${fine} isfinite(${value}), false)` }
}

const identity = (type: string, column: string): { value: string; wrong: string } => ({
  value: keyText(type, column),
  wrong: `coalesce(${isRounded(type, column)}, false)`,
})

/** The name of a class: of a number its digits. */
function className(type: string, column: string): { value: string; wrong: string } {
  const { value, wrong } = identity(type, column)
  return { value, wrong: `${column} IS NULL OR ${wrong}` }
}

/**
 * Reads the labels of a file: columns `label`, and `requestId` or `key`, of text, whole numbers, floating point or
 * UUIDs; if there, `row` and `at`. Keys become text by value: 3000.0 is "3000"; so do labels that name classes.
 * @throws SlipwayError SOURCE_UNREADABLE, SOURCE_EMPTY, COLUMN_MISSING, COLUMN_TYPE with the row that is wrong
 */
export async function* readLabels(
  connection: DuckDBConnection,
  table: Scanned,
  areClasses = false,
): AsyncGenerator<LabelRow[]> {
  const { parts, files } = await openTable(connection, { ...table, schema: [] })
  const [part] = parts as [(typeof parts)[number]]
  const path = nameOf(files[0] as (typeof files)[number])
  const columns = (Object.keys(readers) as (keyof LabelRow)[]).filter((column) => part.columns.has(column))
  if (!columns.includes('label') || !(columns.includes('requestId') || columns.includes('key')))
    throw new SlipwayError(
      'COLUMN_MISSING',
      `${path} has ${columns.includes('label') ? 'neither a column requestId nor key' : 'no column "label"'}; it has ${[...part.columns.keys()].join(', ')}`,
      {
        columns: [...part.columns.keys()],
        next: 'say which prediction each label is of, and what became of it',
      },
    )
  const read = columns.map((column) => {
    const { own, type } = ownOf(part.columns.get(column) as FoundColumn, column)
    const reader = areClasses && column === 'label' ? className : readers[column]
    return { column, own, ...reader(type, own) }
  })
  const select = read.map(({ column, value }) => `${value} AS ${name(column)}`)
  const wrong = read.map(
    ({ column, own, wrong }) => `WHEN ${wrong} THEN {'column': '${column}', 'value': ${own}::VARCHAR}`,
  )
  await connection
    .run(
      `CREATE TEMP TABLE labels AS SELECT ${select.join(', ')}, ${rowColumn} AS "row:", CASE ${wrong.join(' ')} END AS "wrong:" FROM ${part.from}`,
    )
    .catch(unreadable(files, table.format))
  const [found = {}] = await rowsOf(
    connection,
    `SELECT count(*) AS rows, min("row:") FILTER (WHERE "wrong:" IS NOT NULL) AS row, arg_min("wrong:", "row:") AS wrong FROM labels`,
  )
  const rows = Number(found.rows)
  if (rows === 0) throw new SlipwayError('SOURCE_EMPTY', `${path} has no rows`, { next: 'check where it comes from' })
  if (found.row !== null) {
    const { column, value } = found.wrong as { column: string; value: string | null }
    const where = `${path}, row ${found.row}: ${column} is `
    throw new SlipwayError('COLUMN_TYPE', `${where}${value === null ? 'missing' : wrongWords(column, areClasses)}`, {
      row: Number(found.row),
      inFull: `${where}${value ?? 'missing'}`,
      next: 'labels are numbers (names of classes with --classes), times ISO; whole numbers past 2^53 are no floating point: write them as whole numbers or text',
    })
  }
  const schema = columns.map((column) => ({
    name: column,
    type: isText(column, areClasses) ? ('string' as const) : ('number' as const),
    nullable: true,
  }))
  for await (const chunk of readMemory(connection, 'labels', rows, schema, new Map()))
    yield Array.from({ length: rowCount(chunk) }, (_, i) => labelAt(chunk, i))
}

/** What is wrong with a value, without it. */
function wrongWords(column: string, areClasses: boolean): string {
  if (column === 'at') return 'no time'
  const isNumber = column === 'row' || (column === 'label' && !areClasses)
  return isNumber ? 'no number' : 'a whole number past 2^53 in floating point'
}

const isText = (column: keyof LabelRow, areClasses: boolean): boolean =>
  column === 'requestId' || column === 'key' || (areClasses && column === 'label')

/** A column as it lies there, with its type: of text, text. A key that JSON has as a number is one. */
function ownOf({ sql, type, carrier }: FoundColumn, column: string): { own: string; type: string } {
  if (carrier === 'typed') return { own: type === 'VARCHAR' ? `nullif(${sql}, '')` : sql, type }
  if (carrier !== 'json') return { own: `nullif(${sql}, '')`, type: 'VARCHAR' }
  const own = `(${sql}->>'$')`
  const isNumber = `json_type(${sql}) NOT IN ('VARCHAR', 'BOOLEAN')`
  return {
    own:
      column === 'key' || column === 'requestId'
        ? `CASE WHEN ${isNumber} THEN ${numberText(own)} ELSE ${own} END`
        : own,
    type: 'VARCHAR',
  }
}

function labelAt(chunk: Readonly<Record<string, Column>>, i: number): LabelRow {
  const [row, at] = [chunk.row?.[i] as number | undefined, chunk.at?.[i] as number | undefined]
  const [requestId, key] = [chunk.requestId?.[i] as string | null, chunk.key?.[i] as string | null]
  return {
    label: chunk.label?.[i] as number | string,
    ...(requestId == null ? {} : { requestId }),
    ...(key == null ? {} : { key }),
    ...(row === undefined || Number.isNaN(row) ? {} : { row }),
    ...(at === undefined || Number.isNaN(at) ? {} : { at }),
  }
}
