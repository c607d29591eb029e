import { type OutsideLearners, outsideLearners } from '../learners/learners.ts'
import { loadConfiguration } from './configuration.ts'

/**
 * The learners that a project's configuration adds, for a thread that has no store.
 * @throws SlipwayError DEFINITION_INVALID
 */
export async function learnersOf(root: string): Promise<OutsideLearners> {
  const { extend } = (await loadConfiguration(root)).configuration
  return outsideLearners(extend.flatMap((each) => (each.extends === 'learner' ? each.make() : [])))
}
