// AssemblyScript, not TypeScript: compiled by scripts/build.mjs. Pointers are byte addresses in memory that the module
// is given; the arithmetic is that of leaf-paths.ts, two points of a quadrature at a time.

/**
 * Whether nodes' thresholds are not passed by a row, without a branch: half of them would be foreseen wrongly.
 * @param nodes, columns [n] u32
 * @param thresholds [n] f64
 * @param missing [n] u8: what NaN answers
 * @param row [features] f64
 * @param into [nodes] u8
 */
export function test(
  n: u32,
  nodes: usize,
  columns: usize,
  thresholds: usize,
  missing: usize,
  row: usize,
  into: usize,
): void {
  for (let i: usize = 0; i < <usize>n; i++) {
    const value = load<f64>(row + ((<usize>load<u32>(columns + (i << 2))) << 3))
    const threshold = load<f64>(thresholds + (i << 3))
    const isLow = u32(value <= threshold)
    const isMissing = 1 ^ isLow ^ u32(value > threshold)
    store<u8>(into + load<u32>(nodes + (i << 2)), isLow | (isMissing & load<u8>(missing + i)))
  }
}

/**
 * The columns by which a row leaves the path to each node, as bits.
 * @param splits, bits, onTrue, onFalse [n] u32
 * @param tests [nodes] u8
 * @param left [nodes] u32
 */
export function follow(
  n: u32,
  splits: usize,
  bits: usize,
  onTrue: usize,
  onFalse: usize,
  tests: usize,
  left: usize,
): void {
  for (let at: usize = 0; at < (<usize>n) << 2; at += 4) {
    const node = <usize>load<u32>(splits + at)
    const before = load<u32>(left + (node << 2))
    const bit = load<u32>(bits + at)
    const holds = <u32>load<u8>(tests + node)
    store<u32>(left + ((<usize>load<u32>(onTrue + at)) << 2), before | (bit & (holds - 1)))
    store<u32>(left + ((<usize>load<u32>(onFalse + at)) << 2), before | (bit & (0 - holds)))
  }
}

/**
 * Adds the parts of leaves with tables.
 * @param leaves, widths, columnsAt, numbersAt [n] u32
 * @param columns u32, numbers f64: what these begin at
 * @param parts [outputs · features] f64
 */
export function addTabled(
  from: u32,
  to: u32,
  leaves: usize,
  widths: usize,
  columnsAt: usize,
  columns: usize,
  numbersAt: usize,
  numbers: usize,
  left: usize,
  parts: usize,
): void {
  for (let at: usize = (<usize>from) << 2; at < (<usize>to) << 2; at += 4) {
    const width = <usize>load<u32>(widths + at)
    const own = <usize>load<u32>(left + ((<usize>load<u32>(leaves + at)) << 2))
    let number = numbers + ((<usize>load<u32>(numbersAt + at) + own * width) << 3)
    let column = columns + ((<usize>load<u32>(columnsAt + at)) << 2)
    for (const end = number + (width << 3); number < end; number += 8, column += 4) {
      const part = parts + ((<usize>load<u32>(column)) << 3)
      store<f64>(part, load<f64>(part) + load<f64>(number))
    }
  }
}

/**
 * Adds the parts of leaves without.
 * @param rules by half the points, rounded up: where a rule's points are, and how many pairs of them [16 · 2] u32
 * @param scratch of a leaf: products behind each column, and sums [2 · 30] pairs of f64
 */
export function addWide(
  from: u32,
  to: u32,
  leaves: usize,
  widths: usize,
  columnsAt: usize,
  columns: usize,
  numbersAt: usize,
  numbers: usize,
  left: usize,
  parts: usize,
  rules: usize,
  scratch: usize,
): void {
  const one = f64x2.splat(1)
  for (let at: usize = (<usize>from) << 2; at < (<usize>to) << 2; at += 4) {
    const width = <usize>load<u32>(widths + at)
    const own = load<u32>(left + ((<usize>load<u32>(leaves + at)) << 2))
    const value = numbers + ((<usize>load<u32>(numbersAt + at)) << 3)
    const shares = value + 8
    const sums = scratch + (width << 4)
    memory.fill(sums, 0, width << 4)
    const rule = rules + (((width + 1) >> 1) << 3)
    let point = <usize>load<u32>(rule)
    for (const end = point + ((<usize>load<u32>(rule, 4)) << 5); point < end; point += 32) {
      const t = v128.load(point)
      const rest = f64x2.sub(one, t)
      let product = f64x2.mul(v128.load(point, 16), v128.load64_splat(value))
      for (let i: isize = <isize>width - 1; i >= 0; i--) {
        v128.store(scratch + ((<usize>i) << 4), product)
        const z = v128.load64_splat(shares + ((<usize>i) << 3))
        // t where the row follows the column, else 0.
        const known = v128.and(t, i64x2.splat(<i64>((own >> <u32>i) & 1) - 1))
        product = f64x2.mul(product, f64x2.add(f64x2.mul(z, rest), known))
      }
      product = one
      for (let i: usize = 0; i < width; i++) {
        const z = v128.load64_splat(shares + (i << 3))
        const follows = i64x2.splat(<i64>((own >> <u32>i) & 1) - 1)
        const change = f64x2.mul(f64x2.sub(v128.and(one, follows), z), product)
        const sum = sums + (i << 4)
        v128.store(sum, f64x2.add(v128.load(sum), f64x2.mul(change, v128.load(scratch + (i << 4)))))
        product = f64x2.mul(product, f64x2.add(f64x2.mul(z, rest), v128.and(t, follows)))
      }
    }
    const column = columns + ((<usize>load<u32>(columnsAt + at)) << 2)
    for (let i: usize = 0; i < width; i++) {
      const sum = v128.load(sums + (i << 4))
      const part = parts + ((<usize>load<u32>(column + (i << 2))) << 3)
      store<f64>(part, load<f64>(part) + f64x2.extract_lane(sum, 0) + f64x2.extract_lane(sum, 1))
    }
  }
}
