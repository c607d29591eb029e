import type { Digest } from './artifact.ts'
import { type ContainerLearner, isOfContainer } from './learner.ts'
import { isLearning, type Step } from './plan.ts'
import type { StepProgram } from './step-program.ts'

/** The program that a step is carried out by, wherever that runs: a learner, or what stands in a function's place. */
export function programOf(step: Step): ContainerLearner | StepProgram | undefined {
  if (step.kind === 'step') return step.program
  return isLearning(step) && isOfContainer(step.learner) ? step.learner : undefined
}

/** The digests of the files of programs that steps name. */
export const programFilesOf = (steps: readonly Step[]): Digest[] =>
  steps.flatMap((step) => programOf(step)?.files ?? [])

/** A step whose program names its files. */
export function withProgramFiles(step: Step, files: Digest): Step {
  if (step.kind === 'step' && step.program !== undefined) return { ...step, program: { ...step.program, files } }
  if (isLearning(step) && isOfContainer(step.learner)) return { ...step, learner: { ...step.learner, files } }
  return step
}
