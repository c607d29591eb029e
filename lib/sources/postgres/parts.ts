import { join } from 'node:path'
import duckdb, { type Connection, type DataChunk } from '@duckdb/node-bindings'
import type { ColumnBuffer, TakenColumn } from './column-buffer.ts'

/** What a column is in a part: its type in DuckDB, and the one it is written as where that is another. */
export interface PartColumn {
  readonly buffer: ColumnBuffer
  readonly type: string
  readonly writtenAs?: string
}

/** Rows on their way to a part, at most `vectorRows`. */
export interface TakenRows {
  readonly rows: number
  readonly columns: readonly TakenColumn[]
}

const quoted = (name: string): string => `"${name.replaceAll('"', '""')}"`
const literal = (text: string): string => `'${text.replaceAll("'", "''")}'`

/**
 * Writes parts of a table to parquet files, in an in-memory DuckDB with one thread: the same rows give the same bytes.
 * DuckDB fetches them from a table function by its C interface, which takes columns as they lie in memory.
 */
export class PartWriter {
  private readonly database = duckdb.open(':memory:', oneThread())
  private readonly folder: string
  private readonly columns: readonly PartColumn[]
  private connection: Connection | undefined
  private waiting: TakenRows[] = []
  private count = 0

  constructor(folder: string, columns: readonly PartColumn[]) {
    this.folder = folder
    this.columns = columns
  }

  async open(): Promise<void> {
    const connection = await duckdb.connect(await this.database)
    const columns = this.columns.map(({ type }, i) => `c${i} ${type}`)
    await duckdb.query(connection, `CREATE TABLE shape (${columns.join(', ')})`)
    const shape = duckdb.appender_create(connection, null, 'shape')
    const types = this.columns.map((_, i) => duckdb.appender_column_type(shape, i))
    duckdb.appender_close_sync(shape)
    const rows = duckdb.create_table_function()
    duckdb.table_function_set_name(rows, 'arrived')
    duckdb.table_function_set_bind(rows, (info) => {
      for (const [i, type] of types.entries()) duckdb.bind_add_result_column(info, `c${i}`, type)
    })
    duckdb.table_function_set_init(rows, (info) => duckdb.init_set_max_threads(info, 1))
    duckdb.table_function_set_function(rows, (_, chunk) => fill(chunk, this.waiting.shift()))
    duckdb.register_table_function(connection, rows)
    this.connection = connection
  }

  /** @returns the file, which is whole when this ends */
  async write(rows: readonly TakenRows[]): Promise<string> {
    this.waiting = [...rows]
    const columns = this.columns.map(
      ({ buffer, type, writtenAs }, i) => `c${i}::${writtenAs ?? type} AS ${quoted(buffer.name)}`,
    )
    const file = join(this.folder, `part-${String(this.count++).padStart(5, '0')}.parquet`)
    const sql = `COPY (SELECT ${columns.join(', ')} FROM arrived()) TO ${literal(file)} (FORMAT parquet, COMPRESSION zstd)`
    await duckdb.query(this.connection as Connection, sql)
    return file
  }

  async close(): Promise<void> {
    if (this.connection !== undefined) duckdb.disconnect_sync(this.connection)
    duckdb.close_sync(await this.database)
  }
}

/** Copies rows into a chunk of DuckDB's; one without rows says that there are no more. */
function fill(chunk: DataChunk, taken: TakenRows | undefined): void {
  duckdb.data_chunk_set_size(chunk, taken?.rows ?? 0)
  for (const [i, { bytes, validity, longTexts, giveBack }] of (taken?.columns ?? []).entries()) {
    const vector = duckdb.data_chunk_get_vector(chunk, i)
    duckdb.copy_data_to_vector(vector, 0, bytes.buffer, 0, bytes.byteLength)
    giveBack()
    for (const { row, text } of longTexts) duckdb.vector_assign_string_element_len(vector, row, text)
    if (validity === undefined) continue
    duckdb.vector_ensure_validity_writable(vector)
    duckdb.copy_data_to_vector_validity(vector, 0, validity.buffer, 0, validity.byteLength)
  }
}

function oneThread(): ReturnType<typeof duckdb.create_config> {
  const config = duckdb.create_config()
  duckdb.set_config(config, 'threads', '1')
  return config
}
