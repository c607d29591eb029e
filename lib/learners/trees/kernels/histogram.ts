// AssemblyScript, not TypeScript: compiled by scripts/build.mjs. Pointers are byte addresses in the shared memory.

/** Rows until the low half of a cell could overflow: 2^15 rows of hessians below 2^16. */
const rowsToFlush: usize = 32_768
/** Rows fetched at a time, into 4 KB. */
const rowsToFetch: usize = 256
/** Bytes of a feature's cells (256 bins of one i64) and of its sums (256 bins of two f64). */
const cellsStride: usize = 2_048
const sumsStride: usize = 4_096

/**
 * Sums gradients and hessians of rows order[from..to) by feature and bin, for one group of features. A cell is gradient
 * · 2^32 + hessian, so that one addition adds both, and the cells of a group (16 KB) stay in the first-level cache.
 * @param bins [n][width] u8, readable 7 bytes past its end
 * @param width features in the group: 1 to 8
 * @param gradients [n] i32: gradient (16 bits, signed) and hessian (16 bits, unsigned)
 * @param cells [8][256] i64, then [256][2] i64: scratch, the cells all zeros before and after
 * @param sums [width][256][2] f64, overwritten
 */
export function histogram(
  bins: usize,
  width: usize,
  gradients: usize,
  order: usize,
  from: u32,
  to: u32,
  cells: usize,
  sums: usize,
): void {
  const fetched = cells + 8 * cellsStride
  const end = order + (to << 2)
  memory.fill(sums, 0, width * sumsStride)
  for (let start = order + (from << 2); start < end; ) {
    const flushAt = min(end, start + (rowsToFlush << 2))
    while (start < flushAt) {
      const stop = min(flushAt, start + (rowsToFetch << 2))
      const fetchedEnd = fetch(bins, width, gradients, start, stop, fetched)
      add(fetched, fetchedEnd, width, cells)
      start = stop
    }
    flush(cells, width, sums)
  }
}

/**
 * Rows lie far apart in a small leaf. Many are fetched in a loop that does little else, so that their cache misses
 * overlap.
 */
function fetch(bins: usize, width: usize, gradients: usize, start: usize, stop: usize, into: usize): usize {
  for (let at = start; at < stop; at += 4, into += 16) {
    const row: usize = load<u32>(at)
    const packed = load<i32>(gradients + (row << 2))
    store<i64>(into, ((<i64>(packed >> 16)) << 32) + <i64>(packed & 0xffff))
    store<u64>(into, load<u64>(bins + row * width), 8)
  }
  return into
}

/** Adds rows to the cells, two features at a time. */
function add(start: usize, stop: usize, width: usize, cells: usize): void {
  let feature: usize = 0
  for (; feature + 2 <= width; feature += 2) {
    const pair = cells + feature * cellsStride
    for (let at = start; at < stop; at += 16) {
      const both = load<i64>(at)
      const first = pair + ((<usize>load<u8>(at + feature, 8)) << 3)
      const second = pair + ((<usize>load<u8>(at + feature, 9)) << 3)
      store<i64>(first, load<i64>(first) + both)
      store<i64>(second, load<i64>(second, cellsStride) + both, cellsStride)
    }
  }
  if (feature === width) return
  const last = cells + feature * cellsStride
  for (let at = start; at < stop; at += 16) {
    const cell = last + ((<usize>load<u8>(at + feature, 8)) << 3)
    store<i64>(cell, load<i64>(cell) + load<i64>(at))
  }
}

/** Moves cells to the sums, exactly, and clears them. */
function flush(cells: usize, width: usize, sums: usize): void {
  const end = cells + width * cellsStride
  for (let at = sums; cells < end; cells += 8, at += 16) {
    const cell = load<i64>(cells)
    const hessian = cell & 0xffff_ffff
    store<f64>(at, load<f64>(at) + <f64>((cell - hessian) >> 32))
    store<f64>(at + 8, load<f64>(at + 8) + <f64>hessian)
    store<i64>(cells, 0)
  }
}
