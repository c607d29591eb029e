import { z } from 'zod'
import type { Delimiter } from './csv.ts'

/** How the files of a table are read. JSON is an array of objects, or an object a line. */
export const TableFormat = z.enum(['parquet', 'csv', 'json'])
export type TableFormat = z.infer<typeof TableFormat>

/** How a text is packed, told by its name. */
export const Compression = z.enum(['none', 'gzip', 'zstd'])
export type Compression = z.infer<typeof Compression>

export function compressionOf(path: string): Compression {
  return path.endsWith('.gz') ? 'gzip' : path.endsWith('.zst') ? 'zstd' : 'none'
}

/** What a name ends with, apart from what packs it, points to it (`.dvc`), or is asked of a server behind it. */
const extension = (path: string): string | undefined => {
  const name = /^https?:\/\//.test(path) ? path.replace(/[?#].*$/, '') : path
  return /\.(parquet|csv|tsv|json|ndjson|jsonl)$/.exec(name.replace(/\.dvc$/, '').replace(/\.(gz|zst)$/, ''))?.[1]
}

/**
 * The format that a file's name tells, its compression apart, if it does. What Postgres is asked for comes as parquet,
 * and so does what Feast keeps.
 */
export function formatOf(path: string): TableFormat | undefined {
  if (/^(postgres(ql)?|feast):\/\//i.test(path)) return 'parquet'
  const found = extension(path)
  if (found === undefined || found === 'parquet') return found
  return found === 'csv' || found === 'tsv' ? 'csv' : 'json'
}

/** What parts the fields of a CSV file: told by its name or by whoever reads it, never guessed. */
export const delimiterOf = (path: string): Delimiter => (extension(path) === 'tsv' ? '\t' : ',')

/** What is said of a CSV file besides its name. */
export const CsvOptions = z.object({
  delimiter: z.enum([',', '\t', ';', '|']).optional(),
  /** Whether the first record names the columns; without it they are the schema's, in its order. Default true. */
  header: z.boolean().optional(),
})
export type CsvOptions = z.infer<typeof CsvOptions>
