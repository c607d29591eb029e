import { isOfClasses, type Task } from '../formats/code-ref.ts'
import type { Scored } from '../formats/metrics/metric.ts'
import { likeliestClasses } from '../formats/metrics/multiclass.ts'
import { type ReliabilityBin, reliability } from '../formats/metrics/ranking.ts'

/** How probabilities fit what came: of several classes those of the one that is answered. */
export function reliabilityOf(task: Task, scored: Scored): ReliabilityBin[] {
  if (!isOfClasses(task)) return []
  if (task === 'binary') return reliability(scored)
  const { predictions, labels } = scored
  const width = predictions.length / labels.length
  const answered = likeliestClasses(scored)
  return reliability({
    predictions: Float64Array.from(answered, (column, row) => predictions[row * width + column] as number),
    labels: labels.map((label, row) => Number(label === answered[row])),
  })
}
