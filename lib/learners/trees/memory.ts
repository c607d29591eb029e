import { SlipwayError } from '../../formats/errors.ts'
import { logCells, logisticCells, lossCells } from './tables.ts'

/**
 * Features are kept in groups of this many, so that one row of a group is one load and its histogram stays in the
 * first-level cache.
 */
export const groupWidth = 8
/** Histogram entries of a feature: 256 bins, each a sum of gradients and a sum of hessians. */
export const featureStride = 512
/** Leaves of a tree, at most: a leaf's number is a byte. */
export const mostLeaves = 256
/** Cuts of a feature, padded with +∞ for a binary search of eight steps. */
export const cutsLength = 255

/** Scratch of a thread's compiled histogram: [8][256] sums and [256] rows fetched, of 8 and 16 bytes. */
export const cellsBytes = (8 * 256 + 256 * 2) * 8

/** The parts of a thread's rows: those that train, and those that only follow the splits to be validated. */
export const parts = { training: 0, validation: 1 } as const

/**
 * What the loops work on: one WebAssembly memory that all threads share and both the plain and the compiled loops
 * address. n rows to train on, then v rows to validate; F features in groups of up to 8. A thread owns rows, and the
 * same places of `order`. Sums are integers, exact in any order and grouping: the model does not depend on the number
 * of threads.
 */
export interface TrainingMemory extends Views, Readonly<Required<Omit<MemoryShape, 'weighted' | 'groups'>>> {
  readonly memory: WebAssembly.Memory
}

/** What decides how much memory a training takes. */
export interface MemoryShape {
  readonly rows: number
  readonly validationRows: number
  readonly features: number
  readonly threads: number
  /** Sums a row: 1, or one a class. */
  readonly sums?: number
  readonly weighted?: boolean
  /** Of a ranking: in how many groups the training rows are. */
  readonly groups?: number
  /** Of a ranking: ranks of which a pair of rows must have one. */
  readonly truncation?: number
}

type ViewTypes = ReturnType<typeof viewsOf>
type Views = { readonly [Name in keyof ViewTypes]: InstanceType<ViewTypes[Name][0]> }

function viewsOf({ rows, validationRows, features, threads, weighted = false, sums = 1, groups }: MemoryShape) {
  const all = rows + validationRows
  return {
    /**
     * By row: [groups][n + v][features of the group], and the bytes that a load of eight sees past the end. See
     * `binsOf`.
     */
    bins: [Uint8Array, features * all + groupWidth],
    /** A row's gradient (signed 16 bits, high) and hessian (unsigned 16 bits, low), fixed point: [sums][n]. */
    gradients: [Int32Array, sums * rows],
    /** Labels that are classes, from 0: [n + v]. */
    classes: [Uint8Array, all],
    /** By row, in shares of the largest, 65,535: [n + v]; empty where all rows count alike. */
    weights: [Uint16Array, weighted ? all : 0],
    /** What the trees say so far: log odds, or in a regression how far they are above the label: [sums][n + v]. */
    scores: [Float32Array, sums * all],
    /** Row numbers, in each thread's places those of a leaf side by side: [n + v]. */
    order: [Uint32Array, all],
    /** Where a partition puts rows aside: [n + v]. */
    scratch: [Uint32Array, all],
    /** The leaf a row fell into: [n + v]. */
    leafOf: [Uint8Array, all],
    leafValues: [Float32Array, mostLeaves],
    /** The split under way, by bin: 1 goes left. */
    goesLeft: [Uint8Array, 256],
    /** Where in `order` a leaf's rows begin and end: [threads][parts][leaves][2]. */
    segments: [Uint32Array, threads * 2 * mostLeaves * 2],
    /** What the compiled histogram works on before it has sums: see `kernels/histogram.ts`. */
    cells: [Uint8Array, threads * cellsBytes],
    /** One histogram a thread: [threads][F][512]. */
    histograms: [Float64Array, threads * features * featureStride],
    /** The largest |score| of each thread's training rows. */
    residuals: [Float64Array, threads],
    /** See `tables.ts`. */
    logistic: [Int32Array, logisticCells.count],
    logLosses: [Float64Array, lossCells.count + 1],
    logs: [Float64Array, sums > 1 ? logCells + 1 : 0],
    ...viewsOfGroups(groups === undefined ? 0 : rows, groups, threads),
    cuts: [Float32Array, cutsLength],
    /** Orders to the threads: see `crew.ts`. */
    control: [Int32Array, 16],
  } as const
}

/** What a ranking works on besides: nothing without groups. */
const viewsOfGroups = (rows: number, groups: number | undefined, threads: number) =>
  ({
    /** Training rows, those of a group side by side: [n]. Where groups begin, and the last one ends: [groups + 1]. */
    members: [Uint32Array, rows],
    groupStarts: [Uint32Array, groups === undefined ? 0 : groups + 1],
    /** One by the best discounted gain of a group's first ranks: [groups]. */
    inverseGains: [Float64Array, groups ?? 0],
    /** Gradients and hessians before they are fixed-point: [n]. */
    lambdas: [Float64Array, rows],
    curvatures: [Float64Array, rows],
    /** The largest of both in each thread's groups: [threads][2]. */
    largestLambdas: [Float64Array, groups === undefined ? 0 : threads * 2],
  }) as const

const pageBytes = 65_536
/** One less than a 32-bit address reaches: the end of an array has an address too. */
const mostPages = 65_535

/** Memory for a training, all zeros. @throws SlipwayError TRAINING_TOO_LARGE past 4 GiB */
export function allocate(shape: MemoryShape): TrainingMemory {
  const { rows, validationRows, features, threads, sums = 1, truncation = 0 } = shape
  const views = Object.entries(viewsOf(shape))
  let bytes = 0
  const starts = views.map(([_, [type, length]]) => {
    const start = bytes
    // Cache lines of their own: threads write side by side.
    bytes += Math.ceil((length * type.BYTES_PER_ELEMENT) / 64) * 64
    return start
  })
  const pages = Math.ceil(bytes / pageBytes)
  if (pages > mostPages)
    throw new SlipwayError(
      'TRAINING_TOO_LARGE',
      `training on ${rows} rows of ${features} features takes ${(bytes / 2 ** 30).toFixed(1)} GiB of memory, of at most 4`,
      { next: 'train on fewer rows or features' },
    )
  const memory = new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true })
  const placed = views.map(([name, [type, length]], i) => [name, new type(memory.buffer, starts[i], length)])
  return { ...(Object.fromEntries(placed) as Views), memory, rows, validationRows, features, threads, sums, truncation }
}

/** The memory of one of several sums: its gradients and scores, and all that sums share. */
export function memoryOfSum(memory: TrainingMemory, sum: number): TrainingMemory {
  const { rows, validationRows, gradients, scores } = memory
  const all = rows + validationRows
  return {
    ...memory,
    gradients: gradients.subarray(sum * rows, (sum + 1) * rows),
    scores: scores.subarray(sum * all, (sum + 1) * all),
  }
}

/** The place in `segments` of a leaf's begin; its end is the next. */
export function segmentOf(thread: number, part: number, leaf: number): number {
  return ((thread * 2 + part) * mostLeaves + leaf) * 2
}

/** Where the bins of a feature are: from `at` on, one every `width`, the number of features in its group. */
export function binsOf(
  { rows, validationRows, features }: TrainingMemory,
  feature: number,
): { at: number; width: number } {
  const inGroup = feature % groupWidth
  const group = feature - inGroup
  return { at: group * (rows + validationRows) + inGroup, width: Math.min(groupWidth, features - group) }
}
