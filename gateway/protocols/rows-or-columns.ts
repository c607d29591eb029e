import { checkNames, readRecords as recordsOf } from '../../lib/models/names.ts'
import type { Rows } from '../../lib/models/rows.ts'
import type { Input } from '../scoring.ts'
import type { ServedVersion } from './protocol.ts'

const asInput = ({ rows, columns }: Rows, ignored: readonly string[]): Input => ({
  kind: 'rows',
  rows,
  columns,
  ignored,
})

/** `[{…}]`, `[[…]]` in the schema's order, or `{ name: […] }`. */
export function readRowsOrColumns(value: unknown, version: ServedVersion, path: string): Input {
  const { reader } = version
  if (!Array.isArray(value)) return readColumns(value, version, path)
  if (!Array.isArray(value[0])) return readRecords(value, version, path)
  const names = reader.schema.map(({ name }) => name)
  return asInput(reader.fromMatrix(names, value, path), [])
}

/** `[{ a: 1, b: "x" }, …]` */
export function readRecords(value: unknown, { reader }: ServedVersion, path: string): Input {
  const { ignored, ...rows } = recordsOf(reader, value, path)
  return asInput(rows, ignored)
}

function readColumns(value: unknown, { reader }: ServedVersion, path: string): Input {
  const isColumns = typeof value === 'object' && value !== null
  const ignored = isColumns ? checkNames(reader.schema, Object.keys(value), path, 'column') : []
  return asInput(reader.fromColumns(value, path), ignored)
}

/** Names, and rows as arrays in that order. */
export function readMatrix(names: readonly string[], rows: unknown, { reader }: ServedVersion, path: string): Input {
  const ignored = checkNames(reader.schema, names, path, 'column')
  return asInput(reader.fromMatrix(names, rows, path), ignored)
}
