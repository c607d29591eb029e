import { open } from 'node:fs/promises'
import { decompress } from 'fzstd'
import { type FileMetaData, parquetMetadataAsync, parquetRead } from 'hyparquet'
import type { KeyPart } from './packed-table.ts'

/** Columns of some rows of a file, a value a row; undefined where one is missing. */
export type Chunk = Readonly<Record<string, readonly (KeyPart | undefined)[]>>

/**
 * Reads columns of a parquet file, a row group at a time: numbers, times as milliseconds since 1970, booleans as 0 and
 * 1, texts as UTF-8.
 * @param take gets every group and the number of its first row in the file
 * @throws Error where it is no such file
 */
export async function readParquet(
  path: string,
  columns: readonly string[],
  take: (chunk: Chunk, firstRow: number, rows: number) => void,
): Promise<void> {
  const handle = await open(path)
  try {
    const { size } = await handle.stat()
    const file = {
      byteLength: size,
      async slice(start: number, end = size): Promise<ArrayBuffer> {
        const bytes = new Uint8Array(end - start)
        await handle.read(bytes, 0, bytes.length, start)
        return bytes.buffer
      },
    }
    const metadata = await parquetMetadataAsync(file)
    let first = 0
    for (const { num_rows: count } of metadata.row_groups) {
      const rows = Number(count)
      if (rows > 0) take(await groupAt(file, metadata, columns, { first, rows }), first, rows)
      first += rows
    }
  } finally {
    await handle.close()
  }
}

interface Place {
  readonly first: number
  readonly rows: number
}

async function groupAt(
  file: Parameters<typeof parquetRead>[0]['file'],
  metadata: FileMetaData,
  columns: readonly string[],
  { first, rows }: Place,
): Promise<Chunk> {
  const chunk = Object.fromEntries(columns.map((column) => [column, new Array<KeyPart | undefined>(rows)]))
  const pieces: { columnName: string; columnData: ArrayLike<unknown>; rowStart: number }[] = []
  await parquetRead({
    file,
    metadata,
    columns: [...columns],
    rowStart: first,
    rowEnd: first + rows,
    compressors: { ZSTD: (input, length) => decompress(input, new Uint8Array(length)) },
    parsers: {
      stringFromBytes: (bytes) => bytes,
      timestampFromMilliseconds: Number,
      timestampFromMicroseconds: (time) => millisecondsOf(time, 1_000n),
      timestampFromNanoseconds: (time) => millisecondsOf(time, 1_000_000n),
    },
    onChunk: (piece) => pieces.push(piece as never),
  })
  for (const { columnName, columnData, rowStart } of pieces) {
    const values = chunk[columnName] as (KeyPart | undefined)[]
    for (let i = 0; i < columnData.length; i++) values[rowStart - first + i] = partOf(columnData[i])
  }
  return chunk
}

/** A time as DuckDB's epoch_ms has it: what is past a millisecond is cut off downwards. */
function millisecondsOf(time: bigint | undefined, unit: bigint): number | undefined {
  if (time === undefined || time === null) return undefined
  const whole = time / unit
  return Number(time % unit < 0n ? whole - 1n : whole)
}

function partOf(value: unknown): KeyPart | undefined {
  if (value === null || value === undefined) return undefined
  if (typeof value === 'number') return Number.isNaN(value) ? undefined : value
  if (typeof value === 'bigint') return Number(value)
  if (typeof value === 'boolean') return value ? 1 : 0
  if (value instanceof Uint8Array) return value
  throw new Error(`it holds a ${typeof value}`)
}
