import type { Forest, ForestTree, TestNode } from './forest.ts'
import { goesTrue } from './walk.ts'

/*
 * What a tree makes of a value changes only at a few points. Between them all values are alike: they are one bin. So a
 * feature's value can be replaced by the number of its bin, and everything about a bin be worked out beforehand.
 */

/** The bins of a feature. Bin b holds cuts[b-1] < x ≤ cuts[b], the last but one is open, the last is NaN's. */
export interface Bins {
  /** Ascending float32s, all different. */
  readonly cuts: Float32Array
  /** cuts.length + 2. */
  readonly count: number
  readonly cells: Cells
}

/**
 * A first guess at a bin: [low, high] is cut into cells of equal width, and `starts` has, for each, the number of cuts
 * in cells before it. Rounding moves values between cells, but never changes their order, so the cuts that are missing
 * from the guess are all in the value's own cell: `steps` halvings find them.
 */
export interface Cells {
  readonly low: number
  readonly scale: number
  readonly starts: Uint16Array
  readonly steps: number
}

/** The bin of NaN. */
export const missingBin = ({ cuts }: Pick<Bins, 'cuts'>): number => cuts.length + 1

/** The bin of a value, by its definition: how many cuts are below it. */
export function binOf(bins: Pick<Bins, 'cuts'>, value: number): number {
  if (Number.isNaN(value)) return missingBin(bins)
  let bin = 0
  for (const cut of bins.cuts) if (cut < value) bin++
  return bin
}

/** A value of each bin: its upper end, or infinity, or NaN. */
export function representatives({ cuts }: Pick<Bins, 'cuts'>): number[] {
  return [...cuts, Number.POSITIVE_INFINITY, Number.NaN]
}

/** The bins of each feature of a forest: [features]. */
export function binsOf({ trees, features }: Pick<Forest, 'trees' | 'features'>): Bins[] {
  return Array.from({ length: features }, (_, feature) => {
    const cuts = cutsOf(trees, feature)
    return { cuts, count: cuts.length + 2, cells: cellsOf(cuts) }
  })
}

/** The points at which some trees' tests of a feature change: ascending. */
export function cutsOf(trees: readonly ForestTree[], feature: number): Float32Array {
  const points = new Set<number>()
  for (const tree of trees) {
    for (const node of tree) {
      if (!('mode' in node) || node.feature !== feature) continue
      // x < t is x ≤ the float before t; x = t is both.
      const isStrict = node.mode === 'BRANCH_LT' || node.mode === 'BRANCH_GTE'
      const isLoose = node.mode === 'BRANCH_LEQ' || node.mode === 'BRANCH_GT'
      for (const point of node.mode === 'BRANCH_MEMBER' ? node.members : [node.threshold]) {
        if (!isStrict) points.add(point === 0 ? 0 : point)
        if (!isLoose) points.add(floatBefore(point))
      }
    }
  }
  return Float32Array.from(points).sort()
}

/**
 * The bins of a feature by what a few trees make of them: most are alike to them, above all where sets are asked for.
 */
export interface Classes {
  /** The points at which these trees' tests change: fewer than the feature's. */
  readonly cuts: Float32Array
  /** The class of each bin between them: [cuts.length + 2]. */
  readonly classOf: readonly number[]
  /** A value of each class. */
  readonly values: readonly number[]
}

/** What some trees tell apart of a feature's values. */
export function classesOf(trees: readonly ForestTree[], feature: number): Classes {
  const cuts = cutsOf(trees, feature)
  const tests = trees.flat().filter((node): node is TestNode => 'mode' in node && node.feature === feature)
  const classes = new Map<string, number>()
  const values: number[] = []
  const classOf = representatives({ cuts }).map((value) => {
    const answers = tests.map((test) => (goesTrue(test, value) ? 1 : 0)).join('')
    const known = classes.get(answers)
    if (known !== undefined) return known
    classes.set(answers, values.length)
    return values.push(value) - 1
  })
  return { cuts, classOf, values }
}

/** The largest float32 below a value; −∞ stays. */
export function floatBefore(value: number): number {
  return neighbour(value, -1)
}

/** The smallest float32 above a value; ∞ stays. */
export function floatAfter(value: number): number {
  return neighbour(value, 1)
}

function neighbour(value: number, direction: 1 | -1): number {
  if (value === direction * Number.POSITIVE_INFINITY) return value
  const float = new Float32Array(1)
  const bits = new Int32Array(float.buffer)
  // Zeros of both signs are one value, with the smallest denormals beside it.
  if (value === 0) return direction * 2 ** -149
  float[0] = value
  bits[0] = (bits[0] as number) + (value > 0 === direction > 0 ? 1 : -1)
  return float[0]
}

const smallest = 2 ** -149
const largest = 3.4028234663852886e38

/**
 * Values at which a feature's bins could go wrong: each cut and the floats on both sides of it, NaN, infinities, zeros
 * of both signs, denormals and the largest numbers.
 */
export function criticalValues({ cuts }: Pick<Bins, 'cuts'>): Float32Array {
  const special = [
    Number.NaN,
    Number.POSITIVE_INFINITY,
    Number.NEGATIVE_INFINITY,
    0,
    -0,
    smallest,
    -smallest,
    largest,
    -largest,
  ]
  return Float32Array.from([...special, ...Array.from(cuts).flatMap((cut) => [floatBefore(cut), cut, floatAfter(cut)])])
}

const mostCells = 4096

function cellsOf(cuts: Float32Array): Cells {
  const low = cuts[0] ?? 0
  const high = cuts.at(-1) ?? 0
  let best = cellsBy(cuts, low, 0, 1)
  for (let cells = 2; cells <= mostCells && best.steps > 1; cells *= 2) {
    const scale = Math.fround(cells / (high - low))
    // Only a finite scale above zero keeps the order.
    if (!(scale > 0 && Number.isFinite(scale) && Number.isFinite(low))) break
    const tried = cellsBy(cuts, low, scale, cells)
    if (tried.steps < best.steps) best = tried
  }
  return best
}

/** The cell of a value, as the compiled module works it out: all in float32, then cut off at both ends. */
function cellOf(low: number, scale: number, cells: number, value: number): number {
  const place = Math.fround(Math.fround(value - low) * scale)
  return Number.isNaN(place) ? 0 : Math.min(cells - 1, Math.max(0, Math.trunc(place)))
}

function cellsBy(cuts: Float32Array, low: number, scale: number, cells: number): Cells {
  const counts = new Array<number>(cells).fill(0)
  for (const cut of cuts) {
    const cell = cellOf(low, scale, cells, cut)
    counts[cell] = (counts[cell] as number) + 1
  }
  let before = 0
  const starts = Uint16Array.from(counts, (count) => {
    before += count
    return before - count
  })
  return { low, scale, starts, steps: Math.ceil(Math.log2(Math.max(...counts) + 1)) }
}
