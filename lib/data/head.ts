import { writeFile } from 'node:fs/promises'
import type { DuckDBConnection } from '@duckdb/node-api'
import { type CsvRecord, csvScanner, type Delimiter } from '../formats/csv.ts'
import { SlipwayError } from '../formats/errors.ts'
import { scratchFile } from './duckdb.ts'
import { requireColumns } from './inspect.ts'
import { type LocalTable, openTable, type Scanned } from './table.ts'
import { nameOf, type TableFile } from './table-file.ts'
import { textOf } from './text-files.ts'

/** Rows of a file that are looked at. */
const headRows = 256
/** Bytes of a text, unpacked, that are read for them; a text file up to this size is looked at whole. */
const headBytes = 1 << 20
/** Text files that are looked at: of each a part is read. Of parquet all footers are. */
const mostTexts = 20

/** The first rows of a source. */
export interface Head extends LocalTable {
  /** Whether these are all rows there are. */
  readonly whole: boolean
}

/**
 * Looks at the beginning of a source, as its columns are described there: parquet's footers and first rows, the first
 * rows of text. What is wrong already here is what a run would say of it.
 * @param from what messages call the source
 * @param isPart whether it has other files besides
 * @throws SlipwayError SOURCE_UNREADABLE, SOURCE_EMPTY, COLUMN_MISSING, COLUMN_TYPE
 */
export async function readHead(
  connection: DuckDBConnection,
  table: Scanned & Pick<LocalTable, 'schema'>,
  from: string,
  isPart = false,
): Promise<Head> {
  const files = table.files.map((file) => (typeof file === 'string' ? { path: file } : file))
  const head = table.format === 'parquet' ? undefined : await textHeads(connection, table, files.slice(0, mostTexts))
  const looked = { ...table, files: head?.files ?? files }
  const open = await openTable(connection, looked)
  const isWhole = !isPart && (head === undefined || (head.whole && files.length <= mostTexts))
  // A key of JSON may come later than in the rows that were read.
  await requireColumns(connection, open).catch((error) => {
    const mayCome = table.format === 'json' && !isWhole && error instanceof SlipwayError
    if (!mayCome || error.code !== 'COLUMN_MISSING') throw error
  })
  if (open.rows === 0 && isWhole)
    throw new SlipwayError('SOURCE_EMPTY', `${from} has no rows`, { next: 'check where it comes from' })
  const first = open.parts.find(({ rows }) => rows > 0)?.files[0] ?? (files[0] as TableFile)
  if (table.format === 'parquet') {
    const rows = Math.min(headRows, open.rows)
    return { ...table, files: [first], range: { from: 0, to: rows }, rows, whole: !isPart && open.rows === rows }
  }
  return { ...looked, rows: open.rows, whole: isWhole }
}

/** The beginnings of text files, as files of their own where they are long. */
async function textHeads(
  connection: DuckDBConnection,
  { format, dialect }: Scanned,
  files: readonly TableFile[],
): Promise<{ files: TableFile[]; whole: boolean }> {
  const heads: TableFile[] = []
  let whole = true
  for (const file of files) {
    const begun = await beginningOf(file)
    if (begun.whole) {
      heads.push(file)
      continue
    }
    whole = false
    const cut = format === 'json' ? cutJson(begun.bytes) : cutCsv(begun.bytes, dialect?.delimiter ?? ',')
    if (cut === undefined) continue
    const path = await scratchFile(connection)
    await writeFile(path, cut)
    heads.push({ ...file, path, name: nameOf(file), compression: 'none' })
  }
  return { files: heads, whole }
}

/** The first bytes of a text file, and whether they are all of it. @throws SlipwayError SOURCE_UNREADABLE */
async function beginningOf(file: TableFile): Promise<{ bytes: Buffer; whole: boolean }> {
  const chunks: Buffer[] = []
  let length = 0
  const { path, compression = 'none' } = file
  for await (const chunk of textOf({ path, name: nameOf(file), compression }, () => 1)) {
    chunks.push(chunk)
    length += chunk.length
    if (length >= headBytes) return { bytes: Buffer.concat(chunks), whole: false }
  }
  return { bytes: Buffer.concat(chunks), whole: true }
}

/** The records at the beginning of a CSV text that are there to their end; undefined where none is. */
function cutCsv(bytes: Buffer, delimiter: Delimiter): Buffer | undefined {
  const records: CsvRecord[] = []
  // Without its end the text's last record is not told.
  csvScanner(delimiter, (record) => void records.push(record), true).push(bytes)
  const lines = records.slice(0, headRows + 1).flatMap((record) => [record.bytes as Uint8Array, Buffer.from('\n')])
  return records.length < 2 ? undefined : Buffer.concat(lines)
}

/** The objects at the beginning of a JSON text that are there to their end, one a line; undefined where none is. */
function cutJson(bytes: Buffer): Buffer | undefined {
  const [open, close, brace, endBrace, mark, back] = [...'[]{}"\\'].map((c) => c.charCodeAt(0))
  const objects: Buffer[] = []
  let base: number | undefined
  let [depth, start] = [0, -1]
  let [inText, escaped] = [false, false]
  for (let at = 0; at < bytes.length && objects.length < headRows; at++) {
    const byte = bytes[at] as number
    if (inText) {
      if (escaped) escaped = false
      else if (byte === back) escaped = true
      else if (byte === mark) inText = false
      continue
    }
    if (base === undefined && byte > 0x20) base = byte === open ? 1 : 0
    if (byte === mark) inText = true
    else if (byte === open || byte === brace) {
      if (depth === base && byte === brace) start = at
      depth++
    } else if (byte === close || byte === endBrace) {
      depth--
      if (depth !== base || start < 0) continue
      // Within a text there is no line end, and elsewhere one means nothing.
      objects.push(
        Buffer.from(
          bytes
            .subarray(start, at + 1)
            .toString('utf8')
            .replaceAll(/[\r\n]/g, ' '),
        ),
      )
      start = -1
    }
  }
  return objects.length === 0 ? undefined : Buffer.concat(objects.flatMap((object) => [object, Buffer.from('\n')]))
}
