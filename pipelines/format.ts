import { z } from 'zod'

/** How the files of a table are read. JSON is an array of objects, or an object a line. */
export const TableFormat = z.enum(['parquet', 'csv', 'json'])
export type TableFormat = z.infer<typeof TableFormat>

/** The format that a file's name tells, if it does. */
export function formatOf(path: string): TableFormat | undefined {
  const extension = /\.(parquet|csv|tsv|json|ndjson|jsonl)$/.exec(path)?.[1]
  if (extension === undefined || extension === 'parquet') return extension
  return extension === 'csv' || extension === 'tsv' ? 'csv' : 'json'
}
