/*
 * The C library's expf, so that probabilities have ONNX Runtime's very bits. glibc since 2.28 and musl since 1.2 have
 * that of Arm's Optimized Routines (math/expf.c, Szabolcs Nagy, 2017), which works in double precision: e^x = 2^(k/32)
 * · 2^r with k a whole number, 2^(k/32) from a table and 2^r by a cubic.
 */

/** 32 / ln 2. */
export const scale = 46.16624130844683
/** The cubic's coefficients for r in units of 1/32, highest first; the last is 1. */
export const cubic = [0.05550361559341535 / 32 ** 3, 0.2402284522445722 / 32 ** 2, 0.6931471806916203 / 32] as const
/** Added and taken off again, it rounds a double to a whole number, which is then in its low bits. */
export const rounder = 1.5 * 2 ** 52
/** Above and below these (as float32) the result is infinity and zero. */
export const overflow = Math.fround(88.72283172607422)
export const underflow = Math.fround(-103.97207641601562)

/**
 * Bits of 2^(i/32), less i · 2^47, as whole numbers: adding k · 2^47 for any k with k mod 32 = i gives the bits of
 * 2^(k/32). Each is the double nearest to the power: its 53 bits m are such that 2m ± 1 lie on both sides, by the 32nd
 * power in whole numbers.
 */
export function powersOfTwo(): BigUint64Array {
  return BigUint64Array.from({ length: 32 }, (_, i) => {
    const exact = 1n << BigInt(53 * 32 + i)
    let m = BigInt(Math.round(2 ** (52 + i / 32)))
    while ((2n * m + 1n) ** 32n < exact) m++
    while ((2n * m - 1n) ** 32n > exact) m--
    return (1023n << 52n) + (m - (1n << 52n)) - (BigInt(i) << 47n)
  })
}
