import { ascendingRows, sideBySide } from '../../formats/answers.ts'
import type { Numbers } from '../../formats/columns.ts'
import { type Calibration, calibrated } from '../../stats/calibration.ts'
import { calibratedClasses } from '../../stats/class-calibration.ts'

/**
 * One regression tree as parallel arrays over its nodes, root first. A row goes left where its feature is at most the
 * threshold, or a member of the node's set; a missing one where `missingLeft` says.
 */
export interface Tree {
  /** −1 for leaves. */
  readonly feature: Int32Array
  readonly threshold: Float32Array
  /** By node, where it asks for a set: the categories that go left. */
  readonly members: ReadonlyMap<number, readonly number[]>
  readonly left: Int32Array
  readonly right: Int32Array
  readonly missingLeft: Uint8Array
  /** Of leaves; 0 inside. */
  readonly value: Float32Array
}

export interface Ensemble {
  readonly task: 'binary' | 'regression' | 'multiclass'
  /** What trees are added to, a sum each: log odds or means, or of each class the logarithm of its share. */
  readonly bases: readonly number[]
  readonly trees: readonly Tree[]
  /** The sum that each tree is added to; tree i to sum i mod the number of sums, where it is not said. */
  readonly sums?: readonly number[] | undefined
  readonly features: number
  /** Of a binary task: what makes a probability of log odds, where it is not the logistic function. */
  readonly calibration?: Calibration | undefined
  /** Of several classes: of each, what makes a probability of its log odds. */
  readonly calibrations?: readonly Calibration[] | undefined
  /** What makes predictions of sums, in float64, where float32 cannot hold them: scale · sum + offset, by sum. */
  readonly restore?: { readonly scale: readonly number[]; readonly offset: readonly number[] } | undefined
  /** The predictions of a row are put in ascending order: those of quantiles. */
  readonly isSorted?: true | undefined
}

/** The sum that a tree is added to. */
export const sumOfTree = ({ sums, bases }: Pick<Ensemble, 'sums' | 'bases'>, tree: number): number =>
  sums?.[tree] ?? tree % bases.length

/** Adds the leaf value that each row ends in, in float32: [rows]. `features[f][row]`, NaN for missing. */
function addTree(tree: Tree, features: readonly Float32Array[], sums: Float32Array): void {
  const { feature, threshold, members, left, right, missingLeft, value } = tree
  const sets = Array.from(feature, (_, node) => new Set(members.get(node)))
  for (let row = 0; row < sums.length; row++) {
    let node = 0
    for (let tested = feature[0] as number; tested >= 0; tested = feature[node] as number) {
      const x = (features[tested] as Float32Array)[row] as number
      // A missing value compares as false.
      const isLeft = members.has(node) ? sets[node]?.has(x) : x <= (threshold[node] as number)
      const goesLeft = isLeft || (missingLeft[node] === 1 && Number.isNaN(x))
      node = (goesLeft ? left[node] : right[node]) as number
    }
    sums[row] = (sums[row] as number) + (value[node] as number)
  }
}

/** What the leaves of rows add up to: [sums][rows]. */
function sumTrees(ensemble: Ensemble, features: readonly Float32Array[], rows: number): Float32Array[] {
  const sums = ensemble.bases.map(() => new Float32Array(rows))
  ensemble.trees.forEach((tree, i) => {
    addTree(tree, features, sums[sumOfTree(ensemble, i)] as Float32Array)
  })
  return sums
}

const scoresOf = ({ bases }: Ensemble, sums: readonly Float32Array[]): Float32Array[] =>
  sums.map((sum, i) => sum.map((each) => each + (bases[i] as number)))

/** Scores of several classes, whose softmax are their probabilities: [classes][rows]. */
export const classScoresOf = (ensemble: Ensemble, features: readonly Float32Array[], rows: number): Float32Array[] =>
  scoresOf(ensemble, sumTrees(ensemble, features, rows))

/**
 * The trainer's own predictions, summed in float32 in tree order as ONNX Runtime does: [rows], or of several classes
 * their probabilities [rows · classes], row by row; of several targets [rows · targets].
 */
export function predict(ensemble: Ensemble, features: readonly Float32Array[], rows: number): Numbers {
  const { task, bases, calibration, calibrations } = ensemble
  const sums = sumTrees(ensemble, features, rows)
  if (task === 'multiclass') {
    const scores = scoresOf(ensemble, sums)
    return calibrations === undefined ? softmax(scores) : calibratedClasses(calibrations, scores)
  }
  const [sum, base] = [sums[0] as Float32Array, bases[0] as number]
  if (calibration !== undefined) return sum.map((each) => calibrated(calibration, Math.fround(each + base)))
  if (task === 'regression') return numbersOf(ensemble, sums)
  return sum.map((each) => 1 / (1 + Math.exp(-Math.fround(each + base))))
}

/** Predictions of numbers: [rows · sums]. @param sums [sums][rows] */
function numbersOf({ bases, restore, isSorted }: Ensemble, sums: readonly Float32Array[]): Numbers {
  const columns: readonly Numbers[] =
    restore === undefined
      ? sums.map((sum, i) => sum.map((each) => each + (bases[i] as number)))
      : sums.map((sum, i) =>
          Float64Array.from(
            sum,
            (each) =>
              Math.fround(each + (bases[i] as number)) * (restore.scale[i] as number) + (restore.offset[i] as number),
          ),
        )
  return isSorted ? ascendingRows(sideBySide(columns), columns.length) : sideBySide(columns)
}

/** Probabilities [rows · classes] of scores [classes][rows], in float32 as ONNX Runtime makes them. */
function softmax(scores: readonly Float32Array[]): Float32Array {
  const [classes, rows] = [scores.length, scores[0]?.length ?? 0]
  const probabilities = new Float32Array(rows * classes)
  for (let row = 0; row < rows; row++) {
    const at = row * classes
    const largest = scores.reduce((most, own) => Math.max(most, own[row] as number), Number.NEGATIVE_INFINITY)
    let total = 0
    scores.forEach((own, i) => {
      probabilities[at + i] = Math.exp(Math.fround((own[row] as number) - largest))
      total = Math.fround(total + (probabilities[at + i] as number))
    })
    for (let i = at; i < at + classes; i++) probabilities[i] = (probabilities[i] as number) / total
  }
  return probabilities
}
