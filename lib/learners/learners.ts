import { SlipwayError } from '../formats/errors.ts'
import type { LearnerKind, LearnerParameters } from '../formats/learner.ts'
import type { Learner } from './learner.ts'
import { linearLearner } from './linear/learner.ts'
import { treesLearner } from './trees/learner.ts'

type ParametersOf<Kind extends LearnerKind> = Extract<LearnerParameters, { kind: Kind }>

/** All learners, one entry each, by the kind that plans name. */
const learners: { readonly [Kind in LearnerKind]: Learner<ParametersOf<Kind>> } = {
  trees: treesLearner,
  linear: linearLearner,
}

/**
 * The learner that a train step names.
 * @throws SlipwayError DEFINITION_INVALID where there is none of that kind
 */
export function learnerOf<Kind extends LearnerKind>(kind: Kind): Learner<ParametersOf<Kind>> {
  if (Object.hasOwn(learners, kind)) return learners[kind]
  throw new SlipwayError('DEFINITION_INVALID', `no learner is called "${kind}"`, {
    next: `there are ${Object.keys(learners).join(', ')}`,
  })
}
