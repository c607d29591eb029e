import type { SageMakerLearner } from '../../formats/sagemaker-learner.ts'
import type { ProgramPlace } from '../../learners/learner.ts'
import { layoutIn } from '../../learners/program/layout.ts'
import type { PackageSource } from '../../models/package.ts'
import { trainingJob } from '../../sagemaker/training-job.ts'
import { trainingRequest } from '../../sagemaker/training-request.ts'
import type { StepWork } from '../step-work.ts'
import { askerOf, type MayTrainAgain } from './jobs-again.ts'
import { onSageMaker } from './on-sagemaker.ts'
import { fetchOutputs, keptOutput, purposeOf, stageInputs } from './sagemaker-files.ts'

/** A training on SageMaker. */
export interface RemoteTraining<T> {
  readonly learner: SageMakerLearner
  readonly work: StepWork
  /** For people: what the job's name begins with. */
  readonly stem: string
  readonly seed: number
  readonly task: string
  /** Writes what the job reads into a place, in a thread. */
  layOut(place: ProgramPlace): Promise<unknown>
  /** Reads what came back. */
  train(place: ProgramPlace): Promise<T>
}

/**
 * Trains by a training job: rows are written and results read in threads.
 * @throws SlipwayError SAGEMAKER_…, PROGRAM_FAILED, with the log as an artifact
 */
export function trainOnSageMaker<T>(source: PackageSource & MayTrainAgain, training: RemoteTraining<T>): Promise<T> {
  const { learner, work, stem, seed, task } = training
  const asked = { work: { key: work.key, run: askerOf(source, work) }, seed, task }
  return onSageMaker(source, {
    kind: trainingJob,
    work,
    stem,
    timeoutMs: learner.job?.timeoutMs ?? 0,
    waitMs: learner.job?.waitMs ?? 0,
    metrics: learner.metrics,
    requestOf: ({ uri }) => trainingRequest(learner, purposeOf(learner, { ...asked, uri })),
    async stage(place, root) {
      await training.layOut({ root, environments: '', log: '' })
      await stageInputs(source, learner, layoutIn(root), place)
    },
    isKept: async (place, job) => (await place.list()).includes(keptOutput(job)),
    fetch: (place, job, root) => fetchOutputs(place, job, layoutIn(root)),
    read: ({ root, log, metrics, seconds }) =>
      training.train({ root, environments: '', log, ran: { metrics, seconds } }),
  })
}
