import { metricNames } from '../lib/formats/metrics/index.ts'
import type { RunRecord } from '../lib/formats/records.ts'
import { show } from '../lib/formats/show-number.ts'
import { LinearBaseline, linearBaselineOutput, TrainingReport } from '../lib/formats/training-report.ts'
import { getJson } from '../lib/store/objects.ts'
import type { Store } from '../lib/store/store.ts'
import { table } from './output.ts'

/** A model's metrics on its validation rows, and a linear model's. */
export interface BesideLinear {
  readonly metrics: TrainingReport['validationMetrics']
  readonly trainingRows: number
  readonly linear: LinearBaseline
}

/**
 * What a linear model does on a model's rows, as the run that made the model found it.
 * @param training digest of the report on the model's training; undefined of a model that has none
 * @returns nothing of linear models, and of those made by 0.8 and before
 */
export async function besideLinear(
  store: Store,
  run: RunRecord | undefined,
  training: string | undefined,
): Promise<BesideLinear | undefined> {
  if (training === undefined) return undefined
  const outputs = run?.steps.find((step) => step.outputs.some(({ digest }) => digest === training))?.outputs
  const baseline = outputs?.find(({ name }) => name === linearBaselineOutput)
  if (baseline === undefined) return undefined
  const { validationMetrics: metrics, rows } = await getJson(store, training, TrainingReport)
  const linear = await getJson(store, baseline.digest, LinearBaseline)
  return { metrics, trainingRows: rows.train, linear }
}

/** The two side by side, for people. */
export function besideLinearTable({ metrics, trainingRows, linear }: BesideLinear): string {
  const of = linear.rows === trainingRows ? '' : ` of ${linear.rows} training rows`
  const rows = metricNames.flatMap((name) => {
    const [own, other] = [metrics[name], linear.validationMetrics[name]]
    return own === undefined || other === undefined ? [] : [[name, show(own), show(other)]]
  })
  return table(['on the validation rows', 'this model', `a linear model${of}`], rows)
}
