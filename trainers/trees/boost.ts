import type { TreesLearner } from '../../pipelines/plan.ts'
import { logLossOf } from '../../stats/metrics.ts'
import { placeCuts, toBins } from './bins.ts'
import { hireCrew } from './crew.ts'
import { type Ensemble, leafValue, type Tree } from './ensemble.ts'
import { type GrowthSettings, growTree } from './grow.ts'
import { fixedPointUnits } from './loops.ts'
import { allocate, groupWidth, type TrainingMemory } from './memory.ts'

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
 */
export function boost(
  task: 'binary' | 'regression',
  train: Dataset,
  validation: Dataset,
  learner: TreesLearner,
  threads: number,
  onTree: (grown: number) => void,
): Boosted {
  const rows = train.labels.length
  const cuts = train.features.map((values) => placeCuts(values, learner.bins))
  const memory = allocate(rows, train.features.length, threads)
  fill(memory, train, cuts)
  const base = Math.fround(startingScore(task, train.labels))
  memory.scores.fill(base)

  const scratch = new Uint32Array(rows)
  const gains = new Float64Array(train.features.length)
  const trees: Tree[] = []
  const validationLoss: number[] = []
  const validationScores = new Float64Array(validation.labels.length).fill(base)
  let best = { loss: Number.POSITIVE_INFINITY, trees: 0 }
  const crew = hireCrew(memory, threads)
  try {
    const largestResidual = (): number => {
      let largest = 1e-30
      for (let i = 0; i < rows; i++)
        largest = Math.max(largest, Math.abs((memory.scores[i] as number) - (memory.labels[i] as number)))
      return largest
    }
    // The first gradients: all rows in leaf 0, which adds nothing.
    if (task === 'binary') crew.run('updateBinary', 0, rows)
    while (trees.length < learner.trees) {
      if (task === 'regression') {
        memory.settings[0] = largestResidual()
        crew.run('gradientsOfSquares', 0, rows)
      }
      const settings: GrowthSettings = { ...learner, cuts, units: fixedPointUnits(task, memory.settings[0] as number) }
      const growth = growTree(memory, crew, settings, scratch)
      if (growth.tree.feature.length === 1) break
      crew.run(task === 'binary' ? 'updateBinary' : 'updateScores', 0, rows)
      trees.push(growth.tree)
      growth.gains.forEach((gain, feature) => {
        gains[feature] = (gains[feature] as number) + gain
      })
      const loss = addToValidation(task, growth.tree, validation, validationScores)
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

function fill(memory: TrainingMemory, { features, labels }: Dataset, cuts: readonly Float32Array[]): void {
  const { rows, rowBins, columnBins } = memory
  memory.labels.set(labels)
  features.forEach((values, feature) => {
    const column = columnBins.subarray(feature * rows, (feature + 1) * rows)
    toBins(values, cuts[feature] as Float32Array, column)
    const at = Math.floor(feature / groupWidth) * rows * groupWidth + (feature % groupWidth)
    for (let row = 0; row < rows; row++) rowBins[at + row * groupWidth] = column[row] as number
  })
}

function startingScore(task: 'binary' | 'regression', labels: Float32Array): number {
  let sum = 0
  for (const label of labels) sum += label
  const mean = sum / labels.length
  return task === 'binary' ? Math.log(mean / (1 - mean)) : mean
}

function addToValidation(
  task: 'binary' | 'regression',
  tree: Tree,
  { features, labels }: Dataset,
  scores: Float64Array,
): number {
  let loss = 0
  for (let row = 0; row < labels.length; row++) {
    const score = (scores[row] as number) + leafValue(tree, features, row)
    scores[row] = score
    const label = labels[row] as number
    loss += task === 'binary' ? logLossOf(1 / (1 + Math.exp(-score)), label) : (score - label) ** 2
  }
  return loss / labels.length
}
