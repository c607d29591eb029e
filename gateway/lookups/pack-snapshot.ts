import { SlipwayError } from '../../lib/formats/errors.ts'
import { type ColumnRule, isText } from '../../lib/formats/row-schema.ts'
import { budgetOf, packer } from './pack-columns.ts'
import { hashOf, type KeyPart, type PackedTable, slotOf } from './packed-table.ts'
import { type Chunk, readParquet } from './read-parquet.ts'

/** What of a snapshot is loaded. */
export interface PackOrder {
  /** In the order of the table. */
  readonly files: readonly string[]
  readonly keys: readonly ColumnRule[]
  /** Column of the times rows became known at; null where a key has one row. */
  readonly known: string | null
  /** Rows that became known later, ms since 1970, were not known yet. */
  readonly until: number
  readonly columns: readonly ColumnRule[]
  /** Bytes it may take. */
  readonly limit: number
}

/**
 * Loads the newest row of every key. The keys are read first, so that nothing is kept of rows that do not count: of a
 * table of all that ever was known of some keys, memory holds as much as there are keys.
 * @throws SlipwayError LOOKUP_TOO_LARGE, DOCUMENT_BROKEN
 */
export async function packSnapshot(order: PackOrder): Promise<PackedTable> {
  const budget = budgetOf(order.limit)
  const { keys, slots, newest } = await newestRows(order, budget)
  const rows = newest.length
  const columns = await valuesOf(order, newest, budget)
  const packed = {
    rows,
    slots,
    keys: keys.map((key) => key.packed(rows)),
    columns: Object.fromEntries([...columns].map(([name, column]) => [name, column.packed(rows)])),
  }
  const sizes = [...packed.keys, ...Object.values(packed.columns)].map((column) =>
    column.kind === 'numbers' ? column.values.byteLength : column.bytes.byteLength + 8 * column.starts.length,
  )
  return { ...packed, bytes: sizes.reduce((sum, size) => sum + size, slots.byteLength) }
}

type Budget = ReturnType<typeof budgetOf>

/** The keys, each once, and the row of the table that counts for each. */
async function newestRows({ files, keys: rules, known, until }: PackOrder, budget: Budget) {
  const keys = rules.map((rule) => packer(isText(rule), budget))
  const newest: number[] = []
  const knownAt: number[] = []
  let slots = new Int32Array(64)
  const keyColumns = keys.map(({ column }) => column)
  const partsOf = (chunk: Chunk, i: number): KeyPart[] =>
    rules.map(({ name }) => {
      const part = chunk[name]?.[i]
      if (part === undefined) throw broken(`a row has no ${name}, which names it`)
      return part
    })
  const names = [...new Set([...rules.map(({ name }) => name), ...(known === null ? [] : [known])])]
  await eachRow(files, names, (chunk, i, row) => {
    const at = known === null ? 0 : chunk[known]?.[i]
    // Never known, or not yet.
    if (typeof at !== 'number' || (known !== null && at > until)) return
    const parts = partsOf(chunk, i)
    const slot = slotOf({ slots, keys: keyColumns }, parts)
    const place = (slots[slot] as number) - 1
    if (place >= 0) {
      if (known === null) throw broken(`two rows have the key ${parts.map(shown).join(', ')}`)
      if (at < (knownAt[place] as number)) return
      newest[place] = row
      knownAt[place] = at
      return
    }
    budget(16)
    for (const [k, key] of keys.entries()) key.set(newest.length, parts[k])
    newest.push(row)
    knownAt.push(at)
    slots[slot] = newest.length
    if (2 * newest.length > slots.length) slots = twiceAsMany(slots, keyColumns, newest.length, budget)
  })
  return { keys, slots, newest }
}

function twiceAsMany(
  slots: Int32Array,
  keys: PackedTable['keys'],
  rows: number,
  budget: Budget,
): Int32Array<ArrayBuffer> {
  budget(slots.byteLength)
  const more = new Int32Array(2 * slots.length)
  const mask = more.length - 1
  for (let row = 0; row < rows; row++) {
    const parts = keys.map((key) =>
      key.kind === 'numbers'
        ? (key.values[row] as number)
        : key.bytes.subarray(key.starts[row] as number, key.ends[row] as number),
    )
    let slot = hashOf(parts) & mask
    while (more[slot] !== 0) slot = (slot + 1) & mask
    more[slot] = row + 1
  }
  return more
}

/** The columns of the rows that count, in the order of the keys. */
async function valuesOf({ files, columns: rules }: PackOrder, newest: readonly number[], budget: Budget) {
  const columns = new Map(rules.map((rule) => [rule.name, packer(isText(rule), budget)]))
  if (columns.size === 0) return columns
  budget(8 * newest.length)
  const byRow = Uint32Array.from(newest.keys()).sort((a, b) => (newest[a] as number) - (newest[b] as number))
  let next = 0
  await eachRow(files, [...columns.keys()], (chunk, i, row) => {
    const place = byRow[next]
    if (place === undefined || newest[place] !== row) return
    next++
    for (const [name, column] of columns) column.set(place, chunk[name]?.[i])
  })
  return columns
}

/** Goes through the rows of a table, counted from 0 through all its files. */
async function eachRow(
  files: readonly string[],
  columns: readonly string[],
  visit: (chunk: Chunk, i: number, row: number) => void,
): Promise<void> {
  let before = 0
  for (const file of files) {
    let rowsOfFile = 0
    await readParquet(file, columns, (chunk, first, rows) => {
      for (let i = 0; i < rows; i++) visit(chunk, i, before + first + i)
      rowsOfFile += rows
    })
    before += rowsOfFile
  }
}

const shown = (part: KeyPart): string => (typeof part === 'number' ? String(part) : `"${Buffer.from(part).toString()}"`)

const broken = (why: string): SlipwayError =>
  new SlipwayError('DOCUMENT_BROKEN', why, { next: 'run the pipeline that publishes the view again' })
