import type { Task } from '../code-ref.ts'
import { ascendingOrder } from './ascending-order.ts'
import { binaryMetrics } from './binary.ts'
import { gainMetrics } from './gain.ts'
import type { CostMetric, Measure, RowMetric, Scored } from './metric.ts'
import { multiclassMetrics } from './multiclass.ts'
import { quantilesMetrics } from './quantiles.ts'
import { regressionMetrics } from './regression.ts'
import { ofOutput } from './several.ts'

const cost = {
  tasks: ['binary', 'regression', 'multiclass', 'quantiles', 'ranking'],
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
  ...quantilesMetrics,
  ...gainMetrics,
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

/** Whether a name stands in the table itself: no metric of the user's can be called so. */
export const isMetricName = (name: string): name is MetricName => Object.hasOwn(metrics, name)

/** What a metric of one of several outputs is called. */
export const metricOfOutput = (metric: string, output: string): string => `${metric}.${output}`

/** The output that a metric is about, where it is about one alone. */
export function outputOfMetric(name: string): string | undefined {
  const dot = name.indexOf('.')
  return dot < 1 || !isMetricName(name.slice(0, dot)) ? undefined : name.slice(dot + 1)
}

/** The metric of all outputs, where a name is about one alone. */
export function wholeMetric(name: string): string {
  const output = outputOfMetric(name)
  return output === undefined ? name : name.slice(0, -output.length - 1)
}

/** The entry of a metric, or what it is of one output; undefined of one that is not in the table. */
export function findMetric(name: string): RowMetric | CostMetric | undefined {
  if (isMetricName(name)) return metrics[name]
  const output = outputOfMetric(name)
  if (output === undefined) return undefined
  const whole: RowMetric | CostMetric | undefined = findMetric(wholeMetric(name))
  return isOfRows(whole) && whole.isOfOutputs === true ? { ...whole, ...ofOutput(whole, output) } : undefined
}

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

/** All metrics of a task, those of each of several outputs too; NaN where one is not defined. */
export function measureAll<Fits extends Task>(task: Fits, scored: Scored): Record<MetricsOf<Fits>, number> {
  const order = orderOnce(scored)
  const own = metricsFor(task)
  const values = own.map(([name, metric]) => [name, metric.of(scored, order)])
  const outputs = (scored.outputs ?? []).flatMap((output) =>
    own.flatMap(([name, metric]) =>
      metric.isOfOutputs ? [[metricOfOutput(name, output), ofOutput(metric, output).of(scored)]] : [],
    ),
  )
  return Object.fromEntries([...values, ...outputs]) as Record<MetricsOf<Fits>, number>
}

/** The order of predictions, computed once, where somebody asks for it. */
function orderOnce({ predictions }: Scored): () => Uint32Array {
  let order: Uint32Array | undefined
  return () => {
    order ??= ascendingOrder(predictions)
    return order
  }
}
