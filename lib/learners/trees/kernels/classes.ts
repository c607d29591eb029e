// AssemblyScript, not TypeScript: compiled by scripts/build.mjs. Pointers are byte addresses in the shared memory; the
// arithmetic is that of loops-of-classes.ts: all of it float32, which does not depend on how many rows go at a time.

/** eˣ of four x up to 0, as `exponential` of loops-of-classes.ts. */
function expFour(x: v128): v128 {
  const bounded = f32x4.max(x, f32x4.splat(-87))
  const power = f32x4.floor(f32x4.add(f32x4.mul(bounded, f32x4.splat(<f32>Math.LOG2E)), f32x4.splat(0.5)))
  const high = f32x4.sub(bounded, f32x4.mul(power, f32x4.splat(0.693359375)))
  const r = f32x4.sub(high, f32x4.mul(power, f32x4.splat(-2.1219444e-4)))
  let y = f32x4.splat(1.98756915e-4)
  y = f32x4.add(f32x4.mul(y, r), f32x4.splat(1.3981999507e-3))
  y = f32x4.add(f32x4.mul(y, r), f32x4.splat(8.3334519073e-3))
  y = f32x4.add(f32x4.mul(y, r), f32x4.splat(4.1665795894e-2))
  y = f32x4.add(f32x4.mul(y, r), f32x4.splat(1.6666665459e-1))
  y = f32x4.add(f32x4.mul(y, r), f32x4.splat(5.0000001201e-1))
  y = f32x4.add(f32x4.add(f32x4.mul(f32x4.mul(y, r), r), r), f32x4.splat(1))
  const exponent = i32x4.shl(i32x4.add(i32x4.trunc_sat_f32x4_s(power), i32x4.splat(127)), 23)
  return f32x4.mul(y, exponent)
}

/** The largest of four rows' scores. */
function largestOfFour(scores: usize, stride: usize, sums: u32): v128 {
  let largest = v128.load(scores)
  for (let sum: u32 = 1; sum < sums; sum++) {
    scores += stride
    largest = f32x4.max(largest, v128.load(scores))
  }
  return largest
}

/**
 * Gradients and hessians of the softmax loss: g = p − [y = k], h = p (1 − p), for rows from..to.
 * @param classes [n] u8
 * @param scores [sums][n + v] f32
 * @param gradients [sums][n] i32; while a row is under way f32, its powers of e
 * @param rows n
 * @param all n + v
 */
export function gradientsOfClasses(
  classes: usize,
  scores: usize,
  gradients: usize,
  sums: u32,
  rows: u32,
  all: u32,
  from: u32,
  to: u32,
): void {
  const stride = (<usize>all) << 2
  const ownStride = (<usize>rows) << 2
  let row: usize = from
  for (; row + 4 <= <usize>to; row += 4) {
    const at = scores + (row << 2)
    const into = gradients + (row << 2)
    const largest = largestOfFour(at, stride, sums)
    let total = f32x4.splat(0)
    for (let sum: u32 = 0; sum < sums; sum++) {
      const power = expFour(f32x4.sub(v128.load(at + <usize>sum * stride), largest))
      v128.store(into + <usize>sum * ownStride, power)
      total = f32x4.add(total, power)
    }
    const inverse = f32x4.div(f32x4.splat(1), total)
    const label = i32x4.extend_low_i16x8_u(i16x8.extend_low_i8x16_u(v128.load32_zero(classes + row)))
    for (let sum: u32 = 0; sum < sums; sum++) {
      const place = into + <usize>sum * ownStride
      const own = v128.and(i32x4.eq(label, i32x4.splat(sum)), i32x4.splat(32_767))
      v128.store(place, packFour(f32x4.mul(v128.load(place), inverse), own))
    }
  }
  for (; row < <usize>to; row++) {
    const at = scores + (row << 2)
    let largest = load<f32>(at)
    for (let sum: u32 = 1; sum < sums; sum++) largest = max(largest, load<f32>(at + <usize>sum * stride))
    let total: f32 = 0
    for (let sum: u32 = 0; sum < sums; sum++) total += expOne(load<f32>(at + <usize>sum * stride) - largest)
    const inverse: f32 = <f32>1 / total
    const label = <u32>load<u8>(classes + row)
    for (let sum: u32 = 0; sum < sums; sum++) {
      const share = expOne(load<f32>(at + <usize>sum * stride) - largest) * inverse
      const own = i32x4.splat(label === sum ? 32_767 : 0)
      const packed = i32x4.extract_lane(packFour(f32x4.splat(share), own), 0)
      store<i32>(gradients + (row << 2) + <usize>sum * ownStride, packed)
    }
  }
}

function expOne(x: f32): f32 {
  return f32x4.extract_lane(expFour(f32x4.splat(x)), 0)
}

/** Gradients and hessians of four probabilities in fixed point. @param own 32,767 where the row is of this class */
function packFour(p: v128, own: v128): v128 {
  const scaled = f32x4.add(f32x4.mul(p, f32x4.splat(32_767)), f32x4.splat(0.5))
  const gradient = i32x4.sub(i32x4.trunc_sat_f32x4_s(f32x4.floor(scaled)), own)
  const spread = f32x4.mul(f32x4.mul(p, f32x4.sub(f32x4.splat(1), p)), f32x4.splat(262_140))
  const hessian = i32x4.trunc_sat_f32x4_s(f32x4.floor(f32x4.add(spread, f32x4.splat(0.5))))
  const bounded = i32x4.min_s(i32x4.splat(65_535), i32x4.max_s(i32x4.splat(1), hessian))
  return v128.or(i32x4.shl(gradient, 16), bounded)
}

/**
 * The sum of the losses of rows from..to: log Σ eˢ − s of their class.
 * @param classes [n + v] u8
 * @param scores [sums][n + v] f32
 * @param logs [4097] f64: log(1 + i / 4096)
 * @param weights [n + v] u16, or 0
 */
export function classLoss(
  classes: usize,
  scores: usize,
  logs: usize,
  weights: usize,
  sums: u32,
  all: u32,
  from: u32,
  to: u32,
): f64 {
  const stride = (<usize>all) << 2
  let loss: f64 = 0
  for (let row: usize = from; row < <usize>to; row++) {
    const at = scores + (row << 2)
    let largest = load<f32>(at)
    for (let sum: u32 = 1; sum < sums; sum++) largest = max(largest, load<f32>(at + <usize>sum * stride))
    let total: f32 = 0
    for (let sum: u32 = 0; sum < sums; sum++) total += expOne(load<f32>(at + <usize>sum * stride) - largest)
    const own = load<f32>(at + <usize>load<u8>(classes + row) * stride)
    const weight: f64 = weights === 0 ? 1 : <f64>load<u16>(weights + (row << 1))
    loss += (logOf(total, logs) - (<f64>own - <f64>largest)) * weight
  }
  return loss
}

/** The natural logarithm of a number from 1 on, interpolated. */
function logOf(value: f32, logs: usize): f64 {
  const exponent = 31 - clz(<i32>value)
  const place = (<f64>value / <f64>(1 << exponent) - 1) * 4_096
  const cell = <i32>floor(place)
  const border = logs + ((<usize>cell) << 3)
  const low = load<f64>(border)
  return <f64>exponent * Math.LN2 + low + (load<f64>(border, 8) - low) * (place - <f64>cell)
}
