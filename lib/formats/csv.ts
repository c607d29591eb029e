/*
 * The one dialect of CSV (RFC 4180), for files and for requests: a delimiter, `"` for quotes and `""` for a quote
 * inside them, records ended by LF, CRLF or CR. There are no comments, nothing is skipped, and nothing is guessed.
 */

/** What parts fields. */
export const delimiters = { comma: ',', tab: '\t', semicolon: ';', pipe: '|' } as const
export type Delimiter = (typeof delimiters)[keyof typeof delimiters]

const [quote, lf, cr] = [0x22, 0x0a, 0x0d]
export type LineEnd = 'lf' | 'crlf' | 'cr'

/** A record as it was found. */
export interface CsvRecord {
  readonly fields: number
  /** Bytes, the line end not counted. */
  readonly length: number
  /** What follows a closing quote and is no delimiter: `"a"b`. */
  readonly malformed: boolean
  /** How it ended; undefined at the end of the text. */
  readonly end: LineEnd | undefined
  /** Its bytes, where they were asked for. */
  readonly bytes: Uint8Array | undefined
}

export interface CsvScanner {
  push(chunk: Uint8Array): void
  /** @returns whether the text ended inside of quotes: the last record is not told then */
  end(): boolean
}

/** Where in a record the scanner is. */
const states = { start: 0, plain: 1, quoted: 2, closed: 3 } as const

/**
 * Finds the records of a text that comes in pieces, byte by byte, and tells each: what counts rows independently of
 * whoever reads them.
 * @param keepBytes gives each record's bytes along
 */
export function csvScanner(delimiter: Delimiter, onRecord: (record: CsvRecord) => void, keepBytes = false): CsvScanner {
  const comma = delimiter.charCodeAt(0)
  let state: number = states.start
  let fields = 1
  let malformed = false
  /** Bytes of the record in earlier chunks. */
  let before = 0
  let kept: Uint8Array[] = []
  /** A CR ended the last record: an LF that follows belongs to it. */
  let afterCr: CsvRecord | undefined

  const tell = (end: LineEnd | undefined, chunk: Uint8Array, from: number, to: number): CsvRecord => {
    let bytes: Uint8Array | undefined
    if (keepBytes) bytes = kept.length === 0 ? chunk.subarray(from, to) : joined([...kept, chunk.subarray(from, to)])
    const record = { fields, length: before + to - from, malformed, end, bytes }
    state = states.start
    fields = 1
    malformed = false
    before = 0
    kept = []
    return record
  }

  return {
    push(chunk) {
      let from = 0
      let at = 0
      if (afterCr !== undefined && chunk.length > 0) {
        const isPair = chunk[0] === lf
        onRecord(isPair ? { ...afterCr, end: 'crlf' } : afterCr)
        afterCr = undefined
        if (isPair) from = at = 1
      }
      for (; at < chunk.length; at++) {
        const byte = chunk[at] as number
        if (state === states.quoted) {
          if (byte === quote) state = states.closed
          continue
        }
        if (byte === comma) {
          fields++
          state = states.start
        } else if (byte === lf) {
          onRecord(tell('lf', chunk, from, at))
          from = at + 1
        } else if (byte === cr) {
          const record = tell('cr', chunk, from, at)
          if (at + 1 === chunk.length) afterCr = record
          else if (chunk[at + 1] === lf) {
            onRecord({ ...record, end: 'crlf' })
            at++
          } else onRecord(record)
          from = at + 1
        } else if (byte === quote) {
          if (state === states.start || state === states.closed) state = states.quoted
        } else {
          if (state === states.closed) malformed = true
          state = states.plain
        }
      }
      before += chunk.length - from
      if (keepBytes && from < chunk.length) kept.push(chunk.slice(from))
    },
    end() {
      if (afterCr !== undefined) onRecord(afterCr)
      afterCr = undefined
      if (state === states.quoted) return true
      if (before > 0) onRecord(tell(undefined, new Uint8Array(0), 0, 0))
      return false
    },
  }
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0))
  let at = 0
  for (const part of parts) {
    whole.set(part, at)
    at += part.length
  }
  return whole
}

/** The fields of a record, quotes taken off. */
export function fieldsOf(record: string, delimiter: Delimiter): string[] {
  const fields: string[] = []
  for (let at = 0; ; ) {
    if (record[at] !== '"') {
      const end = record.indexOf(delimiter, at)
      fields.push(end < 0 ? record.slice(at) : record.slice(at, end))
      if (end < 0) return fields
      at = end + 1
      continue
    }
    let field = ''
    for (at++; ; ) {
      const end = record.indexOf('"', at)
      if (end < 0) return [...fields, field + record.slice(at)]
      field += record.slice(at, end)
      at = end + 1
      if (record[at] !== '"') break
      field += '"'
      at++
    }
    const end = record.indexOf(delimiter, at)
    fields.push(field + (end < 0 ? record.slice(at) : record.slice(at, end)))
    if (end < 0) return fields
    at = end + 1
  }
}
