import {
  CreateTransformJobCommand,
  DescribeTransformJobCommand,
  type DescribeTransformJobCommandOutput,
  ListTagsCommand,
  StopTransformJobCommand,
} from '@aws-sdk/client-sagemaker'
import { SlipwayError } from '../formats/errors.ts'
import { showDuration } from '../formats/show-duration.ts'
import { awaitStatus } from './await.ts'
import type { SageMakerClients } from './clients.ts'
import { ensure, look } from './ensure.ts'
import { sageMakerError } from './faults.ts'
import { sageMakerName } from './names.ts'
import { type TransformOrder, transformRequest } from './transform-request.ts'

/** A transform that is wanted: one job, or another one where that ended without what was wanted. */
export interface WantedTransform extends Omit<TransformOrder, 'name' | 'to'> {
  /** For people, in front of the names of jobs. */
  readonly stem: string
  /** Whatever tells it from others: equal ones are one. */
  readonly what: unknown
  /** Who wants it: a job of his that failed is the end, one of somebody before is tried again. */
  readonly run: string
  /** Where the answers of an attempt go. */
  toOf(attempt: number): string
  /** Whether all answers of an attempt are there. */
  isWhole(attempt: number): Promise<boolean>
  readonly signal: AbortSignal
  /** Of a signal that came: whether nobody wants the job any more. A worker that ends leaves it to the next one. */
  readonly isUnwanted: () => boolean
  readonly progress: (what: string) => void
}

/** Jobs of one batch, at most: each costs, and whoever asks for more has another problem. */
const mostAttempts = 50

/**
 * Has rows scored by a transform job. Its name follows from what it does: whoever asks again, after a crash or because
 * a worker was killed, finds the job and goes on with it, and none is begun twice. One that is not wanted any more is
 * stopped.
 * @returns which attempt has the answers, and the job's name
 * @throws SlipwayError SAGEMAKER_JOB_FAILED with SageMaker's reason, SAGEMAKER_JOB_STOPPED, SAGEMAKER_JOB_LIMIT, and
 * those of `sageMakerError`
 */
export async function runTransform(
  { sageMaker }: Pick<SageMakerClients, 'sageMaker'>,
  wanted: WantedTransform,
): Promise<{ readonly attempt: number; readonly job: string }> {
  const describe = (job: string) => () => sageMaker.send(new DescribeTransformJobCommand({ TransformJobName: job }))
  for (let attempt = 1; attempt <= mostAttempts; attempt++) {
    const job = sageMakerName(wanted.stem, wanted.what, String(attempt))
    const what = `transform job ${job}`
    const request = transformRequest({
      ...wanted,
      name: job,
      to: wanted.toOf(attempt),
      tags: [...wanted.tags, { Key: 'slipway:run', Value: wanted.run }],
    })
    let there = await look({ what, describe: describe(job) })
    const state = there?.TransformJobStatus
    if (state === 'Completed' && !(await wanted.isWhole(attempt))) continue
    if (there !== undefined && (state === 'Failed' || state === 'Stopped' || state === 'Stopping')) {
      if (!(await isOf(sageMaker, there, wanted.run))) continue
    } else if (there === undefined) {
      const { Tags: _, ...repeated } = request
      const create = () => sageMaker.send(new CreateTransformJobCommand(request))
      there = (await ensure({ what, create, describe: describe(job), request: repeated })).there
    }
    await end(sageMaker, job, there, wanted)
    return { attempt, job }
  }
  throw new SlipwayError('SAGEMAKER_JOB_FAILED', `${mostAttempts} transform jobs of this batch did not end well`, {
    next: 'look at the last of them in SageMaker; a batch over other files or rules gets other jobs',
  })
}

/** Whether a job was begun for a run. */
async function isOf(
  sageMaker: SageMakerClients['sageMaker'],
  { TransformJobArn }: DescribeTransformJobCommandOutput,
  run: string,
): Promise<boolean> {
  const { Tags = [] } = await sageMaker.send(new ListTagsCommand({ ResourceArn: TransformJobArn })).catch((error) => {
    throw sageMakerError(error, 'to read the tags of a transform job')
  })
  return Tags.some(({ Key, Value }) => Key === 'slipway:run' && Value === run)
}

type Job = DescribeTransformJobCommandOutput

const isOver = ({ TransformJobStatus: state }: Job): boolean =>
  state === 'Completed' || state === 'Failed' || state === 'Stopped'

/** Waits for the end of a job, and ends it where that is not to be waited for. */
async function end(
  sageMaker: SageMakerClients['sageMaker'],
  job: string,
  begun: Job,
  { policy, signal, isUnwanted, progress }: WantedTransform,
): Promise<void> {
  const since = begun.CreationTime?.getTime() ?? Date.now()
  const describe = () => sageMaker.send(new DescribeTransformJobCommand({ TransformJobName: job }))
  let over: Job | undefined
  try {
    over = await awaitStatus({
      look: describe,
      isOver,
      onLook: ({ TransformJobStatus }) =>
        progress(`${job} on SageMaker: ${TransformJobStatus}, ${Math.round((Date.now() - since) / 1000)} s`),
      signal,
      until: since + policy.timeoutMs,
    })
  } catch (error) {
    if (!signal.aborted) throw sageMakerError(error, `to look at the transform job ${job}`)
    if (isUnwanted()) await stop(sageMaker, job)
    throw error
  }
  if (over === undefined) {
    await stop(sageMaker, job)
    throw new SlipwayError(
      'SAGEMAKER_JOB_LIMIT',
      `the transform job ${job} was not done after ${showDuration(policy.timeoutMs)}, and was stopped`,
      { next: 'give it a longer timeout or more instances, and see whether SageMaker has such instances for you' },
    )
  }
  if (over.TransformJobStatus === 'Completed') return
  if (over.TransformJobStatus === 'Stopped')
    throw new SlipwayError('SAGEMAKER_JOB_STOPPED', `the transform job ${job} was stopped by somebody else`, {
      next: 'run the batch again: what is done is kept, and another job scores the rest',
    })
  throw new SlipwayError(
    'SAGEMAKER_JOB_FAILED',
    `the transform job ${job} failed: ${over.FailureReason ?? 'SageMaker gives no reason'}`,
    {
      next: `its log is in CloudWatch, /aws/sagemaker/TransformJobs, ${job}; then run the batch again`,
      job,
    },
  )
}

/** How long the end of a job that was stopped is waited for, ms. */
const stoppingMs = 120_000

/** Stops a job, and waits until it costs no more. One that has ended already is no fault. */
async function stop(sageMaker: SageMakerClients['sageMaker'], job: string): Promise<void> {
  const look = () => sageMaker.send(new DescribeTransformJobCommand({ TransformJobName: job }))
  await sageMaker.send(new StopTransformJobCommand({ TransformJobName: job })).catch(async (error) => {
    if (!isOver(await look())) throw sageMakerError(error, `to stop the transform job ${job}`)
  })
  await awaitStatus({
    look,
    isOver,
    signal: AbortSignal.timeout(stoppingMs),
    pauses: { first: 500, most: 5_000 },
  }).catch(() => {})
}
