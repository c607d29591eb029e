// AssemblyScript, not TypeScript: compiled by scripts/build.mjs. Pointers are byte addresses in the shared memory.

/**
 * The bins of values by a binary search without branches: eight halvings of 255 cuts.
 * @param values [n] f32, NaN for missing
 * @param cuts [255] f32, the unused ones +∞
 * @param into u8, `width` bytes from row to row
 */
export function toBins(values: usize, cuts: usize, into: usize, width: usize, n: u32): void {
  for (let i: usize = 0; i < <usize>n; i++) {
    const value = load<f32>(values + (i << 2))
    let at = cuts
    at += (<usize>(value > load<f32>(at, 127 * 4))) << 9
    at += (<usize>(value > load<f32>(at, 63 * 4))) << 8
    at += (<usize>(value > load<f32>(at, 31 * 4))) << 7
    at += (<usize>(value > load<f32>(at, 15 * 4))) << 6
    at += (<usize>(value > load<f32>(at, 7 * 4))) << 5
    at += (<usize>(value > load<f32>(at, 3 * 4))) << 4
    at += (<usize>(value > load<f32>(at, 1 * 4))) << 3
    at += (<usize>(value > load<f32>(at))) << 2
    store<u8>(into + i * width, value <= <f32>Infinity ? (at - cuts) >> 2 : 255)
  }
}
