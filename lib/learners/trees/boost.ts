import type { Numbers } from '../../formats/columns.ts'
import type { TreesLearner } from '../../formats/learner.ts'
import { needsFloat64, type Standard, scaleOf, standardized, standardOf } from '../../stats/standard.ts'
import { placeCuts, sampleSize } from './bins.ts'
import { compiledLoops } from './compiled.ts'
import { hireCrew } from './crew.ts'
import type { Ensemble, Tree } from './ensemble.ts'
import { type GrowthSettings, growTree, makeHistograms } from './grow.ts'
import type { Loops } from './loops.ts'
import { allocate, type TrainingMemory } from './memory.ts'
import { largestResidual } from './share.ts'
import { fillLogistic, fillLogLosses, fixedPointUnits, weightScale } from './tables.ts'

/** Rows to learn from: one array a feature (NaN for missing) and the labels, of any centre and spread. */
export interface Dataset {
  readonly features: readonly Float32Array[]
  readonly labels: Numbers
  /** How much each row counts, at least 0; all alike without. */
  readonly weights?: Float32Array | undefined
  /** By feature: how many categories it has (codes 0, 1, …) where it is to be parted by sets of them. */
  readonly categories?: readonly (number | undefined)[] | undefined
}

/** Rows to learn from, and rows that say when to stop. */
export interface BoostedRows {
  readonly train: Dataset
  readonly validation: Dataset
}

export interface BoostOptions {
  readonly threads: number
  /** Called after each tree with the number grown so far. */
  readonly onTree?: (grown: number) => void
  /** The compiled loops, or plain ones to test them against. */
  readonly loopsFor?: ((memory: TrainingMemory) => Loops) | undefined
}

export interface Boosted {
  readonly ensemble: Ensemble
  /** Share of the total gain, by feature; sums to 1. */
  readonly importance: number[]
  /** Loss on the validation rows after each tree: log loss, or mean squared error. */
  readonly validationLoss: number[]
}

/**
 * Gradient boosting on histograms (Friedman 2001; LightGBM's layout and leaf-wise growth). With early stopping the
 * trees after the best validation loss are dropped. The same data and parameters give the same trees, whatever
 * `threads`.
 */
export function boost(
  task: 'binary' | 'regression',
  { train, validation }: BoostedRows,
  learner: TreesLearner,
  { threads, onTree = () => {}, loopsFor = compiledLoops }: BoostOptions,
): Boosted {
  const rows = train.labels.length
  const sample = new Float32Array(sampleSize)
  const cuts = train.features.map((values, feature) => {
    const count = train.categories?.[feature]
    return count === undefined ? placeCuts(values, learner.bins, sample) : cutsBetween(count)
  })
  const isSet = cuts.map((_, feature) => train.categories?.[feature] !== undefined)
  const weighted = train.weights !== undefined
  const memory = allocate(rows, validation.labels.length, train.features.length, threads, weighted)
  const loops = loopsFor(memory)
  const standard = task === 'regression' ? standardOf(train.labels, train.weights) : undefined
  const base = standard === undefined ? Math.fround(logOdds(train)) : 0
  fill(memory, loops, { train, validation }, { cuts, start: standard ?? base })

  const heaviest = train.weights === undefined ? undefined : heaviestOf(train.weights)
  const validationWeight = weighted ? sumOf(memory.weights.subarray(rows)) : validation.labels.length
  const histograms = makeHistograms(learner.leaves, train.features.length)
  const gains = new Float64Array(train.features.length)
  const trees: Tree[] = []
  const validationLoss: number[] = []
  let best = { loss: Number.POSITIVE_INFINITY, trees: 0 }
  const crew = hireCrew(memory, loops)
  try {
    const update = task === 'binary' ? 'updateBinary' : 'updateScores'
    // The first gradients: no tree yet, and all rows in a leaf that adds nothing.
    crew.run(update, 0)
    while (trees.length < learner.trees) {
      if (task === 'regression') crew.run('gradientsOfSquares')
      const units = fixedPointUnits(task, largestResidual(memory), heaviest)
      const settings: GrowthSettings = { ...learner, cuts, isSet, units, leastGain: 1e-9 * (heaviest ?? 1) }
      const growth = growTree(memory, crew, settings, histograms)
      if (growth.tree.feature.length === 1) break
      crew.run(update, (growth.tree.feature.length + 1) / 2)
      trees.push(growth.tree)
      growth.gains.forEach((gain, feature) => {
        gains[feature] = (gains[feature] as number) + gain
      })
      const sum = (task === 'binary' ? loops.logLoss : loops.squaredLoss)(memory, rows, rows + validation.labels.length)
      const loss = sum / validationWeight
      validationLoss.push(loss)
      onTree(trees.length)
      if (loss < best.loss) best = { loss, trees: trees.length }
      else if (learner.earlyStopping > 0 && trees.length - best.trees >= learner.earlyStopping) break
    }
  } finally {
    crew.dismiss()
  }
  const kept = learner.earlyStopping > 0 && best.trees > 0 ? trees.slice(0, best.trees) : trees
  const total = gains.reduce((sum, gain) => sum + gain, 0)
  return {
    ensemble: restored({ task, base, trees: kept, features: train.features.length }, standard),
    importance: Array.from(gains, (gain) => (total === 0 ? 0 : gain / total)),
    validationLoss:
      standard === undefined ? validationLoss : validationLoss.map((loss) => loss * scaleOf(standard) ** 2),
  }
}

/** Trees that were grown on labels of centre 0 and spread 1 for the labels as they were. */
function restored(ensemble: Ensemble, standard: Standard | undefined): Ensemble {
  if (standard === undefined) return ensemble
  const { centre } = standard
  const scale = scaleOf(standard)
  if (needsFloat64(standard)) return { ...ensemble, restore: { scale, offset: centre } }
  const trees = ensemble.trees.map((tree) => ({ ...tree, value: tree.value.map((value) => value * scale) }))
  return { ...ensemble, base: Math.fround(centre), trees }
}

/** Puts rows into the memory of a training, in bins; scores begin at a number, or labels on a standard scale. */
function fill(
  memory: TrainingMemory,
  loops: Loops,
  { train, validation }: BoostedRows,
  { cuts, start }: { readonly cuts: readonly Float32Array[]; readonly start: Standard | number },
): void {
  const { rows, classes, scores } = memory
  cuts.forEach((cutsOf, feature) => {
    loops.fillColumn(memory, feature, 0, train.features[feature] as Float32Array, cutsOf)
    loops.fillColumn(memory, feature, rows, validation.features[feature] as Float32Array, cutsOf)
  })
  for (const [first, { labels }] of [
    [0, train],
    [rows, validation],
  ] as const)
    if (typeof start === 'number') classes.set(labels, first)
    else
      scores.set(
        standardized(labels, start).map((label) => -label),
        first,
      )
  for (const [first, { weights }] of [
    [0, train],
    [rows, validation],
  ] as const) {
    if (weights === undefined) continue
    const heaviest = heaviestOf(weights)
    memory.weights.set(
      weights.map((weight) => Math.round((weight / heaviest) * weightScale)),
      first,
    )
  }
  if (typeof start === 'number') {
    scores.fill(start)
    fillLogistic(memory.logistic)
    fillLogLosses(memory.logLosses)
  }
}

/** Cuts that give each category a bin of its own. */
const cutsBetween = (categories: number): Float32Array =>
  Float32Array.from({ length: Math.max(0, categories - 1) }, (_, i) => i + 0.5)

const sumOf = (values: Iterable<number>): number => {
  let sum = 0
  for (const value of values) sum += value
  return sum
}
const heaviestOf = (weights: Float32Array): number => weights.reduce((most, weight) => Math.max(most, weight), 0)

function logOdds({ labels, weights }: Dataset): number {
  const mean =
    weights === undefined
      ? sumOf(labels) / labels.length
      : sumOf(weights.map((weight, row) => weight * (labels[row] as number))) / sumOf(weights)
  return Math.log(mean / (1 - mean))
}
