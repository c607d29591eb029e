import type { Task } from '../code-ref.ts'
import { ascendingOrder } from './ascending-order.ts'
import { binaryMetrics } from './binary.ts'
import type { CostMetric, Measure, RowMetric, Scored } from './metric.ts'
import { multiclassMetrics } from './multiclass.ts'
import { regressionMetrics } from './regression.ts'

const cost = {
  tasks: ['binary', 'regression', 'multiclass'],
  better: 'smaller',
  isCost: true,
  isUnfitToCompare: true,
} as const

/**
 * Every metric there is, the telling ones first: names in plans, gates, monitors and displays are taken from here.
 * Another one is an entry, and a name that definitions import.
 */
export const metrics = {
  ...binaryMetrics,
  ...multiclassMetrics,
  ...regressionMetrics,
  /** Bytes of the ONNX model. */
  sizeBytes: cost,
  /** Milliseconds of one single-row prediction, 99th percentile. */
  latencyP99Ms: cost,
} as const satisfies Record<string, RowMetric | CostMetric>

export type MetricName = keyof typeof metrics
export const metricNames = Object.keys(metrics) as [MetricName, ...MetricName[]]

/** Names of the metrics of predictions that fit a task. */
export type MetricsOf<Fits extends Task> = {
  [Name in MetricName]: (typeof metrics)[Name] extends RowMetric<infer Own> ? (Fits extends Own ? Name : never) : never
}[MetricName]

/** The entry of a metric; undefined of one that is not in the table. */
export const findMetric = (name: string): RowMetric | CostMetric | undefined =>
  Object.hasOwn(metrics, name) ? metrics[name as MetricName] : undefined

const isOfRows = (metric: RowMetric | CostMetric | undefined): metric is RowMetric =>
  metric !== undefined && !('isCost' in metric)

/** How a metric is computed from rows; undefined of what is measured in the gate, and of unknown ones. */
export function rowMetric(name: string): RowMetric | undefined {
  const found = findMetric(name)
  return isOfRows(found) ? found : undefined
}

/** The metrics of predictions that fit a task, in their order. */
export const metricsFor = (task: Task): [name: MetricName, metric: RowMetric][] =>
  metricNames.flatMap((name) => {
    const metric = rowMetric(name)
    return metric?.tasks.includes(task) === true ? [[name, metric] as [MetricName, RowMetric]] : []
  })

/** The value of scored rows; NaN where it is not defined. */
export const measureRows = (measure: Measure, scored: Scored): number => measure.of(scored, orderOnce(scored))

/** All metrics of a task, NaN where one is not defined. */
export function measureAll<Fits extends Task>(task: Fits, scored: Scored): Record<MetricsOf<Fits>, number> {
  const order = orderOnce(scored)
  const values = metricsFor(task).map(([name, metric]) => [name, metric.of(scored, order)])
  return Object.fromEntries(values) as Record<MetricsOf<Fits>, number>
}

/** The order of predictions, computed once, where somebody asks for it. */
function orderOnce({ predictions }: Scored): () => Uint32Array {
  let order: Uint32Array | undefined
  return () => {
    order ??= ascendingOrder(predictions)
    return order
  }
}
