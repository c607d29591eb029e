import { z } from 'zod'

export const binaryMetrics = [
  'auc',
  'logLoss',
  'brier',
  'calibrationError',
  'accuracy',
  'precision',
  'recall',
  'f1',
] as const
export const regressionMetrics = ['rmse', 'mae', 'r2'] as const
/** Measured in the gate itself: bytes of the ONNX model; milliseconds of one single-row prediction, 99th percentile. */
export const costMetrics = ['sizeBytes', 'latencyP99Ms'] as const

/** Of all metrics, the telling ones first. */
export const metricNames = [...binaryMetrics, ...regressionMetrics, ...costMetrics] as const
export const MetricName = z.enum(metricNames)
export type MetricName = z.infer<typeof MetricName>

/** Whether a larger value is a better one. */
export const largerIsBetter: Record<MetricName, boolean> = {
  auc: true,
  logLoss: false,
  brier: false,
  calibrationError: false,
  accuracy: true,
  precision: true,
  recall: true,
  f1: true,
  rmse: false,
  mae: false,
  r2: true,
  sizeBytes: false,
  latencyP99Ms: false,
}

/** One gate as the plan holds it. */
export const Check = z.discriminatedUnion('rule', [
  z.object({ rule: z.literal('atLeast'), metric: MetricName, limit: z.number(), slice: z.string().optional() }),
  z.object({ rule: z.literal('atMost'), metric: MetricName, limit: z.number(), slice: z.string().optional() }),
  z
    .object({
      rule: z.literal('notWorseThan'),
      metric: MetricName,
      opponent: z.literal('champion'),
      /** How much worse is still accepted, in units of the metric. */
      by: z.number().nonnegative().optional(),
      /** The same as a share of the champion's value, whatever its sign. */
      byShare: z.number().nonnegative().lt(1, 'a share below 1: 0.01 is 1 %').optional(),
      confidence: z.number().gt(0.5).lt(1),
      slice: z.string().optional(),
      /** Nobody wrote it: see `default-gate.ts`. */
      default: z.literal(true).optional(),
    })
    .refine(({ by, byShare }) => (by === undefined) !== (byShare === undefined), 'takes by or byShare, one of the two'),
])
export type Check = z.infer<typeof Check>

/** The model does worse on what became known: `metric` beyond `limit`, in `windows` checks of a monitor one after the other. */
export const QualityRule = z.object({ metric: MetricName, limit: z.number(), windows: z.int().min(1) })
export type QualityRule = z.infer<typeof QualityRule>

const percent = (share: number): string => `${Number((share * 100).toPrecision(12))} %`

/**
 * `auc ≥ 0.69`, `rmse not worse than champion by 0.2 (95 %) for each origin`, `auc not worse than champion by 1 % of its value (90 %),
 * default`: a gate in words.
 */
export function describeCheck(check: Check): string {
  const scope = check.slice === undefined ? '' : ` for each ${check.slice}`
  if (check.rule === 'atLeast') return `${check.metric} ≥ ${check.limit}${scope}`
  if (check.rule === 'atMost') return `${check.metric} ≤ ${check.limit}${scope}`
  const margin = check.byShare === undefined ? check.by : `${percent(check.byShare)} of its value`
  const origin = check.default === true ? ', default' : ''
  return `${check.metric} not worse than ${check.opponent} by ${margin} (${percent(check.confidence)})${scope}${origin}`
}

/** The first few metrics, the telling ones first: `auc 0.7049, logLoss 0.4668, brier 0.1494`. */
export function metricsInWords(metrics: Readonly<Record<string, number>>, count = 3): string {
  return metricNames
    .filter((name) => metrics[name] !== undefined)
    .slice(0, count)
    .map((name) => `${name} ${Number((metrics[name] as number).toPrecision(4))}`)
    .join(', ')
}
