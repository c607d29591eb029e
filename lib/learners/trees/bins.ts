/** The bin of missing values; real bins are 0 … 253. */
export const missingBin = 255

/** Rows looked at to place the cuts, at most. */
export const sampleSize = 200_000

/**
 * Places the cuts of a feature's histogram: bin b holds cuts[b-1] < x ≤ cuts[b], the last bin is open. Few distinct
 * values get a bin each; many are cut into bins of about equal count. A cut lies between two values that occur, as
 * float32, since that is what the exported model compares.
 * @param sample [sampleSize] scratch, for many features to share
 */
export function placeCuts(
  values: Float32Array,
  bins: number,
  sample: Float32Array = new Float32Array(sampleSize),
): Float32Array {
  const step = Math.max(1, Math.ceil(values.length / sampleSize))
  let n = 0
  for (let i = 0; i < values.length; i += step)
    if (!Number.isNaN(values[i] as number)) sample[n++] = values[i] as number
  const sorted = sample.subarray(0, n).sort()
  const distinct: number[] = []
  const counts: number[] = []
  for (const value of sorted) {
    if (value === distinct.at(-1)) counts[counts.length - 1] = (counts.at(-1) as number) + 1
    else {
      distinct.push(value)
      counts.push(1)
    }
  }
  const cuts: number[] = []
  let inBin = 0
  let left = n
  for (let i = 0; i < distinct.length - 1; i++) {
    const count = counts[i] as number
    inBin += count
    left -= count
    // What is still to be placed, shared among the bins still free: a heavy value does not starve the rest.
    const full = distinct.length <= bins || inBin >= (inBin + left) / (bins - cuts.length)
    if (full && cuts.length < bins - 1) {
      cuts.push(between(distinct[i] as number, distinct[i + 1] as number))
      inBin = 0
    }
  }
  return Float32Array.from(cuts)
}

function between(low: number, high: number): number {
  const middle = Math.fround(low + (high - low) / 2)
  return middle < high ? middle : low
}

/** The bin of a value under given cuts, by binary search. */
export function binOf(value: number, cuts: Float32Array): number {
  if (Number.isNaN(value)) return missingBin
  let low = 0
  let high = cuts.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (value <= (cuts[middle] as number)) high = middle
    else low = middle + 1
  }
  return low
}
