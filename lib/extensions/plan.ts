import { SlipwayError } from '../formats/errors.ts'
import { withParameters } from '../formats/learner.ts'
import { isLearning, type Plan, type Step, type StepOf } from '../formats/plan.ts'
import { settleSpace } from '../formats/settle-space.ts'
import { nameOfStep } from '../formats/step-names.ts'
import type { Space } from '../formats/tuning.ts'
import { learnerOf, type OutsideLearners } from '../learners/learners.ts'
import { targetOf } from '../targets/targets.ts'
import type { Adapters } from './adapters.ts'

/**
 * A plan with the digest of the configuration in every step that an adapter of it changes: other code is another step.
 * Makes sure that there are the adapters it names.
 * @throws SlipwayError DEFINITION_INVALID for a learner or a target that nobody added, and for parameters it does not
 *   take
 */
export function withAdapters(plan: Plan, { digest, learners, targets }: Adapters): Plan {
  const prepare = (step: Step): Step => {
    if (step.kind === 'deploy') targetOf(targets, step.target)
    if (!isLearning(step)) return step
    if (step.learner.kind !== 'onnx') learnerOf(step.learner, learners)
    if (step.learner.kind !== 'outside') return step
    const learner = { ...step.learner, configuration: digest as string }
    return step.kind === 'tune' ? { ...step, learner, space: spaceOf(step, learners) } : { ...step, learner }
  }
  return { ...plan, steps: plan.steps.map(prepare) }
}

/** A space as a learner from outside takes it. @throws SlipwayError DEFINITION_INVALID */
function spaceOf(step: StepOf<'tune'>, learners: OutsideLearners): Space {
  return settleSpace(nameOfStep(step), step.space, (name, value) => {
    try {
      const { parameters } = learnerOf(withParameters(step.learner, { [name]: value }), learners)
      return Object.hasOwn(parameters as object, name) ? undefined : `the learner has no parameter "${name}"`
    } catch (error) {
      return (error as Error).message
    }
  })
}

/**
 * Refuses to train with other code than was planned with.
 * @throws SlipwayError HOST_MISMATCH
 */
export function requirePlannedCode(step: StepOf<'train'> | StepOf<'tune'>, { digest }: Pick<Adapters, 'digest'>): void {
  if (step.learner.kind !== 'outside' || step.learner.configuration === digest) return
  throw new SlipwayError(
    'HOST_MISMATCH',
    `step "${step.id}" was planned with another slipway.config.ts than this worker has`,
    { next: 'bring the project of the workers up to date, or plan it again' },
  )
}
