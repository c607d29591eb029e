import { z } from 'zod'
import type { Bundle } from '../formats/artifact.ts'
import { RowSchema } from '../formats/row-schema.ts'
import { Compression, CsvOptions, type TableFormat } from '../formats/table-format.ts'
import { getBundle, localFile } from '../store/objects.ts'
import type { Store } from '../store/store.ts'
import type { LocalTable } from './table.ts'
import type { TableFile } from './table-file.ts'
import type { CsvDialect } from './text-files.ts'

/** What the bytes of a table's file do not tell, as a bundle keeps it. */
export const FileFacts = z.object({
  name: z.string().optional(),
  compression: Compression.optional(),
  partition: z.record(z.string(), z.string().nullable()).optional(),
})
/** What a bundle says of a table. */
export const TableFacts = z.object({
  format: z.enum(['parquet', 'csv', 'json']),
  rows: z.int(),
  schema: RowSchema,
  ...CsvOptions.shape,
  /** In the order of the files; of bundles made before 0.7 nothing is known. */
  files: z.array(FileFacts).optional(),
})

export const dialectOf = ({ delimiter = ',', header = true }: CsvOptions): CsvDialect => ({ delimiter, header })

/** A table's or snapshot's files, downloaded and verified. */
export async function localTable(store: Store, digest: string): Promise<LocalTable> {
  const bundle: Bundle = await getBundle(store, digest, 'table', 'snapshot')
  const names = Object.keys(bundle.files)
    .filter((name) => name.startsWith('data/'))
    .sort()
  const facts = TableFacts.parse(bundle.facts)
  const files: TableFile[] = []
  for (const [i, name] of names.entries()) {
    const { name: shown, compression, partition } = facts.files?.[i] ?? {}
    files.push({
      path: await localFile(store, bundle.files[name]?.digest as string),
      ...(shown === undefined ? {} : { name: shown }),
      ...(compression === undefined ? {} : { compression }),
      ...(partition === undefined ? {} : { partition }),
    })
  }
  const format: TableFormat = facts.format
  return { files, format, dialect: dialectOf(facts), schema: facts.schema, rows: facts.rows }
}
