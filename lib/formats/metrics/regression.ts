import { areAllEqual, meanOf, type RowMetric, type Scored } from './metric.ts'
import { overTargets } from './several.ts'

const tasks = ['regression'] as const

function r2Of({ predictions, labels }: Scored): number {
  const n = predictions.length
  // From the first label on: a mean far from zero would lose the digits in which labels differ.
  const first = labels[0] ?? 0
  let shift = 0
  for (const label of labels) shift += (label - first) / n
  let [squares, total] = [0, 0]
  for (let i = 0; i < n; i++) {
    const error = (predictions[i] as number) - (labels[i] as number)
    squares += error * error
    total += ((labels[i] as number) - first - shift) ** 2
  }
  return areAllEqual(labels) ? Number.NaN : 1 - squares / total
}

/**
 * Metrics of a model of numbers: root mean squared error, mean absolute error and R² (NaN when all labels are equal).
 * Of several targets each is the mean over them.
 */
export const regressionMetrics = {
  rmse: {
    tasks,
    better: 'smaller',
    isShown: true,
    isOfOutputs: true,
    ...overTargets(meanOf((prediction, label) => (prediction - label) * (prediction - label), Math.sqrt)),
  },
  mae: {
    tasks,
    better: 'smaller',
    isShown: true,
    isOfOutputs: true,
    ...overTargets(meanOf((prediction, label) => Math.abs(prediction - label))),
  },
  r2: {
    tasks,
    better: 'larger',
    isShown: true,
    isOfOutputs: true,
    ...overTargets({ of: r2Of }),
  },
} as const satisfies Record<string, RowMetric<'regression'>>
