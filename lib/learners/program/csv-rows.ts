import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { packageRoot } from '../../code/host.ts'

/** A column of a CSV file: numbers, or texts by their places among some; NaN is empty. */
export type CsvColumn =
  | { readonly kind: 'float32'; readonly values: Float32Array }
  | { readonly kind: 'float64'; readonly values: Float64Array }
  | { readonly kind: 'text'; readonly values: Float32Array; readonly texts: readonly string[] }

const kinds = { float32: 0, float64: 1, text: 2 } as const
/** Characters that a number may take, as `-2.2250738585072014e-308` does. */
const longest = 25
const pageBytes = 65_536

/**
 * Writes rows as lines of CSV, numbers as JavaScript writes them: the loops are compiled from `kernels/`.
 * @param columns of finite numbers, but for NaN in float32
 * @param rows that are written at once
 * @returns lines of rows from `from` to below `to`, which are valid until the next call
 */
export function csvRows(columns: readonly CsvColumn[], rows: number): (from: number, to: number) => Uint8Array {
  const room = roomFor()
  const ints = (values: readonly number[]): number => room.put(Int32Array.from(values))
  const texts = columns.map((column) => {
    const each = column.kind === 'text' ? column.texts.map((value) => Buffer.from(quoted(value))) : []
    return {
      places: each.flatMap((bytes) => [room.put(bytes), bytes.length]),
      lengths: each.map(({ length }) => length),
    }
  })
  const width = columns.reduce(
    (sum, { kind }, i) => sum + 1 + (kind === 'text' ? Math.max(0, ...(texts[i]?.lengths ?? [])) : longest),
    0,
  )
  const powers = room.put(powersOfTen())
  const tables = ints(texts.map(({ places }) => ints(places)))
  const known = ints(texts.map(({ lengths }) => lengths.length))
  const ofKind = ints(columns.map(({ kind }) => kinds[kind]))
  const places = columns.map(({ values }) => room.leave(rows * values.BYTES_PER_ELEMENT))
  const values = ints(places)
  const into = room.leave(rows * width)
  const { memory, kernel } = room.start()
  return (from, to) => {
    columns.forEach((column, i) => {
      const of = column.values.constructor as Float32ArrayConstructor
      new of(memory.buffer, places[i], to - from).set(column.values.subarray(from, to) as Float32Array)
    })
    const end = kernel(to - from, columns.length, ofKind, values, tables, known, powers, into)
    return new Uint8Array(memory.buffer, into, end - into)
  }
}

/** A text as a cell, or a line's names. */
export function quoted(value: string): string {
  return /[",\r\n]|^$|^\s|\s$/.test(value) ? `"${value.replaceAll('"', '""')}"` : value
}

type Rows = (...operands: number[]) => number

/** Memory that arrays are put into, one after the other, before there is any. */
function roomFor() {
  const put: { readonly at: number; readonly bytes: Uint8Array }[] = []
  let end = 0
  const leave = (length: number): number => {
    const at = end
    end = Math.ceil((end + length) / 16) * 16
    return at
  }
  return {
    leave,
    put(values: Uint8Array | Int32Array | BigUint64Array): number {
      const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength)
      const at = leave(bytes.length)
      put.push({ at, bytes })
      return at
    },
    start(): { readonly memory: WebAssembly.Memory; readonly kernel: Rows } {
      const memory = new WebAssembly.Memory({ initial: Math.ceil(end / pageBytes) + 1, maximum: pageBytes })
      for (const { at, bytes } of put) new Uint8Array(memory.buffer).set(bytes, at)
      module ??= new WebAssembly.Module(readFileSync(join(packageRoot, 'dist', 'csv-kernels.wasm')))
      const { rows } = new WebAssembly.Instance(module, { env: { memory } }).exports as { rows: Rows }
      return { memory, kernel: rows }
    },
  }
}
let module: WebAssembly.Module | undefined

/** ceil(10^k · 2^(127 - floor(log2 10^k))) for k from -292 to 324, the upper half of each first. */
function powersOfTen(): BigUint64Array {
  if (tens !== undefined) return tens
  const made = new BigUint64Array(2 * 617)
  for (let k = -292; k <= 324; k++) {
    const size = 10n ** BigInt(Math.abs(k))
    const bits = size.toString(2).length
    // Below 1 the power of two just above its inverse is what it is a part of.
    const value = k >= 0 ? shifted(size, 128 - bits) : ((1n << BigInt(127 + bits)) + size - 1n) / size
    made[2 * (k + 292)] = value >> 64n
    made[2 * (k + 292) + 1] = value & (2n ** 64n - 1n)
  }
  tens = made
  return made
}
let tens: BigUint64Array | undefined

/** Shifted left; right and rounded up where that is negative. */
const shifted = (value: bigint, by: number): bigint =>
  by >= 0 ? value << BigInt(by) : (value + (1n << BigInt(-by)) - 1n) >> BigInt(-by)
