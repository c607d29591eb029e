// AssemblyScript, not TypeScript: compiled by scripts/build.mjs. Pointers are byte addresses in memory that the module
// is given; the arithmetic is that of leaf-paths.ts, two points of a quadrature at a time.

/**
 * The columns by which a row leaves the path to each node, as bits. Without a branch: half of them would be foreseen
 * wrongly. Children lie behind their parents, and best far behind: what is stored is not waited for then.
 * @param splits [n] of threshold f64, places of the column in the row, of the node, its true and its false branch in
 *   `left` u32, bit u32, what NaN answers u32, and 1 where the test is another one u32: 40 bytes each
 * @param row [features] f64
 * @param tests [nodes] u8: what other tests say
 * @param left [nodes] u32
 */
export function follow(n: u32, splits: usize, row: usize, tests: usize, left: usize): void {
  for (const end = splits + <usize>n * 40; splits < end; splits += 40) {
    const value = load<f64>(row + <usize>load<u32>(splits, 8))
    const threshold = load<f64>(splits)
    const isLow = u32(value <= threshold)
    const isMissing = 1 ^ isLow ^ u32(value > threshold)
    const node = <usize>load<u32>(splits, 12)
    const isOther = load<u32>(splits, 32)
    const plain = isLow | (isMissing & load<u32>(splits, 28))
    const holds = (plain & (1 - isOther)) | (isOther & <u32>load<u8>(tests + (node >> 2)))
    const before = load<u32>(left + node)
    const bit = load<u32>(splits, 24)
    store<u32>(left + <usize>load<u32>(splits, 16), before | (bit & (holds - 1)))
    store<u32>(left + <usize>load<u32>(splits, 20), before | (bit & (0 - holds)))
  }
}

/**
 * Adds the parts of leaves with tables, and what those add that the row comes to.
 * @param leaves [n] of what each adds f64, places of its node in `left`, of its columns, of its numbers and of its
 *   score, and how many columns u32, all in bytes but the last: 32 bytes each
 * @param columns places in `parts` [..] u32
 * @param numbers f64: tables
 * @param parts, scores f64
 */
export function addTabled(
  n: u32,
  leaves: usize,
  columns: usize,
  numbers: usize,
  left: usize,
  parts: usize,
  scores: usize,
): void {
  for (const end = leaves + ((<usize>n) << 5); leaves < end; leaves += 32) {
    const own = <usize>load<u32>(left + <usize>load<u32>(leaves, 8))
    const width = <usize>load<u32>(leaves, 24)
    let number = numbers + <usize>load<u32>(leaves, 16) + ((own * width) << 3)
    let column = columns + <usize>load<u32>(leaves, 12)
    for (const last = number + (width << 3); number < last; number += 8, column += 4) {
      const part = parts + <usize>load<u32>(column)
      store<f64>(part, load<f64>(part) + load<f64>(number))
    }
    if (own === 0) {
      const score = scores + <usize>load<u32>(leaves, 20)
      store<f64>(score, load<f64>(score) + load<f64>(leaves))
    }
  }
}

/**
 * The same of leaves without tables: their numbers are the share of rows that each column lets through [width] f64.
 * @param rules by half the points, rounded up: where a rule's points are, and how many pairs of them [16 · 2] u32
 * @param scratch of a leaf: products behind each column, and sums [2 · 30] pairs of f64
 */
export function addWide(
  n: u32,
  leaves: usize,
  columns: usize,
  numbers: usize,
  left: usize,
  parts: usize,
  scores: usize,
  rules: usize,
  scratch: usize,
): void {
  const one = f64x2.splat(1)
  for (const end = leaves + ((<usize>n) << 5); leaves < end; leaves += 32) {
    const width = <usize>load<u32>(leaves, 24)
    const own = load<u32>(left + <usize>load<u32>(leaves, 8))
    const shares = numbers + <usize>load<u32>(leaves, 16)
    if (own === 0) {
      const score = scores + <usize>load<u32>(leaves, 20)
      store<f64>(score, load<f64>(score) + load<f64>(leaves))
    }
    const sums = scratch + (width << 4)
    memory.fill(sums, 0, width << 4)
    const rule = rules + (((width + 1) >> 1) << 3)
    let point = <usize>load<u32>(rule)
    for (const last = point + ((<usize>load<u32>(rule, 4)) << 5); point < last; point += 32) {
      const t = v128.load(point)
      const rest = f64x2.sub(one, t)
      let product = f64x2.mul(v128.load(point, 16), v128.load64_splat(leaves))
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
    const column = columns + <usize>load<u32>(leaves, 12)
    for (let i: usize = 0; i < width; i++) {
      const sum = v128.load(sums + (i << 4))
      const part = parts + <usize>load<u32>(column + (i << 2))
      store<f64>(part, load<f64>(part) + f64x2.extract_lane(sum, 0) + f64x2.extract_lane(sum, 1))
    }
  }
}
