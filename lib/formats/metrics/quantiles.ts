import { meanOfRows, type RowMetric, type Scored } from './metric.ts'

/*
 * Metrics of a model of several quantiles: predictions [rows · quantiles], row by row, ascending; labels are one number
 * a row. The outputs' names are the levels.
 */

/** The levels of the predictions. */
const levelsOf = ({ outputs = [] }: Scored): readonly number[] => outputs.map(Number)

/** A label above the prediction costs `level` a unit, one below `1 − level` (Koenker & Bassett 1978). */
export function pinballOf(level: number, prediction: number, label: number): number {
  const above = label - prediction
  return above > 0 ? level * above : (level - 1) * above
}

/** The mean of it over the quantiles and the rows: of each quantile scikit-learn's `mean_pinball_loss`. */
const pinballLoss = meanOfRows((scored) => {
  const { predictions, labels } = scored
  const levels = levelsOf(scored)
  return (row) => {
    const label = labels[row] as number
    const at = row * levels.length
    let sum = 0
    for (let i = 0; i < levels.length; i++) sum += pinballOf(levels[i] as number, predictions[at + i] as number, label)
    return sum / levels.length
  }
})

/**
 * Share of the labels between the lowest and the highest quantile, these included: what lies between their levels, of
 * well-chosen ones. Of one quantile alone the share of the labels that it does not fall short of.
 */
const coverage = meanOfRows((scored) => {
  const { predictions, labels } = scored
  const width = levelsOf(scored).length
  return (row) => {
    const label = labels[row] as number
    const [low, high] = [predictions[row * width] as number, predictions[row * width + width - 1] as number]
    return width === 0 ? Number.NaN : Number(label <= high && (width === 1 || label >= low))
  }
})

const tasks = ['quantiles'] as const

export const quantilesMetrics = {
  pinball: { tasks, better: 'smaller', isShown: true, isOfOutputs: true, ...pinballLoss },
  coverage: { tasks, better: 'larger', isShown: true, isOfOutputs: true, isUnfitToCompare: true, ...coverage },
} as const satisfies Record<string, RowMetric<'quantiles'>>
