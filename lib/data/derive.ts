import { join } from 'node:path'
import type { DuckDBConnection } from '@duckdb/node-api'
import { SlipwayError } from '../formats/errors.ts'
import type { RowSchema } from '../formats/row-schema.ts'
import { name, rowsOf, text, withDuckDb } from './duckdb.ts'
import { interruptible } from './interrupt.ts'
import { type Query, readQuery } from './query.ts'
import { requireColumnsOf } from './result-columns.ts'
import { sentenceOf, withoutValues } from './said-by.ts'
import { fits, sqlType, typedSelect } from './select.ts'
import type { LocalTable } from './table.ts'

/** A table to be made by SQL. */
export interface DerivedTable extends Query {
  readonly schema: RowSchema
}

/**
 * Memory that DuckDB takes before it uses the folder: the same everywhere, for what goes there may change the order of
 * sums.
 */
const memory = '2GB'

/**
 * Tries the SQL of a table on empty tables: names, types and what it may not do are found before there is a row.
 * @param tables the schemas of the tables it reads, by the names it reads them under
 * @throws SlipwayError SQL_INVALID, TABLE_SCHEMA
 */
export async function checkQuery(query: DerivedTable, tables: Readonly<Record<string, RowSchema>>): Promise<void> {
  await withDuckDb(1, async (connection) => {
    for (const [table, schema] of Object.entries(tables)) {
      const columns = schema.map((rule) => `${name(rule.name)} ${sqlType[rule.type]}`)
      await connection.run(`CREATE TEMP TABLE ${name(table)} (${columns.join(', ')})`)
    }
    await lock(connection, [], [])
    await selectOfQuery(connection, query, Object.keys(tables))
  })
}

/**
 * Makes a table by SQL, in a database that reaches its tables' files and a folder and nothing else: no other file, no
 * network, no setting. One thread, a fixed memory and a total order: the same rows give the same bytes on every
 * machine.
 * @param tables what it reads, by the names it reads them under
 * @param file where it is written, parquet, in `folder`
 * @param signal stops the query
 * @returns its rows
 * @throws SlipwayError SQL_INVALID, TABLE_SCHEMA, TABLE_FAILED
 */
export async function deriveTable(
  query: DerivedTable,
  tables: Readonly<Record<string, LocalTable>>,
  { folder, file, signal }: { readonly folder: string; readonly file: string; readonly signal?: AbortSignal },
): Promise<number> {
  return withDuckDb(1, (connection) =>
    interruptible(connection, signal, async () => {
      const paths: string[] = []
      const columns = Object.values(tables).flatMap(({ schema }) => schema.map((rule) => rule.name))
      for (const [i, [table, local]] of Object.entries(tables).entries()) {
        const typed = await asParquet(connection, local, join(folder, `${i}.parquet`))
        paths.push(...typed.paths)
        await connection.run(`CREATE TEMP VIEW ${name(table)} AS ${typed.sql}`)
      }
      await lock(connection, paths, [folder])
      const select = await selectOfQuery(connection, query, Object.keys(tables))
      await connection
        .run(`COPY (${select}) TO ${text(file)} (FORMAT parquet, COMPRESSION zstd)`)
        .catch(failed(query, columns))
      const [written] = await rowsOf(connection, `SELECT count(*) AS rows FROM read_parquet(${text(file)})`)
      return Number(written?.rows)
    }),
  )
}

/** A table as SQL over parquet files: text is read once, before the database is locked. */
async function asParquet(
  connection: DuckDBConnection,
  table: LocalTable,
  file: string,
): Promise<{ readonly sql: string; readonly paths: readonly string[] }> {
  const sql = await typedSelect(connection, table)
  if (table.format === 'parquet')
    return { sql, paths: table.files.map((each) => (typeof each === 'string' ? each : each.path)) }
  await connection.run(`COPY (${sql}) TO ${text(file)} (FORMAT parquet)`)
  return { sql: `SELECT * FROM read_parquet(${text(file)})`, paths: [file] }
}

/** Leaves a database some files and folders, and takes everything else away for good. */
async function lock(connection: DuckDBConnection, paths: readonly string[], folders: readonly string[]): Promise<void> {
  const list = (all: readonly string[]): string => `[${all.map(text).join(', ')}]`
  await connection.run(`SET memory_limit = ${text(memory)}`)
  const [folder] = folders
  await connection.run(`SET temp_directory = ${text(folder === undefined ? '' : join(folder, 'spill'))}`)
  await connection.run(`SET allowed_paths = ${list(paths)}`)
  await connection.run(`SET allowed_directories = ${list(folders.map((each) => `${each}/`))}`)
  for (const setting of ['enable_external_access = false', 'lock_configuration = true'])
    await connection.run(`SET ${setting}`)
}

/** The SQL of a table's columns in their types and its rows in their order, after trying what its columns are. */
async function selectOfQuery(
  connection: DuckDBConnection,
  query: DerivedTable,
  tables: readonly string[],
): Promise<string> {
  const { schema } = query
  const { sql, isOrdered } = await readQuery(connection, query, tables).catch(invalid(query))
  const prepared = await connection.prepare(sql).catch(invalid(query))
  const made = Array.from({ length: prepared.columnCount }, (_, i) => ({
    name: prepared.columnName(i),
    type: prepared.columnType(i).toString(),
  }))
  prepared.destroySync()
  requireColumnsOf(schema, made, `table "${query.name}"`, (rule, type) => fits[rule.type].test(type))
  const columns = schema.map((rule) => `${name(rule.name)}::${sqlType[rule.type]} AS ${name(rule.name)}`)
  return `SELECT ${columns.join(', ')} FROM (\n${sql}\n)${isOrdered ? '' : ' ORDER BY ALL'}`
}

/** What DuckDB says of a query that it cannot understand. @throws SlipwayError SQL_INVALID */
function invalid({ name: table }: DerivedTable): (error: unknown) => never {
  return (error) => {
    if (error instanceof SlipwayError) throw error
    const { what, nearest } = saidBy(error)
    throw new SlipwayError('SQL_INVALID', `the SQL of table "${table}": ${what}`, {
      next: nearest === undefined ? 'correct it there' : `did you mean ${nearest}?`,
    })
  }
}

/**
 * What DuckDB says of rows that a query cannot go through with. What somebody's own `error(…)` says may be made of
 * values, and is no different from what DuckDB says: neither is passed on.
 * @param columns that may be named
 * @throws SlipwayError TABLE_FAILED
 */
function failed({ name: table }: DerivedTable, columns: readonly string[]): (error: unknown) => never {
  return (error) => {
    if (error instanceof SlipwayError) throw error
    const { message } = error as Error
    const what = `the SQL of table "${table}" fails on its rows: `
    const said = withoutValues(message, columns)
    throw new SlipwayError('TABLE_FAILED', `${what}${said ?? saidBy(error).what}`, {
      inFull: said === undefined ? undefined : `${what}${sentenceOf(message)}`,
      next: 'mend the SQL (TRY_CAST gives null where a value does not convert), or set such rows aside by p.validate before',
    })
  }
}

/** What DuckDB says: the sentence, and the name that is most like one it does not know. */
function saidBy(error: unknown): { readonly what: string; readonly nearest: string | undefined } {
  const [first = '', ...lines] = String((error as Error).message).split('\n')
  const nearest = /(?:Candidate bindings: (?:: )?|Did you mean )"([^"]+)"/.exec(lines.join('\n'))?.[1]
  return { what: first.replace(/^\w+ Error: /, ''), nearest: nearest === undefined ? undefined : `"${nearest}"` }
}
