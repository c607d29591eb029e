import type { DuckDBConnection } from '@duckdb/node-api'
import { typeInWords } from '../definition/contract/words.ts'
import { SlipwayError } from '../formats/errors.ts'
import type { ColumnRule } from '../formats/row-schema.ts'
import { rowsOf } from './duckdb.ts'
import { fits, numeric } from './select.ts'
import { type LocalTable, type OpenTable, openTable, type Scanned, unreadable } from './table.ts'
import { type FoundColumn, type FoundFiles, fileColumn, nameOf, rowColumn, type TableFile } from './table-file.ts'

/**
 * Makes sure that every file has the schema's columns, each of a type that fits, and more of them. A column without a
 * value fits any nullable one; in JSON a key may be left out.
 * @throws SlipwayError COLUMN_MISSING, COLUMN_TYPE
 */
export async function requireColumns(
  connection: DuckDBConnection,
  open: OpenTable,
  more: readonly string[] = [],
): Promise<void> {
  for (const part of open.parts) {
    const from = nameOf(part.files[0] as TableFile)
    const there = [...part.columns.keys()]
    for (const column of [...open.schema.map((rule) => rule.name), ...more]) {
      if (part.columns.has(column)) continue
      const isOptional =
        open.format === 'json' && part.rows > 0 && open.parts.some(({ columns }) => columns.has(column))
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
  const plain = first === undefined ? 'it has no value' : `row ${first.row} holds one`
  const holds = first === undefined ? plain : `row ${first.row} holds ${JSON.stringify(first.value)}`
  const says = `column "${rule.name}" of ${from} is ${found.type}, the schema says ${rule.type}`
  const isNumber = numeric.test(found.type)
  throw new SlipwayError('COLUMN_TYPE', `${says} (${plain})`, {
    column: rule.name,
    row: Number(first?.row ?? 1),
    rule: `type ${rule.type}`,
    inFull: rule.masked === true ? undefined : `${says} (${holds})`,
    next:
      rule.type === 'timestamp' && isNumber
        ? 'write the column as a timestamp: a number does not say its unit'
        : rule.type === 'string' && isNumber
          ? 'declare it z.int64() for ids, or z.number(), or write the column as text'
          : `correct the schema, or write the column as ${typeInWords(rule)}`,
  })
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
  await requireColumns(connection, open)
  if (open.rows === 0)
    throw new SlipwayError('SOURCE_EMPTY', `${from} has no rows`, { next: 'check where it comes from' })
  await requireWhole(connection, open)
  return open.rows
}

/** Columns that one statement counts. */
const columnsAtOnce = 250

/**
 * Reads every value once: a file that ends too early is found, which its footer would not tell, and rows are counted by
 * two who do not know of one another.
 */
async function requireWhole(connection: DuckDBConnection, open: OpenTable): Promise<void> {
  for (const part of open.parts) {
    const columns = open.schema.flatMap((rule) => part.columns.get(rule.name)?.sql ?? [])
    for (let at = 0; at < Math.max(1, columns.length); at += columnsAtOnce) {
      const counts = columns.slice(at, at + columnsAtOnce).map((column) => `count(${column})`)
      const [count] = await rowsOf(
        connection,
        `SELECT ${['count(*) AS rows', ...counts].join(', ')} FROM ${part.from}`,
      ).catch(unreadable(part.files, open.format))
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
