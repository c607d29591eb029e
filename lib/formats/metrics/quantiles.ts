import type { Scored } from './metric.ts'

/**
 * The mean pinball loss of each of several quantiles (Koenker & Bassett 1978; scikit-learn's `mean_pinball_loss`): a
 * label above the prediction costs `level` a unit, one below `1 − level`.
 * @param scored predictions [rows · levels], row by row
 */
export function pinballLosses({ predictions, labels }: Scored, levels: readonly number[]): number[] {
  return levels.map((level, column) => {
    let sum = 0
    for (let row = 0; row < labels.length; row++) {
      const above = (labels[row] as number) - (predictions[row * levels.length + column] as number)
      sum += above > 0 ? level * above : (level - 1) * above
    }
    return sum / labels.length
  })
}

/** Their mean over the quantiles. */
export function meanPinballLoss(scored: Scored, levels: readonly number[]): number {
  return pinballLosses(scored, levels).reduce((sum, loss) => sum + loss, 0) / levels.length
}

/**
 * Share of the labels between two quantiles, these included: of well-chosen ones what lies between their levels.
 * @param columns of the lower and of the upper one among the predictions [rows · width]
 */
export function coverage({ predictions, labels }: Scored, [low, high]: readonly [number, number]): number {
  const width = predictions.length / labels.length
  let inside = 0
  for (let row = 0; row < labels.length; row++) {
    const label = labels[row] as number
    const at = row * width
    if (label >= (predictions[at + low] as number) && label <= (predictions[at + high] as number)) inside++
  }
  return inside / labels.length
}
