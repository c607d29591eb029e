import {
  CreateProcessingJobCommand,
  type CreateProcessingJobCommandInput,
  DescribeProcessingJobCommand,
  type DescribeProcessingJobCommandOutput,
  StopProcessingJobCommand,
} from '@aws-sdk/client-sagemaker'
import { SlipwayError } from '../formats/errors.ts'
import { type FollowedKind, failedJob, stoppedByOthers } from './job-kind.ts'

export type ProcessingJob = DescribeProcessingJobCommandOutput
export type ProcessingRequest = Omit<CreateProcessingJobCommandInput, 'ProcessingJobName'>

export const processingJob: FollowedKind<ProcessingJob, ProcessingRequest> = {
  called: 'processing job',
  verb: 'run',
  logGroup: '/aws/sagemaker/ProcessingJobs',
  create: ({ sageMaker }, name, request) =>
    sageMaker.send(new CreateProcessingJobCommand({ ...request, ProcessingJobName: name })),
  describe: ({ sageMaker }, name) => sageMaker.send(new DescribeProcessingJobCommand({ ProcessingJobName: name })),
  stop: ({ sageMaker }, name) => sageMaker.send(new StopProcessingJobCommand({ ProcessingJobName: name })),
  statusOf: ({ ProcessingJobStatus: status, ProcessingJobArn: arn }) => ({ status, arn }),
  stateOf(job) {
    const { ProcessingJobStatus: status, ProcessingStartTime: startedAt } = job
    const isWaiting = status === 'InProgress' && startedAt === undefined
    return {
      name: job.ProcessingJobName ?? '',
      status: status as never,
      createdAt: job.CreationTime,
      startedAt,
      words: isWaiting ? 'waiting for its instances' : (status ?? ''),
      done: isWaiting ? 0.1 : status === 'InProgress' ? 0.3 : 0.8,
      seconds: (tookMs(job) / 1_000) * (job.ProcessingResources?.ClusterConfig?.InstanceCount ?? 1),
    }
  },
  requireCompleted,
}

/** How long its containers ran, ms. */
const tookMs = ({ ProcessingStartTime: start, ProcessingEndTime: end }: ProcessingJob): number =>
  start === undefined || end === undefined ? 0 : end.getTime() - start.getTime()

function requireCompleted(job: ProcessingJob): void {
  const { ProcessingJobName: name, ProcessingJobStatus: status, FailureReason: reason, ExitMessage: said } = job
  if (status === 'Completed') return
  const what = `the processing job ${name}`
  // SageMaker does not say which of its stops was for the time: it shows in how long it ran.
  const mostMs = (job.StoppingCondition?.MaxRuntimeInSeconds ?? Number.POSITIVE_INFINITY) * 1_000
  if (tookMs(job) >= mostMs && status === 'Stopped')
    throw new SlipwayError('SAGEMAKER_JOB_LIMIT', `${what} was stopped by SageMaker: it ran longer than its timeout`, {
      next: 'give it a longer `timeout` in the pipeline, or see in its log what it was doing',
    })
  throw status === 'Stopped' ? stoppedByOthers(what) : failedJob(what, reason, said?.trim())
}
