import { measureAll } from '../formats/metrics/index.ts'
import type { Task } from '../formats/plan.ts'
import type { TrainingReport } from '../formats/training-report.ts'
import type { FeatureVector } from './dataset.ts'
import type { Learned, ModelInput } from './learner.ts'
import type { PreparedRows } from './order.ts'

/** What is known of a training: of its rows and features, and what the learner says. */
export function trainingReport(
  task: Task,
  { train, validation, labelSpread, crosses }: PreparedRows,
  inputs: readonly ModelInput[],
  { predictions, importance, weights, report }: Learned,
): TrainingReport {
  const shareOf = (input: number) => ({
    importance: importance[input] as number,
    ...(weights?.[input] !== undefined && { weight: weights[input] }),
  })
  const features = inputs.map((input, i): TrainingReport['features'][number] => {
    const cross = crosses[i - train.features.length]?.cross
    if (cross !== undefined)
      return { name: cross.name, kind: 'cross', of: cross.of, categories: cross.cells.length, ...shareOf(i) }
    return {
      name: input.name,
      kind: input.kind,
      ...(input.kind === 'category' ? { categories: input.categories.length } : {}),
      ...(input.kind === 'number' && input.exact && { exact: input.exact }),
      ...(input.kind === 'number' && input.whole && { whole: input.whole }),
      ...offsetFact(train.features[i]),
      ...shareOf(i),
    }
  })
  return {
    rows: { train: train.labels.length, validation: validation.labels.length },
    features,
    ...report,
    ...(predictions instanceof Float64Array && { answers: 'float64' as const }),
    ...(train.classes === undefined
      ? { meanLabel: train.labels.reduce((sum, label) => sum + label, 0) / train.labels.length }
      : { outputs: [...train.classes.names], classRows: [...train.classes.rows] }),
    ...(labelSpread !== undefined && { labelSpread }),
    validationMetrics: metricsOf(task, predictions, validation.labels),
  }
}

/** Metrics of predictions; those that rows do not define are left out. */
export function metricsOf(
  task: Task,
  predictions: Learned['predictions'],
  labels: Float64Array,
): Record<string, number> {
  const metrics = Object.entries<number>(measureAll(task, { predictions, labels }))
  return Object.fromEntries(metrics.filter(([, value]) => Number.isFinite(value)))
}

const offsetFact = (feature: FeatureVector | undefined): { offset?: number } =>
  feature?.kind === 'number' && feature.offset !== undefined ? { offset: feature.offset } : {}
