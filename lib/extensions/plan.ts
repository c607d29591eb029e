import { SlipwayError } from '../formats/errors.ts'
import type { Plan, Step } from '../formats/plan.ts'
import { learnerOf } from '../learners/learners.ts'
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
    if (step.kind !== 'train') return step
    if (step.learner.kind !== 'onnx') learnerOf(step.learner, learners)
    if (step.learner.kind !== 'outside') return step
    return { ...step, learner: { ...step.learner, configuration: digest as string } }
  }
  return { ...plan, steps: plan.steps.map(prepare) }
}

/**
 * Refuses to train with other code than was planned with.
 * @throws SlipwayError HOST_MISMATCH
 */
export function requirePlannedCode(step: Extract<Step, { kind: 'train' }>, { digest }: Pick<Adapters, 'digest'>): void {
  if (step.learner.kind !== 'outside' || step.learner.configuration === digest) return
  throw new SlipwayError(
    'HOST_MISMATCH',
    `step "${step.id}" was planned with another slipway.config.ts than this worker has`,
    { next: 'bring the project of the workers up to date, or plan it again' },
  )
}
