import type { ColumnBuffer } from './column-buffer.ts'

/*
 * Postgres' binary form of values (big-endian; `src/backend/utils/adt`, the functions named …send) to what DuckDB's
 * vectors hold (little-endian). Each writes the value at `at` into the row of a column.
 */
export type Put = (column: ColumnBuffer, from: Buffer, at: number, length: number, row: number) => void

/** A big-endian int32. `Buffer.readInt32BE` checks its bounds again for each of millions of values. */
export function int32(from: Buffer, at: number): number {
  return (
    ((from[at] as number) << 24) |
    ((from[at + 1] as number) << 16) |
    ((from[at + 2] as number) << 8) |
    (from[at + 3] as number)
  )
}

export const putBoolean: Put = (column, from, at, _length, row) => {
  column.bytes[row] = from[at] as number
}

export const put16: Put = (column, from, at, _length, row) => {
  column.int16[row] = ((from[at] as number) << 8) | (from[at + 1] as number)
}

/** Integers and single floating-point numbers alike. */
export const put32: Put = (column, from, at, _length, row) => {
  column.int32[row] = int32(from, at)
}

/** Integers and double floating-point numbers alike. */
export const put64: Put = (column, from, at, _length, row) => {
  column.int32[2 * row] = int32(from, at + 4)
  column.int32[2 * row + 1] = int32(from, at)
}

export const putText: Put = (column, from, at, length, row) => column.putText(from, at, length, row)

/** jsonb is its text after the number of its version, 1. */
export const putJsonb: Put = (column, from, at, length, row) => column.putText(from, at + 1, length - 1, row)

/** DuckDB keeps a UUID as a 128-bit integer with its first bit turned round, so that they sort as unsigned ones do. */
export const putUuid: Put = (column, from, at, _length, row) => {
  const start = row * 16
  for (let i = 0; i < 16; i++) column.bytes[start + 15 - i] = from[at + i] as number
  column.bytes[start + 15] = (column.bytes[start + 15] as number) ^ 0x80
}

/** Days from 1970-01-01 to 2000-01-01, where Postgres begins. */
const epochDays = 10_957
const [lastInt, firstInt] = [0x7fffffff, -0x80000000]

export const putDate: Put = (column, from, at, _length, row) => {
  const days = int32(from, at)
  if (days === lastInt || days === firstInt) column.refuse('an infinite date', unlessInfinite(column.name, 'date'))
  column.int32[row] = days + epochDays
}

/** Microseconds of the same, as its two halves. */
const epochMicros = epochDays * 86_400_000_000
const epochHigh = Math.floor(epochMicros / 2 ** 32)
const epochLow = epochMicros - epochHigh * 2 ** 32

export const putTimestamp: Put = (column, from, at, _length, row) => {
  const [givenHigh, givenLow] = [int32(from, at), int32(from, at + 4) >>> 0]
  if ((givenHigh === lastInt && givenLow === 0xffffffff) || (givenHigh === firstInt && givenLow === 0))
    column.refuse('an infinite timestamp', unlessInfinite(column.name, 'timestamp'))
  const low = givenLow + epochLow
  const high = givenHigh + epochHigh + (low > 0xffffffff ? 1 : 0)
  if (high > lastInt) column.refuse('a timestamp after the year 294246', `nothing past that year`)
  column.int32[2 * row] = low | 0
  column.int32[2 * row + 1] = high
}

const unlessInfinite = (name: string, type: string): string =>
  `CASE WHEN isfinite("${name}") THEN "${name}" END, or a ${type} that stands for it,`
