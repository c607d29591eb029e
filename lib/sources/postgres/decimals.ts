import type { ColumnBuffer } from './column-buffer.ts'
import type { Put } from './values.ts'

/**
 * Digits up to which all steps of reading a decimal are exact as floating-point numbers: groups of four may add three.
 */
const exactDigits = 12

/** The signs of `numeric_send` that are not a sign. */
const specials: Record<number, string> = { 49152: 'NaN', 53248: 'Infinity', 61440: '-Infinity' }
const negative = 0x4000

/** Bytes of a DECIMAL in DuckDB, by its digits. */
export function decimalWidth(precision: number): number {
  return precision <= 4 ? 2 : precision <= 9 ? 4 : precision <= 18 ? 8 : 16
}

/**
 * Reads a numeric of a fixed scale: its digits in groups of four, as `numeric_send` writes them, to a scaled integer.
 */
export function putDecimal(precision: number, scale: number): Put {
  const width = decimalWidth(precision)
  return (column, from, at, _length, row) => {
    const [groups, weight, sign] = [from.readInt16BE(at), from.readInt16BE(at + 2), from.readUInt16BE(at + 4)]
    const special = specials[sign]
    if (special !== undefined) column.refuse(special, `nullif("${column.name}", '${special}')`)
    // The power of ten of the last group, once the point has moved by the scale.
    const shift = scale + 4 * (weight - groups + 1)
    const digits = at + 8
    if (precision <= exactDigits) {
      let value = 0
      for (let i = 0; i < groups; i++) value = value * 10_000 + from.readUInt16BE(digits + 2 * i)
      // Exact both ways: what is divided away are zeros.
      value = shift >= 0 ? value * 10 ** shift : value / 10 ** -shift
      write(column, width, row, sign === negative ? -value : value)
    } else {
      let value = 0n
      for (let i = 0; i < groups; i++) value = value * 10_000n + BigInt(from.readUInt16BE(digits + 2 * i))
      value = shift >= 0 ? value * 10n ** BigInt(shift) : value / 10n ** BigInt(-shift)
      writeBig(column, width, row, sign === negative ? -value : value)
    }
  }
}

function write({ int16, int32 }: ColumnBuffer, width: number, row: number, value: number): void {
  if (width === 2) int16[row] = value
  else if (width === 4) int32[row] = value
  else {
    const high = Math.floor(value / 2 ** 32)
    int32[2 * row] = value - high * 2 ** 32
    int32[2 * row + 1] = high
  }
}

function writeBig({ int64 }: ColumnBuffer, width: number, row: number, value: bigint): void {
  if (width === 8) int64[row] = value
  else {
    int64[2 * row] = BigInt.asIntN(64, value)
    int64[2 * row + 1] = value >> 64n
  }
}
