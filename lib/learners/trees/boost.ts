import type { Numbers } from '../../formats/columns.ts'
import type { TreesLearner } from '../../formats/learner.ts'
import { groupCount, groupRows } from '../../formats/metrics/groups.ts'
import { needsFloat64, type Standard, scaleOf, standardized, standardOf } from '../../stats/standard.ts'
import { placeCuts, sampleSize } from './bins.ts'
import type { Direction } from './bounds.ts'
import { compiledLoops } from './compiled.ts'
import { hireCrew } from './crew.ts'
import type { Ensemble, Tree } from './ensemble.ts'
import { growTree, makeHistograms } from './grow.ts'
import type { Loops } from './loops.ts'
import { allocate, type TrainingMemory } from './memory.ts'
import { type Objective, objectives } from './objective.ts'
import { fillGroups, usualTruncation } from './pairs.ts'
import { quantileObjective } from './quantile.ts'
import { rankingObjective } from './ranking.ts'
import { fillLogistic, fillLogLosses, fillLogs, weightScale } from './tables.ts'

/** Rows to learn from: one array a feature (NaN for missing) and the labels, of any centre and spread. */
export interface Dataset {
  readonly features: readonly Float32Array[]
  /** [rows]: numbers; of a binary task 0 and 1, of several classes their numbers, of a ranking 0, 1, …, 30. */
  readonly labels: Numbers
  /** [rows], of a ranking: which group a row is of. */
  readonly groups?: Uint32Array | undefined
  /** How much each row counts, at least 0; all alike without. */
  readonly weights?: Float32Array | undefined
  /** By feature: how the answer may change with it. */
  readonly directions?: readonly Direction[] | undefined
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
  /** Of a multiclass task: how many there are. */
  readonly classes?: number | undefined
  /** Called after each round with their number so far. */
  readonly onRound?: (rounds: number) => void
  /** The compiled loops, or plain ones to test them against. */
  readonly loopsFor?: ((memory: TrainingMemory) => Loops) | undefined
}

export interface Boosted {
  readonly ensemble: Ensemble
  /** Share of the total gain, by feature; sums to 1. */
  readonly importance: number[]
  /** Loss on the validation rows after each round: log loss, mean squared error, pinball loss, or 1 − NDCG. */
  readonly validationLoss: number[]
}

/**
 * Gradient boosting on histograms (Friedman 2001; LightGBM's layout and leaf-wise growth): each round grows a tree, or
 * one for each of several classes, of the gradients of the softmax. With early stopping the rounds after the best
 * validation loss are dropped. The same data and parameters give the same trees, whatever `threads`.
 */
export function boost(
  task: Ensemble['task'] | 'ranking',
  data: BoostedRows,
  learner: TreesLearner,
  { threads, classes = 1, onRound = () => {}, loopsFor = compiledLoops }: BoostOptions,
): Boosted {
  const { train, validation } = data
  const [rows, features] = [train.labels.length, train.features.length]
  const [shape, isSet] = [
    cutsOf(train, learner.bins),
    train.features.map((_, i) => train.categories?.[i] !== undefined),
  ]
  const grouped = task === 'ranking' ? groupRows(train.groups ?? []) : undefined
  const memory = allocate({
    ...{ rows, validationRows: validation.labels.length, features, threads },
    ...{ weighted: train.weights !== undefined, sums: classes },
    ...(grouped !== undefined && { groups: groupCount(grouped), truncation: learner.truncation ?? usualTruncation }),
  })
  const loops = loopsFor(memory)
  const standard = task === 'regression' ? standardOf(train.labels, train.weights) : undefined
  const bases = basesOf(task, train, classes)
  fill(memory, loops, data, { cuts: shape, start: standard ?? bases })
  if (grouped !== undefined) fillGroups(memory, grouped)

  const heaviest = train.weights === undefined ? undefined : heaviestOf(train.weights)
  const settings = { ...learner, cuts: shape, isSet, directions: train.directions, leastGain: 1e-9 * (heaviest ?? 1) }
  const histograms = makeHistograms(learner.leaves, features)
  const gains = new Float64Array(features)
  const trees: Tree[] = []
  const stopping = stopAfter(learner.earlyStopping)
  const { gradients, renew, update, units, loss, isMean, lossPower } = objectiveOf(task, learner, validation)
  const crew = hireCrew(memory, loops)
  try {
    // The first gradients: no tree yet, and all rows in a leaf that adds nothing.
    crew.run(update, 0, 0)
    for (let round = 1; round <= learner.trees; round++) {
      if (typeof gradients === 'string') crew.run(gradients)
      else gradients?.(memory, loops, crew)
      const scale = units(memory, heaviest)
      const grown = bases.map((_, sum) => {
        const growth = growTree(memory, crew, { ...settings, sum, units: scale }, histograms)
        renew?.(memory, growth)
        crew.run(update, leavesOf(growth.tree), sum)
        return growth
      })
      if (grown.every(({ tree }) => leavesOf(tree) === 1)) break
      for (const growth of grown) {
        trees.push(growth.tree)
        growth.gains.forEach((gain, feature) => {
          gains[feature] = (gains[feature] as number) + gain
        })
      }
      const lost = loss(loops, memory, rows, rows + validation.labels.length)
      const isOver = stopping.isOver(isMean === true ? lost : lost / weightOf(memory))
      onRound(round)
      if (isOver) break
    }
  } finally {
    crew.dismiss()
  }
  const total = gains.reduce((sum, gain) => sum + gain, 0)
  const kept = trees.slice(0, stopping.kept() * bases.length)
  return {
    // What orders rows is a sum, as a number is.
    ensemble: restored({ task: task === 'ranking' ? 'regression' : task, bases, trees: kept, features }, standard),
    importance: Array.from(gains, (gain) => (total === 0 ? 0 : gain / total)),
    validationLoss:
      standard === undefined ? stopping.losses : stopping.losses.map((each) => each * scaleOf(standard) ** lossPower),
  }
}

function objectiveOf(task: Ensemble['task'] | 'ranking', learner: TreesLearner, { groups }: Dataset): Objective {
  if (task === 'ranking') return rankingObjective(groups ?? new Uint32Array())
  return learner.quantile === undefined ? objectives[task] : quantileObjective(learner.quantile, learner.learningRate)
}

/** Watches the validation loss: whether it has not improved for so many rounds; of 0 never. */
function stopAfter(patience: number) {
  const losses: number[] = []
  let best = { loss: Number.POSITIVE_INFINITY, rounds: 0 }
  return {
    losses,
    isOver(loss: number): boolean {
      losses.push(loss)
      if (loss < best.loss) best = { loss, rounds: losses.length }
      else return patience > 0 && losses.length - best.rounds >= patience
      return false
    },
    /** Rounds that count. */
    kept: () => (patience > 0 && best.rounds > 0 ? best.rounds : losses.length),
  }
}

const leavesOf = ({ feature }: Tree): number => (feature.length + 1) / 2

/** The weight of all validation rows. */
const weightOf = ({ rows, validationRows, weights }: TrainingMemory): number =>
  weights.length > 0 ? sumOf(weights.subarray(rows)) : validationRows

function cutsOf({ features, categories }: Dataset, bins: number): Float32Array[] {
  const sample = new Float32Array(sampleSize)
  return features.map((values, feature) => {
    const count = categories?.[feature]
    return count === undefined ? placeCuts(values, bins, sample) : cutsBetween(count)
  })
}

/**
 * What scores begin at: log odds, or the logarithms of the classes' shares; a regression is measured from its mean, and
 * of a ranking differences count only.
 */
function basesOf(task: Ensemble['task'] | 'ranking', train: Dataset, classes: number): number[] {
  if (task === 'regression' || task === 'ranking') return [0]
  if (task === 'binary') return [Math.fround(logOdds(train))]
  const shares = new Float64Array(classes)
  train.labels.forEach((label, row) => {
    if (!(label < classes)) throw new RangeError(`a label is ${label}, of ${classes} classes`)
    shares[label] = (shares[label] as number) + (train.weights?.[row] ?? 1)
  })
  const total = sumOf(shares)
  return Array.from(shares, (share) => Math.fround(Math.log(Math.max(share / total, 1e-15))))
}

/** Trees that were grown on labels of centre 0 and spread 1 for the labels as they were. */
function restored(ensemble: Ensemble, standard: Standard | undefined): Ensemble {
  if (standard === undefined) return ensemble
  const { centre } = standard
  const scale = scaleOf(standard)
  if (needsFloat64(standard)) return { ...ensemble, restore: { scale: [scale], offset: [centre] } }
  const trees = ensemble.trees.map((tree) => ({ ...tree, value: tree.value.map((value) => value * scale) }))
  return { ...ensemble, bases: [Math.fround(centre)], trees }
}

/** Puts rows into the memory of a training, in bins; scores begin at numbers, or labels on a standard scale. */
function fill(
  memory: TrainingMemory,
  loops: Loops,
  { train, validation }: BoostedRows,
  { cuts, start }: { readonly cuts: readonly Float32Array[]; readonly start: Standard | readonly number[] },
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
    if ('centre' in start)
      scores.set(
        standardized(labels, start).map((label) => -label),
        first,
      )
    else classes.set(labels, first)
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
  if ('centre' in start) return
  const all = scores.length / start.length
  start.forEach((base, sum) => {
    scores.fill(base, sum * all, (sum + 1) * all)
  })
  fillLogistic(memory.logistic)
  fillLogLosses(memory.logLosses)
  fillLogs(memory.logs)
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
