import type { Column } from '../../lib/formats/columns.ts'

/*
 * Rows by key, in flat arrays: a thread makes them and hands them over without a copy, their size is known, and the
 * garbage collector has nothing to walk through, however many rows there are.
 */

/**
 * Numbers, times and booleans (0 and 1) with NaN for a missing one; or texts as UTF-8, a missing one ending before it
 * begins.
 */
export type PackedColumn =
  | { readonly kind: 'numbers'; readonly values: Float64Array }
  | { readonly kind: 'texts'; readonly bytes: Uint8Array; readonly starts: Uint32Array; readonly ends: Uint32Array }

export interface PackedTable {
  /** Rows, one a key. */
  readonly rows: number
  /** Open addressing by the hash of the key: the place of a row, plus one; 0 is free. Its length is a power of two. */
  readonly slots: Int32Array
  /** In the order of the view's key. */
  readonly keys: readonly PackedColumn[]
  readonly columns: Readonly<Record<string, PackedColumn>>
  /** Of all arrays. */
  readonly bytes: number
}

/** A value of a key as it is compared: a number, or a text as UTF-8. */
export type KeyPart = number | Uint8Array

/** A part of a key as columns hold it; undefined for a missing one. */
export function keyPart(value: Column[number] | undefined): KeyPart | undefined {
  if (typeof value === 'number') return Number.isNaN(value) ? undefined : value
  if (value === null || value === undefined) return undefined
  return loneSurrogate.test(value) ? noText : Buffer.from(value, 'utf8')
}

/** Of half a surrogate pair UTF-8 makes another character; this is no UTF-8, and so no key. */
const noText = Uint8Array.of(0xff)
const loneSurrogate = /\p{Surrogate}/u

const number = new Float64Array(1)
const words = new Uint32Array(number.buffer)

/**
 * FNV-1a (Fowler, Noll, Vo) over the bytes of texts and the words of numbers, stirred at the end (MurmurHash3, fmix32).
 */
export function hashOf(parts: readonly KeyPart[]): number {
  let hash = 0x811c9dc5
  for (const part of parts) {
    if (typeof part === 'number') {
      // Minus zero is zero.
      number[0] = part + 0
      hash = Math.imul(hash ^ (words[0] as number), 0x01000193)
      hash = Math.imul(hash ^ (words[1] as number), 0x01000193)
    } else {
      for (let i = 0; i < part.length; i++) hash = Math.imul(hash ^ (part[i] as number), 0x01000193)
      // Between `ab`, `c` and `a`, `bc`.
      hash = Math.imul(hash ^ 0xff, 0x01000193)
    }
  }
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return (hash ^ (hash >>> 16)) >>> 0
}

/** Whether a row has this key. */
function hasKey(keys: readonly PackedColumn[], row: number, parts: readonly KeyPart[]): boolean {
  for (let k = 0; k < keys.length; k++) {
    const key = keys[k] as PackedColumn
    const part = parts[k] as KeyPart
    if (typeof part === 'number') {
      if (key.kind !== 'numbers' || key.values[row] !== part) return false
    } else {
      if (key.kind !== 'texts') return false
      const start = key.starts[row] as number
      if ((key.ends[row] as number) - start !== part.length) return false
      for (let i = 0; i < part.length; i++) if (key.bytes[start + i] !== part[i]) return false
    }
  }
  return true
}

/**
 * The slot of a key: that of the row that has it, or the free one where it would be.
 * @param slots some of them free
 */
export function slotOf(
  { slots, keys }: Pick<PackedTable, 'slots' | 'keys'>,
  parts: readonly KeyPart[],
  hash = hashOf(parts),
): number {
  const mask = slots.length - 1
  for (let slot = hash & mask; ; slot = (slot + 1) & mask) {
    const row = (slots[slot] as number) - 1
    if (row < 0 || hasKey(keys, row, parts)) return slot
  }
}

/** The row of a key; -1 where there is none. */
export const rowOfKey = (table: Pick<PackedTable, 'slots' | 'keys'>, parts: readonly KeyPart[]): number =>
  (table.slots[slotOf(table, parts)] as number) - 1

/** A value as columns hold it. */
export function valueAt(column: PackedColumn, row: number): number | string | null {
  if (column.kind === 'numbers') return column.values[row] as number
  const [start, end] = [column.starts[row] as number, column.ends[row] as number]
  if (start > end) return null
  const { buffer, byteOffset } = column.bytes
  return Buffer.from(buffer, byteOffset + start, end - start).toString('utf8')
}

/** The buffers of a table, to be handed over to another thread. */
export function buffersOf({ slots, keys, columns }: PackedTable): ArrayBuffer[] {
  return [slots, ...[...keys, ...Object.values(columns)].flatMap(arraysOf)].map(({ buffer }) => buffer as ArrayBuffer)
}

const arraysOf = (column: PackedColumn): readonly (Float64Array | Uint32Array | Uint8Array)[] =>
  column.kind === 'numbers' ? [column.values] : [column.bytes, column.starts, column.ends]
