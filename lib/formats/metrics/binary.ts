import { ascendingOrder } from './ascending-order.ts'
import { meanOf, type Resampled, type RowMetric, type Scored } from './metric.ts'
import { ofSeveralClasses } from './multiclass.ts'
import { areaUnderRoc, reliability } from './ranking.ts'

/** Cross-entropy of one prediction, clipped as scikit-learn clips float64. */
export function logLossOf(prediction: number, label: number): number {
  const p = Math.min(Math.max(prediction, Number.EPSILON), 1 - Number.EPSILON)
  return -(label === 1 ? Math.log(p) : Math.log(1 - p))
}

/**
 * Decisions that are right and positive, positive decisions, and positive labels; a positive decision is a prediction
 * of at least 0.5.
 */
function decisionsOf({ predictions, labels }: Scored): { hits: number; predicted: number; positives: number } {
  let [hits, predicted, positives] = [0, 0, 0]
  for (let i = 0; i < labels.length; i++) {
    const [decision, label] = [(predictions[i] as number) >= 0.5 ? 1 : 0, labels[i] as number]
    if (decision === 1 && label === 1) hits++
    predicted += decision
    positives += label
  }
  return { hits, predicted, positives }
}

const tasks = ['binary'] as const
const anyClasses = ['binary', 'multiclass'] as const

/** The same metric of two classes and of several, which rows tell by how many numbers they are answered with. */
const ofClasses = (two: Resampled, several: Resampled): Resampled => {
  const fitting = ({ predictions, labels }: Scored): Resampled => (predictions.length > labels.length ? several : two)
  return {
    of: (scored, order) => fitting(scored).of(scored, order),
    resampled: (scored) => fitting(scored).resampled(scored),
  }
}

/**
 * Metrics of a yes/no model. Without a positive label recall and F1 are NaN, and so is AUC without both classes; a
 * precision of no positive predictions is 0, as in scikit-learn, unless there is no positive label either.
 */
export const binaryMetrics = {
  auc: {
    tasks,
    better: 'larger',
    isShown: true,
    of: (scored, order) => areaUnderRoc(scored, order()),
    resampled(scored) {
      const order = ascendingOrder(scored.predictions)
      return (counts) => areaUnderRoc(scored, order, counts)
    },
  },
  logLoss: {
    tasks: anyClasses,
    better: 'smaller',
    isShown: true,
    ...ofClasses(meanOf(logLossOf), ofSeveralClasses.logLoss),
  },
  brier: { tasks, better: 'smaller', isShown: true, ...meanOf((prediction, label) => (prediction - label) ** 2) },
  calibrationError: {
    tasks,
    better: 'smaller',
    isShown: true,
    isUnfitToCompare: true,
    of(scored, order) {
      const n = scored.labels.length
      const errors = reliability(scored, order()).map(
        (bin) => (bin.rows / n) * Math.abs(bin.meanPrediction - bin.positiveShare),
      )
      return errors.reduce((sum, error) => sum + error, 0)
    },
  },
  accuracy: {
    tasks: anyClasses,
    better: 'larger',
    ...ofClasses(
      meanOf((prediction, label) => ((prediction >= 0.5 ? 1 : 0) === label ? 1 : 0)),
      ofSeveralClasses.accuracy,
    ),
  },
  precision: {
    tasks,
    better: 'larger',
    of(scored) {
      const { hits, predicted, positives } = decisionsOf(scored)
      return predicted === 0 && positives > 0 ? 0 : hits / predicted
    },
  },
  recall: {
    tasks,
    better: 'larger',
    isUnfitToCompare: true,
    of(scored) {
      const { hits, positives } = decisionsOf(scored)
      return hits / positives
    },
  },
  f1: {
    tasks,
    better: 'larger',
    of(scored) {
      const { hits, predicted, positives } = decisionsOf(scored)
      return positives === 0 ? Number.NaN : (2 * hits) / (predicted + positives)
    },
  },
} as const satisfies Record<string, RowMetric<'binary'> | RowMetric<'binary' | 'multiclass'>>
