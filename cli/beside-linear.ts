import { metricNames } from '../lib/formats/metrics/index.ts'
import { show } from '../lib/formats/show-number.ts'
import type { LinearBaseline, TrainingReport } from '../lib/formats/training-report.ts'
import { table } from './output.ts'

/** What a model and a linear one do on the same validation rows, side by side, for people. */
export function besideLinearTable(
  { validationMetrics: metrics, rows: { train } }: Pick<TrainingReport, 'validationMetrics' | 'rows'>,
  linear: LinearBaseline,
): string {
  const of = linear.rows === train ? '' : ` of ${linear.rows} training rows`
  const rows = metricNames.flatMap((name) => {
    const [own, other] = [metrics[name], linear.validationMetrics[name]]
    return own === undefined || other === undefined ? [] : [[name, show(own), show(other)]]
  })
  return table(['on the validation rows', 'this model', `a linear model${of}`], rows)
}
