import type { LearnerParameters } from '../../formats/learner.ts'
import type { ProgramPlace } from '../../learners/learner.ts'
import type { PackageSource } from '../../models/package.ts'
import type { StepWork } from '../step-work.ts'
import type { MayTrainAgain } from './jobs-again.ts'
import { inProgramPlace } from './program-place.ts'
import { trainOnSageMaker } from './train-on-sagemaker.ts'

/** A training, wherever its learner trains. */
interface Training<T> {
  /** What a job elsewhere is called, for people. */
  readonly stem: string
  /** Writes what goes to a job elsewhere. */
  layOut(place: ProgramPlace): Promise<unknown>
  /** Trains; of a job elsewhere, reads what came back. */
  train(place: ProgramPlace | undefined): Promise<T>
}

/** Trains in the place that a learner needs: none, a folder for a program, a job on SageMaker. */
export function inPlaceOf<T>(
  source: PackageSource & MayTrainAgain,
  { learner, seed, task }: { readonly learner: LearnerParameters; readonly seed: number; readonly task: string },
  work: StepWork,
  training: Training<T>,
): Promise<T> {
  if (learner.kind === 'sagemaker') return trainOnSageMaker(source, { ...training, learner, work, seed, task })
  const folder = learner.kind === 'program' ? work.folder : ''
  if (learner.kind !== 'program') return training.train(undefined)
  return inProgramPlace(source, learner, folder, training.train)
}
