import { nearest } from '../lib/code/nearest.ts'
import { MetricName } from '../lib/formats/check.ts'
import { SlipwayError } from '../lib/formats/errors.ts'
import { findMetric } from '../lib/formats/metrics/index.ts'
import type { RunRecord } from '../lib/formats/records.ts'

/** @throws SlipwayError USAGE with the metrics there are */
export function metricNamed(option: string, text: string): string {
  if (findMetric(text) !== undefined) return text
  const meant = nearest(text, MetricName.options)
  throw new SlipwayError(
    'USAGE',
    `${option} ${text}: there is no such metric; there are ${MetricName.options.join(', ')}`,
    {
      next: meant === undefined ? `for example ${option} auc` : `did you mean "${meant}"?`,
    },
  )
}

/** Orders runs by a metric, the best first; those without it keep their order behind the others. */
export function bestFirst(metric: string): (a: Pick<RunRecord, 'metrics'>, b: Pick<RunRecord, 'metrics'>) => number {
  const sign = findMetric(metric)?.better === 'larger' ? -1 : 1
  return (a, b) => {
    const [left, right] = [a.metrics[metric], b.metrics[metric]]
    if (left === undefined || right === undefined) return Number(left === undefined) - Number(right === undefined)
    return left === right ? 0 : sign * (left - right)
  }
}

/** Which of two values of a metric is the better one; undefined where one is missing or neither is. */
export function betterOf(metric: string, a: number | undefined, b: number | undefined): 'a' | 'b' | undefined {
  const known = findMetric(metric)
  if (known === undefined || a === undefined || b === undefined || a === b) return undefined
  return a > b === (known.better === 'larger') ? 'a' : 'b'
}
