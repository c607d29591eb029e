import type { Client } from 'pg'
import { SlipwayError } from '../../formats/errors.ts'
import type { PostgresAddress } from './address.ts'
import { ColumnBuffer, vectorRows } from './column-buffer.ts'
import { connect } from './connection.ts'
import { CopyOut } from './copy-out.ts'
import { type Description, describe } from './describe.ts'
import { postgresError } from './errors.ts'
import { PartWriter, type TakenRows } from './parts.ts'
import { RowReader } from './rows.ts'

/** A part ends with the row that reaches one of these, so the same rows give the same parts. */
export interface PartLimits {
  readonly rows: number
  /** Bytes as the server sends them. */
  readonly bytes: number
}

/** What one transaction saw of a table or query. */
export interface Snapshot {
  readonly name: string
  /** Parquet files, in the order of the rows. */
  readonly files: readonly string[]
}

/**
 * So that values which queries turn into text are the same whoever asks, and tables without order come from their
 * beginning.
 */
const settings = `SET LOCAL TimeZone = 'UTC'; SET LOCAL DateStyle = 'ISO, MDY'; SET LOCAL IntervalStyle = 'postgres';
SET LOCAL client_encoding = 'UTF8'; SET LOCAL bytea_output = 'hex'; SET LOCAL synchronize_seqscans = off`

/**
 * Reads a table or query into parquet files, in one transaction that sees one state of the database and changes
 * nothing. At most three parts are in memory.
 * @param silence ms without a byte from the server after which it counts as gone
 * @throws SlipwayError SOURCE_MISSING, SOURCE_EMPTY, SOURCE_UNREADABLE, COLUMN_TYPE, STORE_DENIED, STORE_UNREACHABLE
 */
export async function readSnapshot(
  address: PostgresAddress,
  folder: string,
  { silence, limits }: { silence: number; limits: PartLimits },
): Promise<Snapshot> {
  const client = await connect(address, silence)
  try {
    await client.query(`BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; ${settings}`)
    const description = await describe(client, address.reads)
    const files = await copyParts(client, description, folder, limits)
    if (files.length === 0)
      throw new SlipwayError('SOURCE_EMPTY', `${description.name} has no rows`, { next: 'check where it comes from' })
    return { name: description.name, files }
  } catch (error) {
    throw postgresError(address, error)
  } finally {
    await client.end().catch(() => {})
  }
}

/** @returns the files, none where there are no rows */
async function copyParts(
  client: Client,
  { sql, columns: described }: Description,
  folder: string,
  limits: PartLimits,
): Promise<string[]> {
  const columns = described.map(({ name, type }) => ({ ...type, buffer: new ColumnBuffer(name, type.width) }))
  const reader = new RowReader(columns)
  const writer = new PartWriter(folder, columns)
  const files: string[] = []
  let part: TakenRows[] = []
  let [filled, rows, bytes, waiting] = [0, 0, 0, 0]
  let written: Promise<void> = Promise.resolve()
  const take = (): void => {
    if (filled > 0) part.push({ rows: filled, columns: columns.map(({ buffer }) => buffer.take(filled)) })
    filled = 0
  }
  const endPart = (): void => {
    take()
    const whole = part
    ;[part, rows, bytes] = [[], 0, 0]
    waiting++
    if (waiting > 1) copy.pause()
    written = written.then(async () => {
      files.push(await writer.write(whole))
      waiting--
      copy.resume()
    })
    written.catch((error: Error) => copy.fail(error))
  }
  const copy = new CopyOut(`COPY (\n${sql}\n) TO STDOUT (FORMAT binary)`, (message, at, end) => {
    if (!reader.read(message, at, end, filled)) return
    filled++
    rows++
    bytes += end - at
    if (filled === vectorRows) take()
    if (rows >= limits.rows || bytes >= limits.bytes) endPart()
  })
  try {
    await writer.open()
    client.query(copy)
    await copy.done
    await client.end()
    if (rows > 0) endPart()
    await written
    return files
  } finally {
    await written.catch(() => {})
    await writer.close()
  }
}
