import { isUtf8 } from 'node:buffer'
import { once } from 'node:events'
import { createReadStream, createWriteStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { createGunzip } from 'node:zlib'
import { Decompress } from 'fzstd'
import { type CsvRecord, csvScanner, type Delimiter, fieldsOf, type LineEnd } from '../formats/csv.ts'
import { SlipwayError } from '../formats/errors.ts'

/** How the bytes of a file are packed. */
export type Compression = 'none' | 'gzip' | 'zstd'

export interface TextFile {
  readonly path: string
  /** What messages call it. */
  readonly name: string
  readonly compression: Compression
}

export interface CsvDialect {
  readonly delimiter: Delimiter
  /** Whether the first record names the columns. */
  readonly header: boolean
}

/** What a scan found of a CSV file. Rows are records behind the header, from 1. */
export interface CsvScan {
  /** The first record, where it is a header. */
  readonly header: readonly string[] | undefined
  /** Fields of the first record. */
  readonly width: number
  readonly rows: number
  /** The line end of all records; undefined where they are mixed, or CR. */
  readonly lineEnd: 'lf' | 'crlf' | undefined
  /** Bytes of the longest record. */
  readonly longest: number
  /** Whether any row has not as many fields as the first record, or text behind a closing quote. */
  readonly isRagged: boolean
}

/** The bytes of a file, unpacked. @throws SlipwayError SOURCE_UNREADABLE */
async function* bytesOf({ path, name, compression }: TextFile): AsyncGenerator<Buffer> {
  const stream = createReadStream(path, { highWaterMark: 1 << 20 })
  try {
    if (compression === 'gzip') yield* stream.pipe(createGunzip({ chunkSize: 1 << 20 })) as AsyncIterable<Buffer>
    else if (compression === 'zstd') {
      let unpacked: Buffer[] = []
      const unpack = new Decompress((chunk) => void unpacked.push(Buffer.from(chunk)))
      for await (const chunk of stream as AsyncIterable<Buffer>) {
        unpack.push(chunk)
        yield* unpacked
        unpacked = []
      }
      unpack.push(new Uint8Array(0), true)
      yield* unpacked
    } else yield* stream as AsyncIterable<Buffer>
  } catch (error) {
    throw unreadable(name, `${compression === 'none' ? 'it' : compression} cannot be read: ${(error as Error).message}`)
  } finally {
    stream.destroy()
  }
}

const unreadable = (file: string, why: string, next = 'check that the file is whole'): SlipwayError =>
  new SlipwayError('SOURCE_UNREADABLE', `${file}: ${why}`, { next })

/**
 * The bytes of a text, a mark of UTF-8 at its start taken off.
 * @throws SlipwayError SOURCE_UNREADABLE where it is no UTF-8
 */
export async function* textOf(file: TextFile, rowNow: () => number): AsyncGenerator<Buffer> {
  let rest: Buffer = Buffer.alloc(0)
  let isFirst = true
  for await (const chunk of bytesOf(file)) {
    let bytes = rest.length === 0 ? chunk : Buffer.concat([rest, chunk])
    if (isFirst && bytes.length < 4) {
      rest = bytes
      continue
    }
    if (isFirst) bytes = withoutMark(file, bytes)
    isFirst = false
    const whole = wholeCharacters(bytes)
    rest = bytes.subarray(whole)
    yield* checked(file, bytes.subarray(0, whole), rowNow)
  }
  if (rest.length > 0) yield* checked(file, isFirst ? withoutMark(file, rest) : rest, rowNow)
}

function withoutMark({ name }: TextFile, bytes: Buffer): Buffer {
  const [a, b, c] = bytes
  if ((a === 0xff && b === 0xfe) || (a === 0xfe && b === 0xff))
    throw unreadable(name, 'it is UTF-16', 'write it as UTF-8')
  return a === 0xef && b === 0xbb && c === 0xbf ? bytes.subarray(3) : bytes
}

/** How many bytes there are before a character that is cut off at the end. */
function wholeCharacters(bytes: Buffer): number {
  for (let back = 1; back <= Math.min(3, bytes.length); back++) {
    const byte = bytes[bytes.length - back] as number
    if (byte < 0x80) return bytes.length
    if (byte >= 0xc0) {
      const size = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2
      return size > back ? bytes.length - back : bytes.length
    }
  }
  return bytes.length
}

function* checked({ name }: TextFile, bytes: Buffer, rowNow: () => number): Generator<Buffer> {
  if (isUtf8(bytes)) {
    yield bytes
    return
  }
  let [good, bad] = [0, bytes.length]
  while (bad - good > 1) {
    const middle = (good + bad) >> 1
    // A cut within a character proves nothing: the good part ends before it.
    if (isUtf8(bytes.subarray(0, wholeCharacters(bytes.subarray(0, middle))))) good = middle
    else bad = middle
  }
  // The part that is good may end with the byte that begins no character.
  good = wholeCharacters(bytes.subarray(0, good))
  yield bytes.subarray(0, good)
  const byte = `0x${(bytes[good] as number).toString(16)}`
  const row = rowNow()
  throw unreadable(
    name,
    `${row === 0 ? 'the header' : `row ${row}`} is no UTF-8 (byte ${byte})`,
    'write it as UTF-8: iconv -f LATIN1 -t UTF-8',
  )
}

/** Whether a record with nothing in it is a row: only where it can be the one field there is. */
const isRow = (record: CsvRecord, width: number): boolean => record.length > 0 || width === 1

/** Scans of this process by file: a run reads its source in several steps. */
const scans = new Map<string, Promise<CsvScan>>()
const scansKept = 1_000

/**
 * Reads a CSV file once and counts what is there, independently of who reads its values.
 * @throws SlipwayError SOURCE_UNREADABLE for what is no UTF-8 or has a quote that never closes, with the row
 */
export async function scanCsv(file: TextFile, dialect: CsvDialect): Promise<CsvScan> {
  const { ino, size, mtimeMs } = await stat(file.path)
  const key = [file.path, ino, size, mtimeMs, file.compression, dialect.delimiter, dialect.header].join(' ')
  const known = scans.get(key)
  if (known !== undefined) return known
  if (scans.size >= scansKept) scans.delete(scans.keys().next().value as string)
  const scan = scanAnew(file, dialect)
  scans.set(key, scan)
  scan.catch(() => scans.delete(key))
  return scan
}

async function scanAnew(file: TextFile, dialect: CsvDialect): Promise<CsvScan> {
  let [width, rows, longest] = [0, dialect.header ? -1 : 0, 0]
  let isRagged = false
  const ends = new Set<LineEnd>()
  const scanner = csvScanner(dialect.delimiter, (record) => {
    if (record.end !== undefined) ends.add(record.end)
    if (width === 0) width = record.fields
    if (!isRow(record, width)) return
    if (record.fields !== width || record.malformed) isRagged = true
    if (record.length > longest) longest = record.length
    rows++
  })
  for await (const chunk of textOf(file, () => rows + 1)) scanner.push(chunk)
  if (scanner.end())
    throw unreadable(
      file.name,
      `a quote that opens in row ${rows + 1} never closes`,
      'close it, or double it within quotes',
    )
  const [end] = ends
  return {
    header: dialect.header && width > 0 ? await headerOf(file, dialect) : undefined,
    width,
    rows: Math.max(0, rows),
    lineEnd: ends.size > 1 || end === 'cr' ? undefined : (end ?? 'lf'),
    longest,
    isRagged,
  }
}

/** The first record of a file. */
async function headerOf(file: TextFile, { delimiter }: CsvDialect): Promise<string[]> {
  for await (const { bytes } of recordsOf(file, delimiter))
    return fieldsOf(Buffer.from(bytes as Uint8Array).toString('utf8'), delimiter)
  return []
}

async function* recordsOf(file: TextFile, delimiter: Delimiter): AsyncGenerator<CsvRecord> {
  let found: CsvRecord[] = []
  const scanner = csvScanner(delimiter, (record) => void found.push(record), true)
  for await (const chunk of textOf(file, () => 0)) {
    scanner.push(chunk)
    yield* found
    found = []
  }
  scanner.end()
  yield* found
}

/** Characters of a broken record that are kept. */
const shownRecord = 1_000

/**
 * Writes a CSV file anew, without a header, every record ended by LF and with one field more: what is wrong with it.
 * The fields of a wrong one are left empty, so that rows keep their numbers. For files that DuckDB would refuse whole,
 * or read less of.
 */
export async function writeRectangular(file: TextFile, dialect: CsvDialect, scan: CsvScan, to: string): Promise<void> {
  const { delimiter } = dialect
  const out = createWriteStream(to)
  let isHeader = dialect.header
  let batch: Uint8Array[] = []
  const flush = async (): Promise<void> => {
    if (!out.write(Buffer.concat(batch))) await once(out, 'drain')
    batch = []
  }
  const [good, none] = [Buffer.from(`${delimiter}\n`), delimiter.repeat(scan.width)]
  for await (const record of recordsOf(file, delimiter)) {
    if (isHeader) {
      isHeader = false
      continue
    }
    if (!isRow(record, scan.width)) continue
    const bytes = record.bytes as Uint8Array
    if (record.fields === scan.width && !record.malformed) batch.push(bytes, good)
    else batch.push(Buffer.from(`${none}"${problemOf(record, scan.width, bytes).replaceAll('"', '""')}"\n`))
    if (batch.length >= 4_096) await flush()
  }
  await flush()
  out.end()
  await once(out, 'close')
}

function problemOf({ fields, malformed }: CsvRecord, width: number, bytes: Uint8Array): string {
  const what = malformed ? 'text behind a closing quote' : `${fields} fields instead of ${width}`
  return `${what}: ${Buffer.from(bytes).toString('utf8').slice(0, shownRecord)}`
}

/** How the values of a JSON file lie: in one array, or one behind the other. */
export interface JsonScan {
  readonly form: 'array' | 'lines'
  readonly rows: number
}

/**
 * Counts the values of a JSON file, those of its array where it is one.
 * @throws SlipwayError SOURCE_UNREADABLE
 */
export async function scanJson(file: TextFile): Promise<JsonScan> {
  const [open, close, brace, endBrace, mark, back] = [...'[]{}"\\'].map((c) => c.charCodeAt(0))
  let form: JsonScan['form'] | undefined
  let [depth, rows] = [0, 0]
  let [inText, escaped, inValue] = [false, false, false]
  for await (const chunk of textOf(file, () => rows + 1)) {
    for (const byte of chunk) {
      if (inText) {
        if (escaped) escaped = false
        else if (byte === back) escaped = true
        else if (byte === mark) inText = false
        continue
      }
      if (byte <= 0x20 || byte === 0x2c) {
        if (depth === (form === 'array' ? 1 : 0)) inValue = false
        continue
      }
      if (form === undefined) {
        form = byte === open ? 'array' : 'lines'
        if (form === 'array') {
          depth = 1
          continue
        }
      }
      const base = form === 'array' ? 1 : 0
      if (depth === base && !inValue && !(byte === close && form === 'array')) {
        inValue = true
        rows++
      }
      if (byte === mark) inText = true
      else if (byte === open || byte === brace) depth++
      else if (byte === close || byte === endBrace) {
        depth--
        if (depth === base) inValue = false
      }
    }
  }
  if (depth > 0 || inText) throw unreadable(file.name, `it ends within row ${rows}`)
  return { form: form ?? 'lines', rows }
}
