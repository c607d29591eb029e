import type { Numbers } from '../columns.ts'

/**
 * Indices that put values in ascending order (NaN last), stable. Those of float32 by three passes of a
 * least-significant-digit radix sort on their bits, linear in their number.
 */
export function ascendingOrder(values: Numbers): Uint32Array {
  return values instanceof Float32Array ? orderOfBits(values) : byComparison(values)
}

function byComparison(values: Float64Array): Uint32Array {
  return Uint32Array.from(values.keys()).sort((a, b) => compare(values[a] as number, values[b] as number))
}

function compare(a: number, b: number): number {
  if (Number.isNaN(a) || Number.isNaN(b)) return Number(Number.isNaN(a)) - Number(Number.isNaN(b))
  return a < b ? -1 : Number(a > b)
}

function orderOfBits(values: Float32Array): Uint32Array {
  const n = values.length
  const bits = new Uint32Array(values.buffer.slice(values.byteOffset, values.byteOffset + n * 4))
  for (let i = 0; i < n; i++) {
    const bit = bits[i] as number
    bits[i] = bit >>> 31 === 1 ? ~bit : bit | 0x80000000
  }
  let from = new Uint32Array(n)
  let to = new Uint32Array(n)
  for (let i = 0; i < n; i++) from[i] = i
  for (const shift of [0, 11, 22]) {
    const starts = new Uint32Array(2049)
    for (let i = 0; i < n; i++) {
      const digit = ((bits[i] as number) >>> shift) & 2047
      starts[digit + 1] = (starts[digit + 1] as number) + 1
    }
    for (let digit = 0; digit < 2048; digit++)
      starts[digit + 1] = (starts[digit + 1] as number) + (starts[digit] as number)
    for (let i = 0; i < n; i++) {
      const index = from[i] as number
      const digit = ((bits[index] as number) >>> shift) & 2047
      const position = starts[digit] as number
      to[position] = index
      starts[digit] = position + 1
    }
    ;[from, to] = [to, from]
  }
  return from
}
