import { csvScanner, fieldsOf } from '../../../lib/formats/csv.ts'
import { SlipwayError } from '../../../lib/formats/errors.ts'
import { checkNames, meant } from '../../../lib/models/names.ts'
import { invalid } from '../../../lib/models/rows.ts'
import { requireFewCells, smallBody } from '../../bodies/json-bounds.ts'
import { textOf } from '../../text.ts'
import type { Asked } from '../protocol.ts'

/**
 * CSV with a header line of column names, in any order (MLflow), or without one in the order of the schema (SageMaker).
 * @param header the media type's parameter (RFC 4180): `present` or `absent`; without it a header is recognised by its
 * names
 * @throws SlipwayError MEDIA_UNSUPPORTED, REQUEST_INVALID; REQUEST_TOO_LARGE for more cells than a body may have values
 */
export function readCsv(body: Buffer, delimiter: ',' | '\t', header: string | undefined): Asked['read'] {
  if (header !== undefined && header !== 'present' && header !== 'absent')
    throw new SlipwayError('MEDIA_UNSUPPORTED', `header=${header.slice(0, 40)}; known are present and absent`)
  if (body.length > smallBody) requireFewCells(body, delimiter)
  const records = recordsOf(textOf(body), delimiter)
  const [first] = records
  if (header === 'present' && first === undefined) throw invalid('the header line is missing')
  return ({ reader }) => {
    const columns = reader.schema.map(({ name }) => name)
    const hasHeader = header === undefined ? first !== undefined && isHeader(first, columns) : header === 'present'
    const names = hasHeader ? (first ?? []).map((name) => name.trim()) : columns
    // What has no name is an index that pandas wrote.
    const named = names.filter((name) => name !== '')
    const ignored = hasHeader ? checkNames(reader.schema, named, 'header', 'column') : []
    const rows = hasHeader ? records.slice(1) : records
    const wrong = rows.findIndex((row) => row.length !== names.length)
    if (wrong >= 0)
      throw invalid(
        `has ${rows[wrong]?.length} cells, ${names.length} are expected (${names.join(', ')})`,
        `row ${wrong + 1}`,
      )
    return { kind: 'rows', ...reader.fromCells(names, rows), ignored }
  }
}

/** @throws SlipwayError REQUEST_INVALID naming the record, counted from 1 with the header */
function recordsOf(text: string, delimiter: ',' | '\t'): string[][] {
  const records: string[][] = []
  const scanner = csvScanner(
    delimiter,
    ({ bytes, malformed }) => {
      if (malformed) throw invalid('text follows a closing quote', `record ${records.length + 1}`)
      records.push(fieldsOf(decoder.decode(bytes), delimiter))
    },
    true,
  )
  scanner.push(Buffer.from(text))
  if (scanner.end()) throw invalid('a quote is not closed', `record ${records.length + 1}`)
  return records
}
/** Without `ignoreBOM` it would take the mark off every record. */
const decoder = new TextDecoder('utf-8', { ignoreBOM: true })

/**
 * Whether a record is a header of these columns: more than half of its cells, or of the columns, are found in the
 * other, whatever their case; or one is, and it has not as many cells as a row; or every cell is like a column's name.
 * What was meant for a header and is not quite right is then refused by its names, and not scored as a row.
 */
export function isHeader(record: readonly string[], columns: readonly string[]): boolean {
  const cells = record.map((cell) => cell.trim().toLowerCase()).filter((cell) => cell !== '')
  const names = columns.map((name) => name.toLowerCase())
  const found = cells.filter((cell) => names.includes(cell)).length
  if (found * 2 > Math.min(cells.length, columns.length)) return true
  if (found > 0 && record.length !== columns.length) return true
  return cells.length > 1 && cells.every((cell) => meant(cell, names) !== undefined)
}
