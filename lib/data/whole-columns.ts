import type { Column } from '../formats/columns.ts'
import { readColumns } from './columns.ts'
import { withDuckDb } from './duckdb.ts'
import type { LocalTable } from './table.ts'

/** Columns of a table in memory, each whole [rows]; all of them by default. */
export async function wholeColumns(
  table: LocalTable,
  names: readonly string[] = table.schema.map(({ name }) => name),
): Promise<Record<string, Column>> {
  const rules = table.schema.filter(({ name }) => names.includes(name))
  const parts = Object.fromEntries(rules.map(({ name }) => [name, [] as Column[]]))
  await withDuckDb(2, async (connection) => {
    for await (const chunk of readColumns(connection, table, rules))
      for (const [name, column] of Object.entries(chunk)) parts[name]?.push(column)
  })
  return Object.fromEntries(Object.entries(parts).map(([name, columns]) => [name, joined(columns)]))
}

function joined(columns: readonly Column[]): Column {
  const [first] = columns
  if (first === undefined || columns.length === 1) return first ?? []
  if (Array.isArray(first)) return (columns as (string | null)[][]).flat()
  const all = new (first.constructor as Float64ArrayConstructor)(columns.reduce((sum, { length }) => sum + length, 0))
  let at = 0
  for (const column of columns as Float64Array[]) {
    all.set(column, at)
    at += column.length
  }
  return all
}
