import type { Numbers } from '../formats/columns.ts'
import { SlipwayError } from '../formats/errors.ts'
import { type Calibration, fitIsotonic, fitPlatt } from '../stats/calibration.ts'
import type { LearnerOrder } from './learner.ts'

/**
 * Scores nearer than this, log odds, are one in an isotonic calibration: lines stay so flat that the last bit of a
 * score makes no difference.
 */
const apart = 1e-3

/**
 * Calibrates a model by the validation rows, each by its own weight, where its order asks for that.
 * @param scores of the validation rows, log odds: made only then
 * @throws SlipwayError SINGLE_CLASS
 */
export function calibrationOf(
  { calibrate, validation }: Pick<LearnerOrder<unknown>, 'calibrate' | 'validation'>,
  scores: () => Numbers,
): Calibration | undefined {
  if (calibrate === undefined) return undefined
  const { labels, weights } = validation
  const counting = labels.filter((_, row) => (weights?.[row] ?? 1) > 0)
  if (counting.every((label) => label === counting[0]))
    throw new SlipwayError(
      'SINGLE_CLASS',
      `all ${counting.length} validation rows have label ${counting[0]}: nothing to calibrate by`,
      { next: 'check the validation part of the split, or leave calibrate out' },
    )
  const rows = { scores: scores(), labels, weights }
  return calibrate === 'platt' ? fitPlatt(rows) : fitIsotonic(rows, apart)
}
