// AssemblyScript, not TypeScript: compiled by scripts/build.mjs. Pointers are byte addresses in the shared memory.

/**
 * The sum of log losses, interpolated between the borders of cells.
 * @param classes [n] u8: 0 or 1
 * @param scores [n] f32
 * @param table [32769] f64: log(1 + eˢ) every 1/512 from −32
 */
export function logLoss(classes: usize, scores: usize, table: usize, from: u32, to: u32): f64 {
  let sum: f64 = 0
  for (let row: usize = from; row < <usize>to; row++) {
    const score = load<f32>(scores + (row << 2))
    const place = <f64>(load<u8>(classes + row) === 1 ? -score : score) * 512
    const cell = min<i32>(16_383, max<i32>(-16_384, <i32>floor(place)))
    const border = table + ((<usize>(cell + 16_384)) << 3)
    const low = load<f64>(border)
    sum += low + (load<f64>(border, 8) - low) * (place - <f64>cell)
  }
  return sum
}

/** The sum of squared scores, which are errors. */
export function squaredLoss(scores: usize, from: u32, to: u32): f64 {
  let sum: f64 = 0
  for (let at: usize = from << 2; at < <usize>(to << 2); at += 4) {
    const error = <f64>load<f32>(scores + at)
    sum += error * error
  }
  return sum
}
