import type { DuckDBConnection } from '@duckdb/node-api'
import { SlipwayError } from '../formats/errors.ts'
import type { RowSchema } from '../formats/row-schema.ts'
import { text } from './duckdb.ts'
import { readCsv } from './read-csv.ts'
import { readJson } from './read-json.ts'
import { type RowRange, readParquet } from './read-parquet.ts'
import { withoutValues } from './said-by.ts'
import { type FoundColumn, type FoundFiles, nameOf, type TableFile } from './table-file.ts'
import type { CsvDialect } from './text-files.ts'

/** A table as local files: what a snapshot or a table bundle names, downloaded. */
export interface LocalTable {
  /** In the order of their rows. */
  readonly files: readonly (string | TableFile)[]
  readonly format: 'parquet' | 'csv' | 'json'
  readonly schema: RowSchema
  readonly rows: number
  /** Of CSV; commas and a header by default. */
  readonly dialect?: CsvDialect
  /** Rows of one parquet file. */
  readonly range?: RowRange
}

/** What of a table says how its files are read. */
export type Scanned = Pick<LocalTable, 'files' | 'format' | 'dialect' | 'range'>

const commas: CsvDialect = { delimiter: ',', header: true }
const filesOf = ({ files }: Scanned): TableFile[] =>
  files.map((file) => (typeof file === 'string' ? { path: file } : file))

/** A table whose files were looked at: what there is, by its own names and types. */
export interface OpenTable {
  readonly format: LocalTable['format']
  readonly schema: RowSchema
  readonly parts: readonly FoundFiles[]
  readonly files: readonly TableFile[]
  /** Rows, counted independently of who reads the values. */
  readonly rows: number
}

/**
 * Looks at the files of a table, each by itself: nothing is guessed from a sample, and no file decides for another one.
 * @throws SlipwayError SOURCE_UNREADABLE, COLUMN_MISSING
 */
export async function openTable(
  connection: DuckDBConnection,
  table: Scanned & Pick<LocalTable, 'schema'>,
): Promise<OpenTable> {
  const files = filesOf(table)
  const failed = unreadable(files, table.format)
  const found: FoundFiles[] = []
  if (table.format === 'parquet') found.push(...(await readParquet(connection, files, table.range).catch(failed)))
  else {
    const names = table.schema.map((rule) => rule.name)
    for (const [i, file] of files.entries()) {
      const inFile = names.filter((column) => file.partition?.[column] === undefined)
      found.push(
        table.format === 'json'
          ? await readJson(connection, file, i).catch(failed)
          : await readCsv(connection, file, i, table.dialect ?? commas, inFile).catch(failed),
      )
    }
  }
  const parts = found.map(withFolders)
  return {
    format: table.format,
    schema: table.schema,
    parts,
    files,
    rows: parts.reduce((sum, { rows }) => sum + rows, 0),
  }
}

/** Columns that folders name are there too, as cells with one value. */
function withFolders(found: FoundFiles): FoundFiles {
  const folders = Object.entries(found.files[0]?.partition ?? {})
  if (folders.length === 0) return found
  const columns = new Map<string, FoundColumn>(found.columns)
  for (const [column, value] of folders)
    columns.set(column, { sql: value === null ? 'NULL::VARCHAR' : text(value), type: '', carrier: 'cell' })
  return { ...found, columns }
}

/** Turns what a library says of a file into an error of the file's, whole. @throws SlipwayError SOURCE_UNREADABLE */
export function unreadable(
  files: readonly (string | TableFile)[],
  format: LocalTable['format'],
): (error: unknown) => never {
  return (error) => {
    if (error instanceof SlipwayError) throw error
    const known = files.map((file) => (typeof file === 'string' ? { path: file } : file))
    const lines = String((error as Error).message)
      .split('\n')
      .map((line) => line.trim())
      .filter((line) => line !== '')
    let why = lines.join('; ')
    const named = known.find(({ path }) => why.includes(path)) ?? (known.length === 1 ? known[0] : undefined)
    for (const file of known) why = why.replaceAll(file.path, nameOf(file))
    const from = named === undefined ? `one of ${known.length} files` : nameOf(named)
    const what = `${from} cannot be read as ${format}: `
    // What is said of a parquet file is about its structure; of a text it quotes the row.
    const said = format === 'parquet' ? undefined : withoutValues(String((error as Error).message))
    throw new SlipwayError('SOURCE_UNREADABLE', `${what}${said ?? why.slice(0, 1_000)}`, {
      inFull: said === undefined ? undefined : `${what}${why.slice(0, 1_000)}`,
      next: 'check that the file is whole',
    })
  }
}
