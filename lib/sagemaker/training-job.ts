import {
  CreateTrainingJobCommand,
  type CreateTrainingJobCommandInput,
  DescribeTrainingJobCommand,
  type DescribeTrainingJobCommandOutput,
  StopTrainingJobCommand,
} from '@aws-sdk/client-sagemaker'
import { SlipwayError } from '../formats/errors.ts'
import { type FollowedKind, failedJob, stoppedByOthers } from './job-kind.ts'

export type TrainingJob = DescribeTrainingJobCommandOutput
export type TrainingRequest = Omit<CreateTrainingJobCommandInput, 'TrainingJobName'>

export const trainingJob: FollowedKind<TrainingJob, TrainingRequest> = {
  called: 'training job',
  verb: 'train',
  logGroup: '/aws/sagemaker/TrainingJobs',
  create: ({ sageMaker }, name, request) =>
    sageMaker.send(new CreateTrainingJobCommand({ ...request, TrainingJobName: name })),
  describe: ({ sageMaker }, name) => sageMaker.send(new DescribeTrainingJobCommand({ TrainingJobName: name })),
  stop: ({ sageMaker }, name) => sageMaker.send(new StopTrainingJobCommand({ TrainingJobName: name })),
  statusOf: ({ TrainingJobStatus: status, TrainingJobArn: arn }) => ({ status, arn }),
  stateOf(job) {
    const { TrainingJobStatus: status, SecondaryStatus: secondary = '' } = job
    return {
      name: job.TrainingJobName ?? '',
      status: status as never,
      createdAt: job.CreationTime,
      startedAt: job.TrainingStartTime,
      words: status === 'InProgress' ? secondary : `${status} (${secondary})`,
      done: doneIn[secondary] ?? 0.1,
      seconds: (job.TrainingTimeInSeconds ?? 0) * (job.ResourceConfig?.InstanceCount ?? 1),
    }
  },
  requireCompleted,
}

/** How far a job is, by its state. */
const doneIn: Readonly<Record<string, number>> = { Training: 0.3, Uploading: 0.7, Completed: 0.8 }

function requireCompleted(job: TrainingJob): void {
  const { TrainingJobName: name, TrainingJobStatus: status, SecondaryStatus: secondary, FailureReason: reason } = job
  if (status === 'Completed') return
  const what = `the training job ${name}`
  if (secondary === 'MaxRuntimeExceeded' || secondary === 'MaxWaitTimeExceeded')
    throw new SlipwayError(
      'SAGEMAKER_JOB_LIMIT',
      `${what} was stopped by SageMaker: it ${secondary === 'MaxRuntimeExceeded' ? 'ran longer than its timeout' : 'waited longer for spot instances than it may'}`,
      { next: 'give it a longer `timeout` or `wait` in the pipeline, or see in its log what it was doing' },
    )
  throw status === 'Stopped' ? stoppedByOthers(what) : failedJob(what, reason)
}
