import type { TreesLearner } from '../../pipelines/plan.ts'
import { placeCuts, sampleSize } from './bins.ts'
import { compiledLoops } from './compiled.ts'
import { hireCrew } from './crew.ts'
import type { Ensemble, Tree } from './ensemble.ts'
import { type GrowthSettings, growTree, makeHistograms } from './grow.ts'
import type { Loops } from './loops.ts'
import { allocate, type TrainingMemory } from './memory.ts'
import { largestResidual } from './share.ts'
import { fillLogistic, fillLogLosses, fixedPointUnits } from './tables.ts'

/** Rows to learn from: one array a feature (NaN for missing) and the labels. */
export interface Dataset {
  readonly features: readonly Float32Array[]
  readonly labels: Float32Array
}

export interface Boosted {
  readonly ensemble: Ensemble
  /** Share of the total gain, by feature; sums to 1. */
  readonly importance: number[]
  /** Loss on the validation rows after each tree: log loss, or mean squared error. */
  readonly validationLoss: number[]
}

/**
 * Gradient boosting on histograms (Friedman 2001; LightGBM's layout and leaf-wise growth). With early stopping the trees
 * after the best validation loss are dropped. The same data and parameters give the same trees, whatever `threads`.
 * @param onTree called after each tree with the number grown so far
 * @param loopsFor the compiled loops, or plain ones to test them against
 */
export function boost(
  task: 'binary' | 'regression',
  train: Dataset,
  validation: Dataset,
  learner: TreesLearner,
  threads: number,
  onTree: (grown: number) => void,
  loopsFor: (memory: TrainingMemory) => Loops = compiledLoops,
): Boosted {
  const rows = train.labels.length
  const sample = new Float32Array(sampleSize)
  const cuts = train.features.map((values) => placeCuts(values, learner.bins, sample))
  const memory = allocate(rows, validation.labels.length, train.features.length, threads)
  const loops = loopsFor(memory)
  const base = Math.fround(startingScore(task, train.labels))
  fill(memory, loops, task, train, validation, cuts, base)

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
      const settings: GrowthSettings = { ...learner, cuts, units: fixedPointUnits(task, largestResidual(memory)) }
      const growth = growTree(memory, crew, settings, histograms)
      if (growth.tree.feature.length === 1) break
      crew.run(update, (growth.tree.feature.length + 1) / 2)
      trees.push(growth.tree)
      growth.gains.forEach((gain, feature) => {
        gains[feature] = (gains[feature] as number) + gain
      })
      const sum = (task === 'binary' ? loops.logLoss : loops.squaredLoss)(memory, rows, rows + validation.labels.length)
      const loss = sum / validation.labels.length
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
    ensemble: { task, base, trees: kept, features: train.features.length },
    importance: Array.from(gains, (gain) => (total === 0 ? 0 : gain / total)),
    validationLoss,
  }
}

function fill(
  memory: TrainingMemory,
  loops: Loops,
  task: 'binary' | 'regression',
  train: Dataset,
  validation: Dataset,
  cuts: readonly Float32Array[],
  base: number,
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
    if (task === 'binary') classes.set(labels, first)
    else
      scores.set(
        labels.map((label) => base - label),
        first,
      )
  if (task === 'binary') {
    scores.fill(base)
    fillLogistic(memory.logistic)
    fillLogLosses(memory.logLosses)
  }
}

function startingScore(task: 'binary' | 'regression', labels: Float32Array): number {
  let sum = 0
  for (const label of labels) sum += label
  const mean = sum / labels.length
  return task === 'binary' ? Math.log(mean / (1 - mean)) : mean
}
