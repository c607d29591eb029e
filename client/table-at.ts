import { relative } from 'node:path'
import type { LocalTable } from '../lib/data/table.ts'
import { partitionOf } from '../lib/formats/shards.ts'
import { compressionOf, delimiterOf, formatOf } from '../lib/formats/table-format.ts'

/** How a file that a user names is read: by its name, or as JSON. */
export function tableAt(path: string): Pick<LocalTable, 'files' | 'format' | 'dialect'> {
  return {
    files: [{ path, name: path, compression: compressionOf(path), partition: partitionOf(relative('', path)) }],
    format: formatOf(path) ?? 'json',
    dialect: { delimiter: delimiterOf(path), header: true },
  }
}
