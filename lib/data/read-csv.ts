import type { DuckDBConnection } from '@duckdb/node-api'
import { SlipwayError } from '../formats/errors.ts'
import { name, scratchFile, text } from './duckdb.ts'
import { type FoundColumn, type FoundFiles, nameOf, type TableFile } from './table-file.ts'
import { type CsvDialect, scanCsv, type TextFile, writeRectangular } from './text-files.ts'

/**
 * A CSV file as a relation of text, in the one dialect: DuckDB is told everything and guesses nothing. A file with
 * ragged rows or mixed line ends is written anew first, for DuckDB would refuse it, or read less of it without a word.
 * @param names of the columns, where the file has no header
 * @throws SlipwayError SOURCE_UNREADABLE, COLUMN_MISSING
 */
export async function readCsv(
  connection: DuckDBConnection,
  file: TableFile,
  number: number,
  dialect: CsvDialect,
  names: readonly string[],
): Promise<FoundFiles> {
  const source: TextFile = { path: file.path, name: nameOf(file), compression: file.compression ?? 'none' }
  const scan = await scanCsv(source, dialect)
  const header = scan.header ?? names
  if (!dialect.header && scan.width > 0 && scan.width !== names.length)
    throw new SlipwayError(
      'COLUMN_MISSING',
      `${source.name} has ${scan.width} fields a row and no header; the schema has ${names.length} columns`,
      { next: 'give the schema one column a field, in the order of the fields' },
    )
  const isClean = scan.lineEnd !== undefined && !scan.isRagged && dialect.header
  let path = source.path
  let lineEnd = scan.lineEnd === 'crlf' ? '\\r\\n' : '\\n'
  if (!isClean) {
    path = await scratchFile(connection)
    lineEnd = '\\n'
    await writeRectangular(source, dialect, scan, path)
  }
  // A file without a byte has no columns, and no rows.
  const fields = Array.from({ length: Math.max(1, scan.width) }, (_, i) => `c${i}`)
  const all = isClean ? fields : [...fields, 'problem']
  const options = [
    'auto_detect = false',
    'header = false',
    `skip = ${isClean ? 1 : 0}`,
    `delim = ${text(dialect.delimiter)}`,
    `quote = '"'`,
    `escape = '"'`,
    "comment = ''",
    "nullstr = ''",
    // Told, not found out: with the wrong one DuckDB reads no rows at all.
    `new_line = ${text(lineEnd)}`,
    `max_line_size = ${Math.max(2_097_152, 2 * scan.longest)}`,
    `compression = ${text(isClean ? source.compression : 'none')}`,
    `columns = {${all.map((field) => `${field}: 'VARCHAR'`).join(', ')}}`,
  ]
  const columns = new Map<string, FoundColumn>()
  for (const [i, column] of header.entries()) {
    if (columns.has(column) && names.includes(column))
      throw new SlipwayError('COLUMN_MISSING', `${source.name} has two columns "${column}"`, {
        column,
        next: 'rename one of them in the file',
      })
    columns.set(column, { sql: name(`c${i}`), type: '', carrier: 'cell' })
  }
  return {
    from: `(SELECT *, ${number} AS "file:", row_number() OVER () AS "row:", ${isClean ? 'NULL' : 'problem'} AS "problem:" FROM read_csv(${text(path)}, ${options.join(', ')}))`,
    columns,
    rows: scan.rows,
    files: [file],
  }
}
