// AssemblyScript, not TypeScript: compiled by scripts/build.mjs. Pointers are byte addresses in memory that the module
// is given.

/** The upper half of a product of 64-bit numbers. */
function upper(a: u64, b: u64): u64 {
  const low = (a & 0xffffffff) * (b & 0xffffffff)
  const left = (a >> 32) * (b & 0xffffffff) + (low >> 32)
  const right = (a & 0xffffffff) * (b >> 32) + (left & 0xffffffff)
  return (a >> 32) * (b >> 32) + (left >> 32) + (right >> 32)
}

/** A product with a power of ten, rounded to odd. @param power its upper and its lower half */
function scaled(power: usize, by: u64): u64 {
  const carry = upper(load<u64>(power, 8), by)
  const low = load<u64>(power) * by + carry
  const high = upper(load<u64>(power), by) + u64(low < carry)
  return high | u64(low > 1)
}

/** Writes the digits of a number that ends at a place. */
function writeDigits(digits: u64, end: usize, count: u32): void {
  for (let at = end - <usize>count; end > at; digits /= 10) store<u8>(--end, 48 + <u8>(digits % 10))
}

function writeZeros(count: i32, into: usize): usize {
  for (; count > 0; count--) store<u8>(into++, 48)
  return into
}

/**
 * Writes `digits` · 10^`exponent` as JavaScript does (ECMAScript, Number::toString).
 * @returns where it ends
 */
function writeDecimal(digits: u64, exponent: i32, into: usize): usize {
  while (digits % 10 === 0) {
    digits /= 10
    exponent++
  }
  let count: i32 = 1
  for (let rest = digits / 10; rest > 0; rest /= 10) count++
  const point = exponent + count
  if (count <= point && point <= 21) {
    writeDigits(digits, into + count, count)
    return writeZeros(point - count, into + count)
  }
  if (0 < point && point <= 21) {
    writeDigits(digits, into + count + 1, count)
    memory.copy(into, into + 1, point)
    store<u8>(into + point, 46)
    return into + count + 1
  }
  if (-6 < point && point <= 0) {
    store<u8>(into, 48)
    store<u8>(into, 46, 1)
    into = writeZeros(-point, into + 2)
    writeDigits(digits, into + count, count)
    return into + count
  }
  if (count === 1) writeDigits(digits, into + 1, 1)
  else {
    writeDigits(digits, into + count + 1, count)
    store<u8>(into, load<u8>(into, 1))
    store<u8>(into, 46, 1)
    into += count
  }
  store<u8>(into, 101, 1)
  store<u8>(into, point > 0 ? 43 : 45, 2)
  into += 3
  const shown = <u64>abs(point - 1)
  const places = shown > 99 ? 3 : shown > 9 ? 2 : 1
  writeDigits(shown, into + places, places)
  return into + places
}

/**
 * Writes the shortest decimal that is read as the number, the nearest to it of those, as JavaScript does. (Giulietti,
 * The Schubfach way to render doubles, 2021.)
 * @param powers ceil(10^k · 2^(127 - floor(log2 10^k))) for k from -292 on: [617 · 2] u64, upper half first
 */
function writeNumber(value: f64, powers: usize, into: usize): usize {
  const bits = reinterpret<u64>(value)
  if (bits << 1 === 0) {
    store<u8>(into, 48)
    return into + 1
  }
  if (bits >> 63 !== 0) store<u8>(into++, 45)
  const significand = bits & 0xfffffffffffff
  const biased = <i32>((bits >> 52) & 0x7ff)
  const c: u64 = biased === 0 ? significand : significand | 0x10000000000000
  const q: i32 = (biased === 0 ? 1 : biased) - 1075
  // Whole numbers of up to 53 bits are their own decimals.
  if (q <= 0 && q > -53 && (c & (((<u64>1) << (<u64>-q)) - 1)) === 0) return writeDecimal(c >> <u64>-q, 0, into)
  const isUneven = significand === 0 && biased > 1
  const odd = c & 1
  const k = (q * 1262611 - (isUneven ? 524031 : 0)) >> 22
  const shift = <u64>(q + ((-k * 1741647) >> 19) + 1)
  const power = powers + ((<usize>(292 - k)) << 4)
  const low = scaled(power, (4 * c - 2 + u64(isUneven)) << shift) + odd
  const middle = scaled(power, (4 * c) << shift)
  const high = scaled(power, (4 * c + 2) << shift) - odd
  const s = middle >> 2
  if (s >= 10) {
    const tens = s / 10
    const isLowIn = low <= 40 * tens
    const isHighIn = 40 * tens + 40 <= high
    if (isLowIn !== isHighIn) return writeDecimal(tens + u64(isHighIn), k + 1, into)
  }
  const isLowIn = low <= 4 * s
  const isHighIn = 4 * s + 4 <= high
  if (isLowIn !== isHighIn) return writeDecimal(s + u64(isHighIn), k, into)
  const half = 4 * s + 2
  return writeDecimal(s + u64(middle > half || (middle === half && (s & 1) !== 0)), k, into)
}

/**
 * Writes rows as lines of CSV.
 * @param kinds of columns [columns] u32: 0 of float32, of which those that are not finite are empty, 1 of float64,
 *   which are finite, 2 of texts by their places among some, any other of which is empty
 * @param values where the columns' numbers or places are [columns] u32, each [count] f32 or f64
 * @param texts where the texts of each column are [columns] u32, each pairs of where one is and its length, u32
 * @param known how many texts there are [columns] u32
 * @returns where the lines end
 */
export function rows(
  count: u32,
  columns: u32,
  kinds: usize,
  values: usize,
  texts: usize,
  known: usize,
  powers: usize,
  into: usize,
): usize {
  for (let row: usize = 0; row < <usize>count; row++) {
    for (let at: usize = 0; at < (<usize>columns) << 2; at += 4) {
      if (at > 0) store<u8>(into++, 44)
      const kind = load<u32>(kinds + at)
      const column = <usize>load<u32>(values + at)
      if (kind === 1) {
        into = writeNumber(load<f64>(column + (row << 3)), powers, into)
        continue
      }
      const value = load<f32>(column + (row << 2))
      if (kind === 0) {
        if (value <= 0 || value > 0) into = writeNumber(<f64>value, powers, into)
      } else if (value >= 0 && value < <f32>load<u32>(known + at)) {
        const text = <usize>load<u32>(texts + at) + ((<usize>value) << 3)
        const length = <usize>load<u32>(text, 4)
        memory.copy(into, <usize>load<u32>(text), length)
        into += length
      }
    }
    store<u8>(into++, 10)
  }
  return into
}
