// AssemblyScript, not TypeScript: compiled by scripts/build.mjs. Pointers are byte addresses in the shared memory; the
// arithmetic is that of loops.ts: a sum of two float32 is the same whether it is rounded from float64 or made in
// float32. Four rows at a time, then those left one by one.

/** The cells of the table of gradients: 2,048 a unit of score, numbered from the middle. */
const lowestCell: i32 = -32_768
const highestCell: i32 = 32_767
/** A gradient of 1 in fixed point, where it stands in a packed one. */
const one: i32 = 32_767 << 16

/** Adds the leaf values of four rows to their scores. @returns the new scores */
function addFour(scores: usize, leafOf: usize, leafValues: usize, row: usize): v128 {
  const leaves = leafOf + row
  const at = scores + (row << 2)
  let values = v128.load32_zero(leafValues + ((<usize>load<u8>(leaves)) << 2))
  values = v128.load32_lane(leafValues + ((<usize>load<u8>(leaves, 1)) << 2), values, 1)
  values = v128.load32_lane(leafValues + ((<usize>load<u8>(leaves, 2)) << 2), values, 2)
  values = v128.load32_lane(leafValues + ((<usize>load<u8>(leaves, 3)) << 2), values, 3)
  const sums = f32x4.add(v128.load(at), values)
  v128.store(at, sums)
  return sums
}

function addOne(scores: usize, leafOf: usize, leafValues: usize, row: usize): f32 {
  const at = scores + (row << 2)
  const sum = load<f32>(at) + load<f32>(leafValues + ((<usize>load<u8>(leafOf + row)) << 2))
  store<f32>(at, sum)
  return sum
}

/**
 * Adds leaf values to scores and looks up gradients.
 * @param classes [n] u8: 0 or 1
 * @param scores [n] f32
 * @param leafOf [n] u8
 * @param leafValues [256] f32
 * @param logistic [65536] i32
 * @param gradients [n] i32
 */
export function updateBinary(
  classes: usize,
  scores: usize,
  leafOf: usize,
  leafValues: usize,
  logistic: usize,
  gradients: usize,
  from: u32,
  to: u32,
): void {
  const middle = logistic - (lowestCell << 2)
  let row: usize = from
  for (; row + 4 <= <usize>to; row += 4) {
    const score = addFour(scores, leafOf, leafValues, row)
    const place = i32x4.trunc_sat_f32x4_s(f32x4.floor(f32x4.mul(score, f32x4.splat(2_048))))
    const cell = i32x4.min_s(i32x4.splat(highestCell), i32x4.max_s(i32x4.splat(lowestCell), place))
    const offset = i32x4.shl(cell, 2)
    let packed = v128.load32_zero(middle + i32x4.extract_lane(offset, 0))
    packed = v128.load32_lane(middle + i32x4.extract_lane(offset, 1), packed, 1)
    packed = v128.load32_lane(middle + i32x4.extract_lane(offset, 2), packed, 2)
    packed = v128.load32_lane(middle + i32x4.extract_lane(offset, 3), packed, 3)
    const classOf = i32x4.extend_low_i16x8_u(i16x8.extend_low_i8x16_u(v128.load32_zero(classes + row)))
    v128.store(gradients + (row << 2), i32x4.sub(packed, i32x4.mul(classOf, i32x4.splat(one))))
  }
  for (; row < <usize>to; row++) {
    const score = addOne(scores, leafOf, leafValues, row)
    const cell = min(highestCell, max(lowestCell, <i32>floor(score * 2_048)))
    const packed = load<i32>(middle + (cell << 2))
    store<i32>(gradients + (row << 2), packed - <i32>load<u8>(classes + row) * one)
  }
}

/** Adds leaf values to scores. @returns the largest |score| */
export function updateScores(scores: usize, leafOf: usize, leafValues: usize, from: u32, to: u32): f64 {
  let row: usize = from
  let largestFour = f32x4.splat(0)
  for (; row + 4 <= <usize>to; row += 4)
    largestFour = f32x4.pmax(largestFour, f32x4.abs(addFour(scores, leafOf, leafValues, row)))
  let largest = max(
    max(f32x4.extract_lane(largestFour, 0), f32x4.extract_lane(largestFour, 1)),
    max(f32x4.extract_lane(largestFour, 2), f32x4.extract_lane(largestFour, 3)),
  )
  for (; row < <usize>to; row++) largest = max(largest, abs(addOne(scores, leafOf, leafValues, row)))
  return <f64>largest
}

/** Packs gradients of the squared loss: scores times a scale, rounded. */
export function gradientsOfSquares(scores: usize, gradients: usize, scale: f64, from: u32, to: u32): void {
  let at: usize = from << 2
  const end: usize = to << 2
  for (; at + 16 <= end; at += 16) {
    const score = v128.load(scores + at)
    const low = roundTwo(f64x2.promote_low_f32x4(score), scale)
    const high = roundTwo(f64x2.promote_low_f32x4(i64x2.shuffle(score, score, 1, 1)), scale)
    const gradient = i64x2.shuffle(low, high, 0, 2)
    v128.store(gradients + at, v128.or(i32x4.shl(gradient, 16), i32x4.splat(1)))
  }
  for (; at < end; at += 4) {
    const gradient = <i32>floor(<f64>load<f32>(scores + at) * scale + 0.5)
    store<i32>(gradients + at, (gradient << 16) | 1)
  }
}

/**
 * Multiplies packed gradients and hessians by weights.
 * @param weights [n] u16, shares of 65,535
 * @param hessianShift 16 for hessians that fill their bits, 0 for those of 1
 */
export function weigh(weights: usize, gradients: usize, hessianShift: u32, from: u32, to: u32): void {
  const half: u32 = hessianShift === 0 ? 0 : 0x8000
  for (let row: usize = from; row < <usize>to; row++) {
    const at = gradients + (row << 2)
    const packed = load<i32>(at)
    const weight = <u32>load<u16>(weights + (row << 1))
    const gradient = ((packed >> 16) * <i32>weight + 0x8000) >> 16
    const hessian = (<u32>(packed & 0xffff) * weight + half) >> hessianShift
    store<i32>(at, (gradient << 16) | <i32>hessian)
  }
}

function roundTwo(scores: v128, scale: f64): v128 {
  const scaled = f64x2.mul(scores, f64x2.splat(scale))
  return i32x4.trunc_sat_f64x2_s_zero(f64x2.floor(f64x2.add(scaled, f64x2.splat(0.5))))
}
