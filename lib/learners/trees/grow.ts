import { missingBin } from './bins.ts'
import { type Bounds, boundsBelow, outputOf, unbounded } from './bounds.ts'
import type { Crew } from './crew.ts'
import type { Tree } from './ensemble.ts'
import { featureStride, type TrainingMemory } from './memory.ts'
import { rowsIn } from './share.ts'
import { bestSplit, type LeafSums, type Split, type SplitSettings } from './split.ts'

export interface GrowthSettings extends SplitSettings {
  /** Which of the sums the tree is for. */
  readonly sum: number
  readonly leaves: number
  readonly learningRate: number
}

/** A leaf of fewer rows is split by one thread: that takes less time than to wake the others. */
const rowsToShare = 16_384

interface Leaf extends LeafSums {
  readonly node: number
  readonly split: Split | undefined
}

/** A histogram for each leaf of a tree: [leaves][F · 512]. Made once, for collecting such garbage takes memory. */
export function makeHistograms(leaves: number, features: number): Float64Array[] {
  return Array.from({ length: leaves }, () => new Float64Array(features * featureStride))
}

/** A grown tree and what its splits gained, by feature. */
export interface Growth {
  readonly tree: Tree
  /** By leaf: its node. */
  readonly leafNodes: readonly number[]
  readonly gains: Float64Array
}

/**
 * Grows one tree leaf by leaf, always splitting the leaf that gains most (Shi 2007; LightGBM, Ke et al., NIPS 2017), on
 * histograms; a split's second histogram is the difference of its parent's and its first. Leaves the leaf values in
 * memory for the update.
 */
export function growTree(
  memory: TrainingMemory,
  crew: Crew,
  settings: GrowthSettings,
  histograms: readonly Float64Array[],
): Growth {
  const { features, goesLeft, leafValues } = memory
  const nodes = { feature: [-1], threshold: [0], left: [0], right: [0], missingLeft: [0], value: [0] }
  const members = new Map<number, readonly number[]>()
  const gains = new Float64Array(features)

  const makeLeaf = (node: number, rows: number, histogram: Float64Array, bounds: Bounds | undefined): Leaf => {
    const sums: LeafSums = { rows, ...totals(histogram), histogram, bounds }
    return { node, ...sums, split: bestSplit(sums, settings) }
  }
  const takeHistogram = (leaf: number): Float64Array => {
    const histogram = histograms[leaf] as Float64Array
    crew.sumHistograms(histogram)
    return histogram
  }
  crew.run('beginTree', settings.sum)
  const isBounded = settings.directions !== undefined
  const leaves = [makeLeaf(0, rowsIn(memory, 0), takeHistogram(0), isBounded ? unbounded : undefined)]

  while (leaves.length < settings.leaves) {
    let best = -1
    for (let i = 0; i < leaves.length; i++) {
      const gain = leaves[i]?.split?.gain ?? 0
      if (gain > (best < 0 ? 0 : (leaves[best]?.split?.gain ?? 0))) best = i
    }
    const leaf = leaves[best]
    if (leaf?.split === undefined) break
    const { feature, left: leftBins, missingLeft, gain, leftHessian } = leaf.split
    gains[feature] = (gains[feature] as number) + gain
    goesLeft.fill(0)
    if (typeof leftBins === 'number') goesLeft.fill(1, 0, leftBins + 1)
    else for (const bin of leftBins) goesLeft[bin] = 1
    goesLeft[missingBin] = missingLeft ? 1 : 0
    const right = leaves.length
    const leftIsSmaller = leftHessian <= leaf.hessian - leftHessian
    const run = leaf.rows < rowsToShare ? crew.runAlone : crew.run
    run('split', best, right, feature, leftIsSmaller ? best : right, settings.sum)
    const smaller = takeHistogram(right)
    const larger = leaf.histogram
    subtract(larger, smaller)

    const left = nodes.feature.length
    for (const list of Object.values(nodes)) list.push(0, 0)
    nodes.feature[left] = nodes.feature[left + 1] = -1
    nodes.feature[leaf.node] = feature
    if (typeof leftBins === 'number') nodes.threshold[leaf.node] = settings.cuts[feature]?.[leftBins] as number
    else members.set(leaf.node, leftBins)
    nodes.left[leaf.node] = left
    nodes.right[leaf.node] = left + 1
    nodes.missingLeft[leaf.node] = missingLeft ? 1 : 0
    const [ofLeft, ofRight] = leftIsSmaller ? [smaller, larger] : [larger, smaller]
    const [within, beyond] = boundsOf(settings, leaf, feature, [ofLeft, ofRight])
    leaves[best] = makeLeaf(left, rowsIn(memory, best), ofLeft, within)
    leaves.push(makeLeaf(left + 1, rowsIn(memory, right), ofRight, beyond))
  }

  leaves.forEach((leaf, number) => {
    const value = answerOf(leaf, settings)
    nodes.value[leaf.node] = value
    leafValues[number] = value
  })
  return {
    gains,
    leafNodes: leaves.map(({ node }) => node),
    tree: {
      feature: Int32Array.from(nodes.feature),
      threshold: Float32Array.from(nodes.threshold),
      members,
      left: Int32Array.from(nodes.left),
      right: Int32Array.from(nodes.right),
      missingLeft: Uint8Array.from(nodes.missingLeft),
      value: Float32Array.from(nodes.value),
    },
  }
}

/** What a leaf adds to the score of its rows. */
function answerOf(leaf: Leaf, { units, learningRate, l2 }: GrowthSettings): number {
  if (leaf.bounds === undefined)
    return Math.fround((-learningRate * (leaf.gradient * units.gradient)) / (leaf.hessian * units.hessian + l2))
  const output = outputOf(penalised(leaf, l2 / units.hessian), leaf.bounds)
  return Math.fround(learningRate * ((output * units.gradient) / units.hessian))
}

/** What both sides of a leaf's split by a feature may answer, where there are constraints. */
function boundsOf(
  { directions, units, l2 }: GrowthSettings,
  { bounds }: Leaf,
  feature: number,
  histograms: readonly [Float64Array, Float64Array],
): readonly [Bounds | undefined, Bounds | undefined] {
  if (bounds === undefined) return [undefined, undefined]
  const [left, right] = histograms.map((histogram) =>
    outputOf(penalised(totals(histogram), l2 / units.hessian), bounds),
  ) as [number, number]
  return boundsBelow(bounds, directions?.[feature] ?? 0, [left, right])
}

const penalised = ({ gradient, hessian }: ReturnType<typeof totals>, lambda: number) => ({
  gradient,
  hessian: hessian + lambda,
})

function subtract(from: Float64Array, histogram: Float64Array): void {
  for (let i = 0; i < from.length; i++) from[i] = (from[i] as number) - (histogram[i] as number)
}

/** Sums over all bins of the first feature: every row is in one of them. */
function totals(histogram: Float64Array): { gradient: number; hessian: number } {
  let gradient = 0
  let hessian = 0
  for (let entry = 0; entry < featureStride; entry += 2) {
    gradient += histogram[entry] as number
    hessian += histogram[entry + 1] as number
  }
  return { gradient, hessian }
}
