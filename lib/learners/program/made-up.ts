import { seededRandom } from '../../stats/random.ts'
import type { LearnerRows, ModelInput } from '../learner.ts'

/** How many rows are made up. */
export const madeUpRows = 1_024
/** Shares of a row's values that are replaced: row by row in turn. */
const shares = [0, 1 / 8, 1 / 4, 1 / 2]

/**
 * Rows that real ones may lack, for a program and what it exports to be compared on: values of training rows, in half
 * of the rows each from another row, and among them zeros and values that are missing. A number is missing only where
 * it is in some training row: what it means elsewhere no trainer has learnt. A text may be unknown anywhere.
 * @returns [inputs][rows], as in `LearnerRows`
 */
export function makeUpRows(inputs: readonly ModelInput[], train: LearnerRows, seed: number): Float32Array[] {
  const random = seededRandom(seed)
  const below = (count: number): number => Math.floor((random() / 2 ** 32) * count)
  const chance = (share: number): boolean => random() < share * 2 ** 32
  const rows = train.features[0]?.length ?? 0
  const missesSome = train.features.map((values) => values.some(Number.isNaN))
  const features = inputs.map(() => new Float32Array(madeUpRows))
  for (let row = 0; row < madeUpRows; row++) {
    const share = shares[row % shares.length] as number
    const whole = below(rows)
    const isMixed = chance(1 / 2)
    for (const [input, { kind }] of inputs.entries()) {
      const from = isMixed ? below(rows) : whole
      const learnt = train.features[input]?.[from] as number
      const isMissing = kind === 'category' || (missesSome[input] === true && chance(1 / 2))
      const odd = isMissing ? Number.NaN : 0
      ;(features[input] as Float32Array)[row] = chance(share) ? odd : learnt
    }
  }
  return features
}
