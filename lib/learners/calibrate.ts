import type { Numbers } from '../formats/columns.ts'
import { SlipwayError } from '../formats/errors.ts'
import type { Calibrate } from '../formats/learner.ts'
import { type Calibration, type CalibrationRows, fitIsotonic, fitPlatt } from '../stats/calibration.ts'
import { logOddsOf } from '../stats/class-calibration.ts'
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
  return curveOf(calibrate, { scores: scores(), labels, weights })
}

const curveOf = (how: Calibrate, rows: CalibrationRows): Calibration =>
  how === 'platt' ? fitPlatt(rows) : fitIsotonic(rows, apart)

/**
 * The same of several classes, each against all others, by its log odds.
 * @param scores of the validation rows, whose softmax are their probabilities [classes][rows]: made only then
 * @throws SlipwayError SINGLE_CLASS
 */
export function classCalibrationsOf(
  { calibrate, validation, classes = [] }: Pick<LearnerOrder<unknown>, 'calibrate' | 'validation' | 'classes'>,
  scores: () => readonly (Float32Array | Float64Array)[],
): readonly Calibration[] | undefined {
  if (calibrate === undefined) return undefined
  const { labels, weights } = validation
  const counts = classes.map(() => 0)
  labels.forEach((label, row) => {
    if ((weights?.[row] ?? 1) > 0) counts[label] = (counts[label] ?? 0) + 1
  })
  const missing = counts.indexOf(0)
  if (missing >= 0)
    throw new SlipwayError(
      'SINGLE_CLASS',
      `none of ${labels.length} validation rows is of one of the ${classes.length} classes: nothing to calibrate it by`,
      {
        inFull: `none of ${labels.length} validation rows is of class "${classes[missing]}": nothing to calibrate it by`,
        next: 'split by stratifiedBy, validate by more rows, or leave calibrate out',
      },
    )
  return logOddsOf(scores()).map((odds, own) =>
    curveOf(calibrate, { scores: odds, labels: labels.map((label) => (label === own ? 1 : 0)), weights }),
  )
}

/** What the training report says of it. */
export const calibratedFact = ({ calibrate }: Pick<LearnerOrder<unknown>, 'calibrate'>) =>
  calibrate === undefined ? {} : { calibrated: calibrate }
