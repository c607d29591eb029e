import { columnOf } from '../formats/answers.ts'
import { measureAll } from '../formats/metrics/index.ts'
import type { Scored } from '../formats/metrics/metric.ts'
import type { Task } from '../formats/plan.ts'
import type { TrainingReport } from '../formats/training-report.ts'
import { standardOf } from '../stats/standard.ts'
import type { FeatureVector } from './dataset.ts'
import type { Learned, ModelInput } from './learner.ts'
import type { PreparedRows } from './order.ts'

/** What is known of a training: of its rows and features, and what the learner says. */
export function trainingReport(
  task: Task,
  rows: PreparedRows,
  inputs: readonly ModelInput[],
  { predictions, importance, weights, report }: Learned,
): TrainingReport {
  const { train, validation, labelSpread, crosses, outputs } = rows
  const targets = train.labels.length / rows.labels.length
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
    rows: { train: rows.labels.length, validation: validation.labels.length / targets },
    ...(train.groups !== undefined && {
      groups: { train: train.groups.names.length, validation: validation.groups?.names.length ?? 0 },
    }),
    features,
    ...report,
    ...(predictions instanceof Float64Array && { answers: 'float64' as const }),
    ...(outputs !== undefined && { outputs: [...outputs] }),
    ...labelsInNumbers(rows, targets),
    ...(labelSpread !== undefined && { labelSpread }),
    validationMetrics: metricsOf(task, {
      predictions,
      labels: validation.labels,
      outputs,
      groups: validation.groups?.numbers,
    }),
  }
}

/** What labels of the training rows are like. */
function labelsInNumbers(
  { train, outputs = [] }: PreparedRows,
  targets: number,
): Pick<TrainingReport, 'targets' | 'meanLabel' | 'outputs' | 'classRows'> {
  if (train.classes !== undefined) return { outputs: [...train.classes.names], classRows: [...train.classes.rows] }
  if (targets === 1) return { meanLabel: train.labels.reduce((sum, label) => sum + label, 0) / train.labels.length }
  return {
    targets: outputs.map((name, i) => {
      const { centre, spread } = standardOf(columnOf(train.labels, i, targets), train.weights)
      return { name, meanLabel: centre, labelSpread: spread }
    }),
  }
}

/** Metrics of predictions; those that rows do not define are left out. */
export function metricsOf(task: Task, scored: Scored): Record<string, number> {
  const metrics = Object.entries<number>(measureAll(task, scored))
  return Object.fromEntries(metrics.filter(([, value]) => Number.isFinite(value)))
}

const offsetFact = (feature: FeatureVector | undefined): { offset?: number } =>
  feature?.kind === 'number' && feature.offset !== undefined ? { offset: feature.offset } : {}
