import { type CsvRecord, csvScanner, type Delimiter, delimiters, fieldsOf } from '../formats/csv.ts'

/** How a CSV file seems to be written. */
export interface Dialect {
  readonly delimiter: Delimiter
  readonly header: boolean
}

/** Records that are looked at. */
const looked = 200

/**
 * What parts the fields of a text, and whether its first record names them. The product itself guesses neither: what is
 * found here is written into the definition.
 * @param beginning of the text, as UTF-8, its last record maybe cut off
 */
export function sniffCsv(beginning: Buffer, isWhole: boolean): Dialect {
  const ranked = Object.values(delimiters)
    .map((delimiter) => {
      const records = recordsOf(beginning, delimiter, isWhole)
      const width = records[0]?.length ?? 1
      const alike = records.filter((record) => record.length === width).length / Math.max(1, records.length)
      return { delimiter, records, score: width === 1 ? 0 : alike, width }
    })
    .sort((a, b) => b.score - a.score || b.width - a.width)
  const { delimiter, records } = ranked[0] as (typeof ranked)[number]
  return { delimiter, header: hasHeader(records) }
}

/** The records there are, as fields. */
function recordsOf(text: Buffer, delimiter: Delimiter, isWhole: boolean): string[][] {
  const found: string[][] = []
  const scanner = csvScanner(
    delimiter,
    ({ bytes, length }: CsvRecord) => {
      if (length > 0 && found.length < looked)
        found.push(fieldsOf(Buffer.from(bytes ?? []).toString('utf8'), delimiter))
    },
    true,
  )
  scanner.push(text)
  if (isWhole) scanner.end()
  return found
}

const looksLikeValue = (cell: string): boolean =>
  /^\s*[+-]?[\d.,]*\d\s*%?\s*$/.test(cell) || /^\s*\d{1,4}[-./]\d{1,2}[-./]\d{1,4}/.test(cell)

/**
 * Names are no numbers and no dates: a first record with one of them names nothing, unless the columns of all others
 * are called so too (years as names, of which no row has a number).
 */
function hasHeader([first = [], ...rows]: readonly string[][]): boolean {
  if (rows.length === 0) return !first.some(looksLikeValue)
  const values = first.filter((cell, i) => looksLikeValue(cell) && rows.some((row) => looksLikeValue(row[i] ?? '')))
  return values.length === 0 || values.length < first.length / 4
}
