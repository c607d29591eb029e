import { likeliest } from '../answers.ts'
import { ascendingOrder } from './ascending-order.ts'
import { type Measure, meanOfRows, type RowMetric, type Scored } from './metric.ts'
import { areaUnderRoc } from './ranking.ts'

/*
 * Metrics of a model of several classes: predictions are probabilities [rows · classes], row by row, labels are numbers
 * of classes. All equal scikit-learn's; where it warns that something is 0 by convention (the precision of a class that
 * is never predicted), it is 0 here.
 */

/** How many numbers a row is answered with: of classes the probability of each. */
const widthOf = ({ predictions, labels }: Scored): number => predictions.length / labels.length

/** The likeliest class of each row, the first of those that are equally likely: [rows]. */
export function likeliestClasses(scored: Scored): Uint32Array {
  const width = widthOf(scored)
  return Uint32Array.from(scored.labels, (_, row) => likeliest(scored.predictions, row, width))
}

/** How a class does: `rows` are labelled so, `predicted` have it as their likeliest, `hits` both. */
export interface ClassScore {
  readonly rows: number
  readonly predicted: number
  readonly hits: number
  readonly precision: number
  readonly recall: number
  readonly f1: number
}

/**
 * How each class does, in the order of classes.
 * @param answered [rows] the likeliest class
 * @param counts [rows] how often each row counts, once without
 */
export function classScores(
  scored: Scored,
  answered: Uint32Array = likeliestClasses(scored),
  counts?: Uint16Array,
): ClassScore[] {
  const tallies = Array.from({ length: widthOf(scored) || 0 }, () => ({ rows: 0, predicted: 0, hits: 0 }))
  for (let row = 0; row < answered.length; row++) {
    const count = counts === undefined ? 1 : (counts[row] as number)
    const [own, said] = [tallies[scored.labels[row] as number], tallies[answered[row] as number]]
    if (own === undefined || said === undefined) throw new RangeError(`row ${row} is of no class of the model`)
    own.rows += count
    said.predicted += count
    if (own === said) own.hits += count
  }
  const share = (part: number, of: number): number => (of === 0 ? 0 : part / of)
  return tallies.map(({ rows, predicted, hits }) => ({
    rows,
    predicted,
    hits,
    precision: share(hits, predicted),
    recall: share(hits, rows),
    f1: share(2 * hits, rows + predicted),
  }))
}

/** A metric of how classes do; resampled without looking at probabilities again. */
function ofClasses(value: (classes: readonly ClassScore[]) => number): Required<Pick<Measure, 'of' | 'resampled'>> {
  return {
    of: (scored) => value(classScores(scored)),
    resampled(scored) {
      const answered = likeliestClasses(scored)
      return (counts) => value(classScores(scored, answered, counts))
    },
  }
}

const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length

/** The mean over the classes that rows have or are said to have; others are as good as not there. */
const macro = (name: 'precision' | 'recall' | 'f1') =>
  ofClasses((classes) =>
    mean(classes.filter(({ rows, predicted }) => rows + predicted > 0).map((score) => score[name])),
  )

/**
 * Areas under the ROC curve of each class against all others. Where scikit-learn has no value, since all rows are of
 * one class or none is, the class is left out of the mean; NaN where all are.
 */
function aucMacro(scored: Scored): (counts?: Uint16Array) => number {
  const width = widthOf(scored)
  const classes = Array.from({ length: width || 0 }, (_, column) => {
    const own: Scored = {
      predictions: scored.predictions.filter((_, i) => i % width === column),
      labels: scored.labels.map((label) => Number(label === column)),
    }
    return { own, order: ascendingOrder(own.predictions) }
  })
  return (counts) =>
    mean(classes.map(({ own, order }) => areaUnderRoc(own, order, counts)).filter((area) => !Number.isNaN(area)))
}

/** Whether a row's class is among its `k` likeliest; of equally likely ones the last go first, as in scikit-learn. */
function isAmong({ predictions, labels }: Scored, row: number, width: number, k: number): boolean {
  const at = row * width
  const label = labels[row] as number
  const own = predictions[at + label] as number
  let before = 0
  for (let column = 0; column < width; column++) {
    const other = predictions[at + column] as number
    if (other > own || (other === own && column > label)) before++
  }
  return before < k
}

const top3 = meanOfRows((scored) => {
  const width = widthOf(scored)
  return (row) => (width <= 3 ? Number.NaN : Number(isAmong(scored, row, width, 3)))
})

/** What accuracy and log loss, which a model of two classes has too, are of several. */
export const ofSeveralClasses = {
  /** Share of rows whose likeliest class is theirs. */
  accuracy: meanOfRows((scored) => {
    const answered = likeliestClasses(scored)
    return (row) => Number(answered[row] === scored.labels[row])
  }),
  /** Cross-entropy of the class that rows have, clipped as scikit-learn clips float64. */
  logLoss: meanOfRows((scored) => {
    const { predictions, labels } = scored
    const width = widthOf(scored)
    return (row) => {
      const p = predictions[row * width + (labels[row] as number)] as number
      return -Math.log(Math.min(Math.max(p, Number.EPSILON), 1 - Number.EPSILON))
    }
  }),
}

const tasks = ['multiclass'] as const

export const multiclassMetrics = {
  aucMacro: {
    tasks,
    better: 'larger',
    isShown: true,
    of: (scored: Scored) => aucMacro(scored)(),
    resampled: aucMacro,
  },
  f1Macro: { tasks, better: 'larger', isShown: true, ...macro('f1') },
  /** Each class by its rows. */
  f1Weighted: {
    tasks,
    better: 'larger',
    ...ofClasses((classes) => {
      const rows = classes.reduce((sum, score) => sum + score.rows, 0)
      return classes.reduce((sum, score) => sum + score.f1 * score.rows, 0) / rows
    }),
  },
  /** The mean recall of the classes that rows have. */
  balancedAccuracy: {
    tasks,
    better: 'larger',
    ...ofClasses((classes) => mean(classes.filter(({ rows }) => rows > 0).map(({ recall }) => recall))),
  },
  precisionMacro: { tasks, better: 'larger', ...macro('precision') },
  recallMacro: { tasks, better: 'larger', isUnfitToCompare: true, ...macro('recall') },
  /** Share of rows whose class is among their three likeliest; NaN of a model of no more than three classes. */
  top3Accuracy: { tasks, better: 'larger', ...top3 },
} as const satisfies Record<string, Omit<RowMetric, 'tasks'> & { readonly tasks: readonly ['multiclass'] }>
