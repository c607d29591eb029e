import { type Cross, crossName } from '../formats/crosses.ts'
import { SlipwayError } from '../formats/errors.ts'
import type { StepOf } from '../formats/plan.ts'
import { crossReader, fitCross } from '../stats/crosses.ts'
import type { LabelledFeatures } from './dataset.ts'
import type { TrainingRows } from './training-rows.ts'

/** A cross of the training rows, and its values for those and for the validation rows. */
export interface FittedCross {
  readonly cross: Cross
  readonly train: Float32Array
  readonly validation: Float32Array
}

/**
 * Fits the crosses that a train step names.
 * @throws SlipwayError FEATURES_TYPE where one names a feature that there is not, or is called as a feature is
 */
export function fitCrosses(
  { crosses = [], seed }: StepOf<'train'>,
  { train, validation }: TrainingRows,
): readonly FittedCross[] {
  const made = train.features.map(({ name }) => name)
  for (const name of crosses.flat()) {
    if (made.includes(name)) continue
    throw new SlipwayError(
      'FEATURES_TYPE',
      `a cross names the feature "${name}", which the feature function does not make`,
      {
        next: `it makes ${made.join(', ')}`,
      },
    )
  }
  const [trainColumns, validationColumns] = [columnsOf(train, crosses), columnsOf(validation, crosses)]
  const clash = crosses.map(crossName).find((name) => made.includes(name))
  if (clash !== undefined)
    throw new SlipwayError('FEATURES_TYPE', `the feature function makes "${clash}", which is what a cross is called`, {
      next: 'give that feature another name',
    })
  return crosses.map((of, i) => {
    const { cross, values } = fitCross(of, trainColumns, train.labels, seed + i)
    const read = crossReader([cross])(validationColumns)
    return { cross, train: values, validation: read[cross.name] as Float32Array }
  })
}

/** The features that crosses are made of, as the feature function gave them. */
function columnsOf({ features }: LabelledFeatures, crosses: readonly (readonly string[])[]) {
  const wanted = new Set(crosses.flat())
  return Object.fromEntries(
    features
      .filter(({ name }) => wanted.has(name))
      .map((feature) => [
        feature.name,
        feature.kind === 'number'
          ? feature.values
          : Array.from(feature.codes, (code) => (code < 0 ? null : (feature.values[code] as string))),
      ]),
  )
}
