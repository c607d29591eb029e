import { randomUUID } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type DuckDBConnection, DuckDBInstance } from '@duckdb/node-api'
import { text } from '../definition/contract/sql.ts'

import { withoutValues } from './said-by.ts'

export { name, text } from '../definition/contract/sql.ts'

/**
 * An in-memory DuckDB for one piece of work. One thread where bytes or sums of floating-point numbers must come out the
 * same every time; more where only exact results are read.
 */
export async function withDuckDb<T>(threads: number, work: (connection: DuckDBConnection) => Promise<T>): Promise<T> {
  const instance = await DuckDBInstance.create(':memory:', { threads: String(threads) })
  try {
    return await withConnection(instance, work)
  } finally {
    instance.closeSync()
  }
}

/** Folders for files of a connection, which end with it. */
const folders = new WeakMap<DuckDBConnection, Promise<string>>()

/** A path for a file that a piece of work needs beside its database; it goes with the connection. */
export async function scratchFile(connection: DuckDBConnection): Promise<string> {
  const folder = folders.get(connection) ?? mkdtemp(join(tmpdir(), 'slipway-table-'))
  folders.set(connection, folder)
  return join(await folder, randomUUID())
}

async function withConnection<T>(
  instance: DuckDBInstance,
  work: (connection: DuckDBConnection) => Promise<T>,
): Promise<T> {
  const connection = await instance.connect()
  try {
    // Timestamps are what the file says, in UTC, wherever this runs.
    await connection.run("SET TimeZone = 'UTC'")
    // It takes time in the square of the columns: 2,000 columns that say a cast twice are planned for seconds.
    await connection.run("SET disabled_optimizers = 'common_subexpressions'")
    return await work(connection)
  } catch (error) {
    throw plain(error)
  } finally {
    connection.closeSync()
    const folder = await folders.get(connection)
    if (folder !== undefined) await rm(folder, { recursive: true, force: true })
  }
}

/** What DuckDB says of rows and nobody foresaw, without what stands in them: it goes into histories and logs. */
function plain(error: unknown): unknown {
  const said = error instanceof Error ? withoutValues(error.message) : undefined
  return said === undefined ? error : new Error(`DuckDB: ${said}`)
}

let kept: Promise<DuckDBInstance> | undefined

/**
 * The same with one thread, in a database that this thread of ours keeps for the next piece of work: starting one takes
 * longer than reading a shard. What is temporary goes with the work; nothing else may be made.
 * @param spill folder for what does not fit into memory, of the first piece of work
 */
export async function withKeptDuckDb<T>(spill: string, work: (connection: DuckDBConnection) => Promise<T>): Promise<T> {
  kept ??= DuckDBInstance.create(':memory:', { threads: '1', memory_limit: '1GB', temp_directory: spill })
  const instance = await kept.catch((error) => {
    // What kept it from starting, such as too many open files, passes.
    kept = undefined
    throw error
  })
  return withConnection(instance, work)
}

/** The rows of a query as objects; big integers become numbers. */
export async function rowsOf(connection: DuckDBConnection, sql: string): Promise<Record<string, unknown>[]> {
  const result = await connection.runAndReadAll(sql)
  return result
    .getRowObjectsJS()
    .map((row) => Object.fromEntries(Object.entries(row).map(([name, value]) => [name, asPlain(value)])))
}

function asPlain(value: unknown): unknown {
  if (typeof value === 'bigint') return Number(value)
  if (Array.isArray(value)) return value.map(asPlain)
  return value
}

/** A moment as a TIMESTAMP literal, UTC. @param ms since 1970 */
export function timestamp(ms: number): string {
  return `TIMESTAMP ${text(new Date(ms).toISOString().replace('Z', ''))}`
}

/**
 * A number as a DOUBLE literal, to the last bit: `0.1234…` would be a DECIMAL, and come out of that one bit off now and
 * then.
 */
export function double(value: number): string {
  return Number.isFinite(value) ? value.toExponential() : `'${value}'::DOUBLE`
}
