import {
  CreateTrainingJobCommand,
  type CreateTrainingJobCommandInput,
  DescribeTrainingJobCommand,
  type DescribeTrainingJobCommandOutput,
  StopTrainingJobCommand,
} from '@aws-sdk/client-sagemaker'
import { SlipwayError } from '../formats/errors.ts'
import { awaitStatus } from './await.ts'
import type { SageMakerClients } from './clients.ts'
import { sageMakerError } from './faults.ts'
import { findOrBeginJob, isOverOf, type JobKind, stopJobOf, type WantedJob } from './jobs.ts'

export type TrainingJob = DescribeTrainingJobCommandOutput
export type TrainingRequest = Omit<CreateTrainingJobCommandInput, 'TrainingJobName'>

const trainingJobs: JobKind<TrainingJob, TrainingRequest> = {
  called: 'training job',
  describe: (clients, name) => clients.sageMaker.send(new DescribeTrainingJobCommand({ TrainingJobName: name })),
  create: (clients, name, request) =>
    clients.sageMaker.send(new CreateTrainingJobCommand({ ...request, TrainingJobName: name })),
  stop: (clients, name) => clients.sageMaker.send(new StopTrainingJobCommand({ TrainingJobName: name })),
  statusOf: ({ TrainingJobStatus: status, TrainingJobArn: arn }) => ({ status, arn }),
}

export const isOver = (job: TrainingJob): boolean => isOverOf(trainingJobs, job)

/** Finds the job that an earlier attempt began, going or done, or begins it: see `findOrBeginJob`. */
export const findOrBegin = (clients: SageMakerClients, wanted: WantedJob<TrainingRequest>): Promise<TrainingJob> =>
  findOrBeginJob(clients, trainingJobs, wanted)

/** Stops a job, whatever it does: one that has ended is left as it is. @throws SlipwayError where it goes on */
export const stopJob = (clients: SageMakerClients, name: string): Promise<void> =>
  stopJobOf(clients, trainingJobs, name)

/** How a job is followed. */
export interface Following {
  readonly signal: AbortSignal
  /** How long it may wait and run altogether, ms from its creation. */
  readonly withinMs: number
  onLook(job: TrainingJob): void | Promise<void>
  readonly pauses?: { readonly first: number; readonly most: number }
}

/**
 * Follows a job to its end.
 * @returns how it ended; undefined where it took longer than it may: then it goes on
 */
export function follow(
  clients: SageMakerClients,
  { TrainingJobName: name = '', CreationTime }: TrainingJob,
  { signal, withinMs, onLook, pauses }: Following,
): Promise<TrainingJob | undefined> {
  return awaitStatus({
    look: () =>
      trainingJobs.describe(clients, name).catch((error) => {
        throw sageMakerError(error, `to look at the training job ${name}`)
      }),
    isOver,
    onLook,
    signal,
    ...(pauses !== undefined && { pauses }),
    until: (CreationTime?.getTime() ?? Date.now()) + withinMs,
  })
}

/**
 * @throws SlipwayError SAGEMAKER_JOB_FAILED, SAGEMAKER_JOB_STOPPED, SAGEMAKER_JOB_LIMIT for a job that did not end
 *   well
 */
export function requireCompleted(job: TrainingJob): void {
  const { TrainingJobName: name, TrainingJobStatus: status, SecondaryStatus: secondary, FailureReason: reason } = job
  if (status === 'Completed') return
  const what = `the training job ${name}`
  if (secondary === 'MaxRuntimeExceeded' || secondary === 'MaxWaitTimeExceeded')
    throw new SlipwayError(
      'SAGEMAKER_JOB_LIMIT',
      `${what} was stopped by SageMaker: it ${secondary === 'MaxRuntimeExceeded' ? 'ran longer than its timeout' : 'waited longer for spot instances than it may'}`,
      { next: 'give it a longer `timeout` or `wait` in the pipeline, or see in its log what it was doing' },
    )
  if (status === 'Stopped')
    throw new SlipwayError('SAGEMAKER_JOB_STOPPED', `${what} was stopped, not by this run`, {
      next: 'find out who stopped it; run again to train again',
    })
  throw new SlipwayError('SAGEMAKER_JOB_FAILED', `${what} failed: ${reason ?? 'SageMaker gives no reason'}`, {
    next: nextOf(reason ?? ''),
  })
}

/** What can be done about a reason of SageMaker's, by how it begins. */
function nextOf(reason: string): string {
  if (reason.startsWith('CapacityError')) return 'run again later, or take another instance type'
  if (reason.startsWith('ClientError')) return 'check image, role and instance in the pipeline; the reason says which'
  if (reason.startsWith('InternalServerError')) return 'run again: the fault was SageMaker’s'
  return 'mend the program; its log says more'
}
