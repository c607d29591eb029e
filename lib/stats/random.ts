/**
 * A small seeded generator of 32-bit integers, for resampling: sfc32 (Chris Doty-Humphrey, PractRand), mixed from the
 * seed.
 * @returns a function giving uniform integers in [0, 2^32).
 */
export function seededRandom(seed: number): () => number {
  let a = 0x9e3779b9 ^ seed
  let b = 0x243f6a88
  let c = 0xb7e15162 ^ Math.floor(seed / 2 ** 32)
  let counter = 1
  const next = (): number => {
    const sum = (((a + b) | 0) + counter) | 0
    counter = (counter + 1) | 0
    a = b ^ (b >>> 9)
    b = (c + (c << 3)) | 0
    c = (c << 21) | (c >>> 11)
    c = (c + sum) | 0
    return sum >>> 0
  }
  for (let i = 0; i < 12; i++) next()
  return next
}
