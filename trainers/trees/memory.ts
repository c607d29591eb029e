/** Features are kept in groups of this many, so that one row of a group is one 8-byte load and its histogram stays in the first-level cache. */
export const groupWidth = 8
/** Histogram entries of a feature: 256 bins, each a sum of gradients and a sum of hessians. */
export const featureStride = 512

/**
 * What the loops work on, in shared memory so that threads see the same bytes. n rows, F features, ⌈F/8⌉ groups.
 * Sums are integers, exact in any order and grouping: the model does not depend on the number of threads.
 */
export interface TrainingMemory {
  readonly rows: number
  readonly features: number
  readonly groups: number
  /** Bins by row: [groups][n][8]. For histograms. */
  readonly rowBins: Uint8Array
  /** Bins by feature: [F][n]. For partitions. */
  readonly columnBins: Uint8Array
  /** A row's gradient (signed 16 bits, high) and hessian (unsigned 16 bits, low), fixed point: [n]. */
  readonly gradients: Int32Array
  readonly labels: Float32Array
  readonly scores: Float64Array
  /** Row numbers, those of a leaf side by side: [n]. */
  readonly order: Uint32Array
  /** The leaf a row fell into: [n]. */
  readonly leafOf: Uint8Array
  readonly leafValues: Float64Array
  /** One histogram a thread: [threads][groups · 8 · 512]. */
  readonly histograms: Float64Array
  /** Orders to the threads: see `crew.ts`. */
  readonly control: Int32Array
  readonly settings: Float64Array
}

const shared = (bytes: number): SharedArrayBuffer => new SharedArrayBuffer(Math.max(8, Math.ceil(bytes / 8) * 8))

export function allocate(rows: number, features: number, threads: number): TrainingMemory {
  const groups = Math.ceil(features / groupWidth)
  return {
    rows,
    features,
    groups,
    rowBins: new Uint8Array(shared(groups * rows * groupWidth)),
    columnBins: new Uint8Array(shared(features * rows)),
    gradients: new Int32Array(shared(rows * 4)),
    labels: new Float32Array(shared(rows * 4)),
    scores: new Float64Array(shared(rows * 8)),
    order: new Uint32Array(shared(rows * 4)),
    leafOf: new Uint8Array(shared(rows)),
    leafValues: new Float64Array(shared(256 * 8)),
    histograms: new Float64Array(shared(threads * groups * groupWidth * featureStride * 8)),
    control: new Int32Array(shared(64)),
    settings: new Float64Array(shared(64)),
  }
}
