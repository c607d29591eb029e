// AssemblyScript, not TypeScript: compiled by scripts/build.mjs. Pointers are byte addresses in the shared memory.

/** A row's weight; 1 without weights. */
function weightOf(weights: usize, row: usize): f64 {
  return weights === 0 ? 1 : <f64>load<u16>(weights + (row << 1))
}

/**
 * The sum of log losses, interpolated between the borders of cells.
 * @param classes [n] u8: 0 or 1
 * @param scores [n] f32
 * @param table [32769] f64: log(1 + eˢ) every 1/512 from −32
 * @param weights [n] u16, or 0
 */
export function logLoss(classes: usize, scores: usize, table: usize, weights: usize, from: u32, to: u32): f64 {
  let sum: f64 = 0
  for (let row: usize = from; row < <usize>to; row++) {
    const score = load<f32>(scores + (row << 2))
    const place = <f64>(load<u8>(classes + row) === 1 ? -score : score) * 512
    const cell = min<i32>(16_383, max<i32>(-16_384, <i32>floor(place)))
    const border = table + ((<usize>(cell + 16_384)) << 3)
    const low = load<f64>(border)
    sum += (low + (load<f64>(border, 8) - low) * (place - <f64>cell)) * weightOf(weights, row)
  }
  return sum
}

/**
 * The sum of squared scores, which are errors.
 * @param weights [n] u16, or 0
 */
export function squaredLoss(scores: usize, weights: usize, from: u32, to: u32): f64 {
  let sum: f64 = 0
  for (let row: usize = from; row < <usize>to; row++) {
    const error = <f64>load<f32>(scores + (row << 2))
    sum += error * error * weightOf(weights, row)
  }
  return sum
}
