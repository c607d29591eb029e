import type { MetricCheck } from '../formats/check.ts'
import type { Scored } from '../formats/metrics/metric.ts'
import type { Task } from '../formats/plan.ts'
import { judge } from './gates.ts'
import { seededRandom } from './random.ts'

/** What is pretended: rows to judge by, and how much alike the predictions of two trainings are. */
export interface EqualCandidates {
  readonly check: MetricCheck
  readonly task: Task
  readonly rows: number
  /** Correlation of the two models' predictions, of their log odds for classifiers: below 1, at least 0. */
  readonly agreement: number
  readonly repetitions: number
  readonly seed: number
}

/** How much alike the predictions of two trainings are, as correlations, in the order of `measuredFailures`. */
export const agreements = [0.9, 0.97, 0.99] as const

/**
 * Shares of equal candidates that the default gate fails, by rows to judge by: `scripts/equal-candidates.ts` measures
 * them, a test holds them and the table of docs/definition.md to it.
 */
export const measuredFailures: Record<'auc' | 'logLoss' | 'rmse', Readonly<Record<number, readonly number[]>>> = {
  auc: { 300: [0.8, 0.66, 0.39], 1000: [0.6, 0.28, 0.03], 10000: [0, 0, 0] },
  logLoss: { 300: [0.85, 0.76, 0.62], 1000: [0.77, 0.56, 0.25], 10000: [0.36, 0.02, 0] },
  rmse: { 300: [0.84, 0.79, 0.67], 1000: [0.77, 0.67, 0.42], 10000: [0.34, 0.03, 0] },
}

/**
 * About how often the default gate fails a candidate that is as good as the champion, from trainings that are much
 * alike to such that are less, where that is often; by so many rows as were measured and are at most those that there
 * are. Not known of quantiles.
 */
export function failuresByDefault(
  metric: string,
  task: Task,
  rows: number,
): { readonly least: number; readonly most: number } | undefined {
  // Of these nothing was measured.
  if (task === 'ranking' || task === 'quantiles') return undefined
  const near = metric === 'auc' ? 'auc' : task === 'regression' ? 'rmse' : 'logLoss'
  const measured = measuredFailures[near]
  const known = Math.max(
    300,
    ...Object.keys(measured)
      .map(Number)
      .filter((at) => at <= rows),
  )
  const [most = 0, usual = 0, least = 0] = measured[known] ?? []
  return usual > 0.15 ? { least, most } : undefined
}

/**
 * Spread of the true log odds (their area under the curve is about 0.8), and of a regression's truth beside noise of 1.
 */
const signal = 1.5

/**
 * How often a gate against the champion fails a candidate that is no worse: the same model trained with another seed.
 * Both see the truth through independent errors of one size; they are judged on the same rows by the code that judges
 * runs.
 * @returns failures among the repetitions
 */
export function failuresOfEquals({ check, task, rows, agreement, repetitions, seed }: EqualCandidates): number {
  const random = seededRandom(seed)
  const uniform = (): number => (random() + 0.5) / 2 ** 32
  // Box & Muller, A note on the generation of random normal deviates, 1958.
  const normal = (): number => Math.sqrt(-2 * Math.log(uniform())) * Math.cos(2 * Math.PI * uniform())
  const error = signal * Math.sqrt(1 / agreement - 1)
  const logistic = (x: number): number => 1 / (1 + Math.exp(-x))
  let failures = 0
  for (let repetition = 0; repetition < repetitions; repetition++) {
    const labels = new Float64Array(rows)
    const [candidate, baseline] = [new Float32Array(rows), new Float32Array(rows)]
    for (let row = 0; row < rows; row++) {
      const truth = signal * normal()
      const isBinary = task === 'binary'
      labels[row] = isBinary ? (uniform() < logistic(truth) ? 1 : 0) : truth + normal()
      for (const predictions of [candidate, baseline]) {
        const seen = truth + error * normal()
        predictions[row] = isBinary ? logistic(seen) : seen
      }
    }
    const scored = (predictions: Float32Array): Scored => ({ labels, predictions })
    const outcome = judge(check, {
      candidate: scored(candidate),
      baseline: scored(baseline),
      slicesOf: () => [],
      sizeBytes: 0,
      latency: [],
      task,
      seed: repetition,
    })
    if (!outcome.passed) failures++
  }
  return failures
}
