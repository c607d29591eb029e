import { missingBin } from './bins.ts'
import { type Bounds, type Direction, loweredBy, outputOf } from './bounds.ts'
import { featureStride } from './memory.ts'

export interface SplitSettings {
  readonly minRowsPerLeaf: number
  readonly l2: number
  /**
   * Splits that gain less are rounding: in units of the loss, labels of spread 1 and rows that weigh 1 taken for
   * granted.
   */
  readonly leastGain: number
  /** By feature: the cuts between its bins. */
  readonly cuts: readonly Float32Array[]
  /** By feature: whether its bins are categories in no order, parted by sets. */
  readonly isSet: readonly boolean[]
  /** By feature: how the answer may change with it; of no constraints missing. */
  readonly directions?: readonly Direction[] | undefined
  /** What a unit of a summed gradient and hessian is worth. */
  readonly units: { readonly gradient: number; readonly hessian: number }
}

/** How a leaf's rows could be parted. */
export interface Split {
  readonly gain: number
  readonly feature: number
  /** Bins up to this one go left, or those of a set. */
  readonly left: number | readonly number[]
  readonly missingLeft: boolean
  readonly leftHessian: number
}

/** A leaf's sums, in fixed-point units. */
export interface LeafSums {
  readonly rows: number
  readonly gradient: number
  readonly hessian: number
  readonly histogram: Float64Array
  /** Where there are constraints: what it may answer. */
  readonly bounds?: Bounds | undefined
}

/*
 * LightGBM's defaults for categories (Parameters: cat_smooth, cat_l2, max_cat_threshold, min_data_per_group): what
 * keeps sets of rare categories from learning the noise.
 */
const setSmoothing = 10
const setL2 = 10
const mostMembers = 32
const leastGroupRows = 100

/**
 * The split of a leaf that lowers the loss most: gain = GL²/(HL+λ) + GR²/(HR+λ) − G²/(H+λ) (Chen & Guestrin, XGBoost,
 * KDD 2016, eq. 7). Missing values are tried on both sides. Ties go to the first feature and the lowest bin.
 * Rows are counted by their share of the hessian, as LightGBM does: histograms keep two sums a bin, not three.
 */
export function bestSplit(leaf: LeafSums, settings: SplitSettings): Split | undefined {
  const { rows, gradient, hessian } = leaf
  if (rows < 2 * settings.minRowsPerLeaf) return undefined
  const { gradient: unit, hessian: hessianUnit } = settings.units
  const lambda = settings.l2 / hessianUnit
  const own = { gradient, hessian: hessian + lambda }
  const search: Search = {
    leaf,
    directions: settings.directions,
    leastHessian: (settings.minRowsPerLeaf * hessian) / rows,
    parent:
      leaf.bounds === undefined
        ? (gradient * gradient) / (hessian + lambda)
        : loweredBy(own, outputOf(own, leaf.bounds)),
    lambda,
    best: undefined,
    bestGain: settings.leastGain / ((unit * unit) / hessianUnit),
  }
  settings.cuts.forEach((cuts, feature) => {
    if (settings.isSet[feature]) searchSets(search, feature, cuts.length + 1, hessianUnit)
    else searchThresholds(search, feature, cuts.length)
  })
  const scale = (unit * unit) / hessianUnit
  return search.best === undefined ? undefined : { ...search.best, gain: search.bestGain * scale }
}

/** The best split so far, and what it is measured by: all in fixed-point units. */
interface Search {
  readonly leaf: LeafSums
  readonly directions: readonly Direction[] | undefined
  readonly leastHessian: number
  readonly parent: number
  readonly lambda: number
  best: Omit<Split, 'gain'> | undefined
  bestGain: number
}

/** Both ways missing values can go; one where there are none. */
function* sidesOfMissing({ histogram }: LeafSums, feature: number) {
  const at = feature * featureStride + missingBin * 2
  const gradient = histogram[at] as number
  const hessian = histogram[at + 1] as number
  yield { missingLeft: false, gradient: 0, hessian: 0 }
  if (hessian > 0) yield { missingLeft: true, gradient, hessian }
}

/** What parting the leaf so would gain. */
function gainOf(search: Search, feature: number, leftGradient: number, leftHessian: number, lambda: number): number {
  const { leaf, parent } = search
  if (leaf.bounds !== undefined) return gainWithin(search, feature, leftGradient, leftHessian + lambda, lambda)
  const rightGradient = leaf.gradient - leftGradient
  return (
    (leftGradient * leftGradient) / (leftHessian + lambda) +
    (rightGradient * rightGradient) / (leaf.hessian - leftHessian + lambda) -
    parent
  )
}

/** The same where answers are bounded: nothing of a split against the direction of its feature. */
function gainWithin(
  { leaf, parent, directions }: Search,
  feature: number,
  gradient: number,
  hessian: number,
  lambda: number,
): number {
  const bounds = leaf.bounds as Bounds
  const left = { gradient, hessian }
  const right = { gradient: leaf.gradient - gradient, hessian: leaf.hessian + 2 * lambda - hessian }
  const [below, above] = [outputOf(left, bounds), outputOf(right, bounds)]
  if ((directions?.[feature] ?? 0) * (above - below) < 0) return Number.NEGATIVE_INFINITY
  return loweredBy(left, below) + loweredBy(right, above) - parent
}

function searchThresholds(search: Search, feature: number, cuts: number): void {
  const { leaf, leastHessian, lambda } = search
  const { histogram } = leaf
  const start = feature * featureStride
  for (const side of sidesOfMissing(leaf, feature)) {
    let leftGradient = side.gradient
    let leftHessian = side.hessian
    for (let bin = 0; bin < cuts; bin++) {
      leftGradient += histogram[start + bin * 2] as number
      leftHessian += histogram[start + bin * 2 + 1] as number
      if (leftHessian < leastHessian) continue
      if (leaf.hessian - leftHessian < leastHessian) break
      const gain = gainOf(search, feature, leftGradient, leftHessian, lambda)
      if (gain > search.bestGain) {
        search.bestGain = gain
        search.best = { feature, left: bin, missingLeft: side.missingLeft, leftHessian }
      }
    }
  }
}

/**
 * Sets of categories: in the order of their gradient by hessian the best of all sets is a beginning (Fisher 1958), so
 * beginnings and ends of that order are tried, up to a number of members. What a set does not name goes right, as do
 * categories the leaf never saw.
 */
function searchSets(search: Search, feature: number, categories: number, hessianUnit: number): void {
  const { leaf, leastHessian, lambda } = search
  const { histogram } = leaf
  const start = feature * featureStride
  const smoothing = setSmoothing / hessianUnit
  const setLambda = lambda + setL2 / hessianUnit
  const leastGroup = Math.max(leastHessian, (leastGroupRows * leaf.hessian) / leaf.rows)
  const gradientOf = (bin: number): number => histogram[start + bin * 2] as number
  const hessianOf = (bin: number): number => histogram[start + bin * 2 + 1] as number
  const seen: number[] = []
  for (let bin = 0; bin < categories; bin++) if (hessianOf(bin) > 0) seen.push(bin)
  const rank = (bin: number): number => gradientOf(bin) / (hessianOf(bin) + smoothing)
  const ascending = seen.sort((a, b) => rank(a) - rank(b) || a - b)
  const most = Math.min(mostMembers, Math.ceil(ascending.length / 2))
  for (const order of [ascending, ascending.toReversed()])
    for (const side of sidesOfMissing(leaf, feature)) {
      let leftGradient = side.gradient
      let leftHessian = side.hessian
      let group = 0
      for (let members = 1; members <= most; members++) {
        const bin = order[members - 1] as number
        leftGradient += gradientOf(bin)
        leftHessian += hessianOf(bin)
        group += hessianOf(bin)
        if (leaf.hessian - leftHessian < leastGroup) break
        if (leftHessian < leastHessian || group < leastGroup) continue
        group = 0
        const gain = gainOf(search, feature, leftGradient, leftHessian, setLambda)
        if (gain > search.bestGain) {
          search.bestGain = gain
          search.best = {
            feature,
            left: order.slice(0, members).sort((a, b) => a - b),
            missingLeft: side.missingLeft,
            leftHessian,
          }
        }
      }
    }
}
