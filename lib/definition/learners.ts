import type { z } from 'zod'
import { TreesLearner } from '../formats/learner.ts'

/** Gradient-boosted trees, trained in process; see `TreesLearner` for the parameters and their defaults. */
export function trees(options: Omit<z.input<typeof TreesLearner>, 'kind'> = {}): TreesLearner {
  return TreesLearner.parse({ kind: 'trees', ...options })
}
