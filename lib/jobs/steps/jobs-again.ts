import type { Store } from '../../store/store.ts'
import type { StepWork } from '../step-work.ts'

/**
 * Jobs on SageMaker that are begun to see whether they make the same once more: by somebody whose store is out of
 * SageMaker's reach, beside the jobs of runs, which keep their names.
 */
export interface JobsAgain {
  /** The store that SageMaker reaches: what jobs read and leave lies below its `sagemaker/`, and is removed. */
  readonly store: Store
  /** Who begins them, in the place of a run: another one each time, so that a job that failed for one is no answer. */
  readonly asker: string
  /** Hears of each what ends once its job has ended, also where it had to be stopped, and all is cleared away. */
  readonly begun: (ended: Promise<unknown>) => void
}

/** Work that may begin jobs again. */
export interface MayTrainAgain {
  readonly jobsAgain?: JobsAgain
}

/** Whose a job is. */
export const askerOf = ({ jobsAgain }: MayTrainAgain, { run }: Pick<StepWork, 'run'>): string => jobsAgain?.asker ?? run
