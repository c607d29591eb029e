import type { DuckDBConnection } from '@duckdb/node-api'
import { SlipwayError } from '../formats/errors.ts'
import type { RowSchema } from '../formats/row-schema.ts'
import { problemIn } from './broken-rows.ts'
import { name, rowsOf, text, withDuckDb } from './duckdb.ts'
import { requireColumnsOf } from './result-columns.ts'
import { fits, relationOf } from './select.ts'
import { openTable } from './table.ts'
import { nameOf, problemColumn, type TableFile } from './table-file.ts'
import type { ProgramFormat } from './write-table.ts'

/** A table as a program made it. */
export interface MadeTable {
  /** In the order of their rows. */
  readonly files: readonly TableFile[]
  readonly format: ProgramFormat
  readonly schema: RowSchema
}

/**
 * Reads what a program made as a table of a schema, and writes it as one: the columns of the schema and no others, in
 * any order, and in them values of their types. What else its rows hold is checked by `p.validate`.
 * @param what what messages call the table
 * @param file where it is written, parquet
 * @returns its rows
 * @throws SlipwayError TABLE_SCHEMA; SOURCE_UNREADABLE, COLUMN_MISSING of files that are no tables
 */
export async function readMade(made: MadeTable, what: string, file: string): Promise<number> {
  const { schema, files } = made
  return withDuckDb(1, async (connection) => {
    const open = await openTable(connection, made)
    for (const { columns } of open.parts)
      requireColumnsOf(
        schema,
        [...columns].map(([column, { type }]) => ({ name: column, type })),
        what,
        (rule, type) => type === '' || fits[rule.type].test(type),
      )
    const relation = await relationOf(connection, open, { raw: true, position: true })
    await requireValues(connection, relation, made, what)
    const columns = schema.map((rule) => name(rule.name)).join(', ')
    await connection.run(
      `COPY (SELECT ${columns} FROM ${relation}) TO ${text(file)} (FORMAT parquet, COMPRESSION zstd)`,
    )
    const [written] = await rowsOf(connection, `SELECT count(*) AS rows FROM read_parquet(${text(file)})`)
    if (Number(written?.rows) !== open.rows)
      throw new SlipwayError(
        'TABLE_SCHEMA',
        `${what}: ${files.length} files have ${open.rows} rows, and ${written?.rows} were read`,
        {
          next: 'write plain CSV (commas, double quotes) or parquet',
        },
      )
    return open.rows
  })
}

/**
 * @throws SlipwayError TABLE_SCHEMA for the first cell that is no value of its type, and the first row of other width
 */
async function requireValues(
  connection: DuckDBConnection,
  relation: string,
  { schema, files }: MadeTable,
  what: string,
): Promise<void> {
  const faults = schema.map(
    ({ name: column }, i) => `WHEN ${name(column)} IS NULL AND ${name(`raw:${column}`)} IS NOT NULL THEN ${i}`,
  )
  const shown = schema.map(({ name: column }, i) => `WHEN ${i} THEN ${name(`raw:${column}`)}::VARCHAR`)
  const [bad] = await rowsOf(
    connection,
    `SELECT *, CASE fault ${shown.join(' ')} END AS shown FROM (
       SELECT *, CASE WHEN ${problemColumn} IS NOT NULL THEN -1 ${faults.join(' ')} END AS fault FROM ${relation}
     ) WHERE fault IS NOT NULL LIMIT 1`,
  )
  if (bad === undefined) return
  const at = `row ${bad['row:']} of ${nameOf(files[Number(bad['file:'])] as TableFile)}`
  const rule = schema[Number(bad.fault)]
  const next = 'correct the schema, or what the program writes'
  const problem = String(bad['problem:'])
  const hasMasked = schema.some(({ masked }) => masked === true)
  if (rule === undefined)
    throw new SlipwayError('TABLE_SCHEMA', `${what}: ${at} has ${problemIn(problem)}`, {
      inFull: hasMasked ? undefined : `${what}: ${at} has ${problem}`,
      next,
    })
  const says = `in "${rule.name}" (${at}), the schema says ${rule.type}`
  throw new SlipwayError('TABLE_SCHEMA', `${what} holds something else ${says}`, {
    inFull: rule.masked === true ? undefined : `${what} holds ${JSON.stringify(bad.shown)} ${says}`,
    next,
  })
}
