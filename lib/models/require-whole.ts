import type { Features } from '../code/run-features.ts'
import type { Numbers } from '../formats/columns.ts'
import { SlipwayError } from '../formats/errors.ts'
import type { ModelFacts } from './model.ts'

/**
 * What a finished model makes whole numbers of has to be some; such a model has neither offsets nor crosses.
 * @throws SlipwayError FEATURES_NOT_FINITE
 */
export function requireWhole(whole: ModelFacts['features'], features: Features): Features {
  for (const { name } of whole) {
    const values = features[name] as Numbers
    for (let row = 0; row < values.length; row++) {
      if (Number.isSafeInteger(values[row])) continue
      throw new SlipwayError(
        'FEATURES_NOT_FINITE',
        `feature "${name}" is ${values[row]}, and the model takes whole numbers`,
        {
          next: 'make whole numbers of it in the feature function, of missing ones too',
        },
      )
    }
  }
  return features
}
