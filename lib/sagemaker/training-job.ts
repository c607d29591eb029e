import {
  CreateTrainingJobCommand,
  type CreateTrainingJobCommandInput,
  DescribeTrainingJobCommand,
  type DescribeTrainingJobCommandOutput,
  ListTagsCommand,
  StopTrainingJobCommand,
} from '@aws-sdk/client-sagemaker'
import { SlipwayError } from '../formats/errors.ts'
import { awaitStatus } from './await.ts'
import type { SageMakerClients } from './clients.ts'
import { ensure, look, requireSame } from './ensure.ts'
import { isNotFound, isPassing, sageMakerError } from './faults.ts'

export type TrainingJob = DescribeTrainingJobCommandOutput
export type TrainingRequest = Omit<CreateTrainingJobCommandInput, 'TrainingJobName'>

/** A training job to have, made at most once however often it is asked for. */
export interface WantedJob {
  /** The name of an attempt, from 1: one that failed keeps its name for ever. */
  nameOf(attempt: number): string
  requestOf(name: string): TrainingRequest
  /** Whose job it is: one that failed for the same run is its failure, one that failed for another is tried again. */
  readonly run: string
  /** Brings what the job reads to its place; before it is begun, and again if we were interrupted there. */
  stage(name: string): Promise<void>
  /** Whether what a job that ended well has left is still there. */
  isKept(name: string): Promise<boolean>
}

/** Attempts that are looked at: more jobs of one name have hardly failed. */
const mostAttempts = 100

/** The tag that says which run a job was begun for. */
export const runTag = 'slipway:run'

const isGoing = ({ TrainingJobStatus: status }: TrainingJob): boolean => status === 'InProgress'
export const isOver = ({ TrainingJobStatus: status }: TrainingJob): boolean =>
  status !== 'InProgress' && status !== 'Stopping'

const describe = (clients: SageMakerClients, name: string): Promise<TrainingJob> =>
  clients.sageMaker.send(new DescribeTrainingJobCommand({ TrainingJobName: name }))

/**
 * Finds the job that an earlier attempt began, going or done, or begins it.
 * @throws SlipwayError SAGEMAKER_NAME_TAKEN where it goes with other parameters; and those of `sageMakerError`
 */
export async function findOrBegin(clients: SageMakerClients, wanted: WantedJob): Promise<TrainingJob> {
  for (let attempt = 1; attempt <= mostAttempts; attempt++) {
    const name = wanted.nameOf(attempt)
    const what = `training job ${name}`
    const there = await look({ what, describe: () => describe(clients, name) })
    if (there === undefined) return begin(clients, wanted, name)
    const mayServe = isGoing(there) || (there.TrainingJobStatus === 'Completed' && (await wanted.isKept(name)))
    if (mayServe) {
      requireSame(what, comparable(wanted.requestOf(name)), there)
      return there
    }
    if (isFailure(there) && (await runOf(clients, there)) === wanted.run) return there
  }
  throw new SlipwayError('SAGEMAKER_NAME_TAKEN', `${mostAttempts} jobs named ${wanted.nameOf(1)} and on have failed`, {
    next: 'see in the console why, and change something in the pipeline',
  })
}

async function begin(clients: SageMakerClients, wanted: WantedJob, name: string): Promise<TrainingJob> {
  await wanted.stage(name)
  const request = wanted.requestOf(name)
  const { there } = await ensure({
    what: `training job ${name}`,
    create: () => clients.sageMaker.send(new CreateTrainingJobCommand({ ...request, TrainingJobName: name })),
    describe: () => describe(clients, name),
    request: comparable(request),
  })
  return there
}

/** Tags are not among what is described. */
const comparable = ({ Tags: _, ...request }: TrainingRequest): Readonly<Record<string, unknown>> => ({ ...request })

const isFailure = ({ TrainingJobStatus: status }: TrainingJob): boolean => status === 'Failed' || status === 'Stopped'

async function runOf(clients: SageMakerClients, { TrainingJobArn, TrainingJobName }: TrainingJob) {
  try {
    const { Tags = [] } = await clients.sageMaker.send(new ListTagsCommand({ ResourceArn: TrainingJobArn }))
    return Tags.find(({ Key }) => Key === runTag)?.Value
  } catch (error) {
    throw sageMakerError(error, `to read the tags of the training job ${TrainingJobName}`)
  }
}

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
      describe(clients, name).catch((error) => {
        throw sageMakerError(error, `to look at the training job ${name}`)
      }),
    isOver,
    onLook,
    signal,
    ...(pauses !== undefined && { pauses }),
    until: (CreationTime?.getTime() ?? Date.now()) + withinMs,
  })
}

/** Tries of a call that must get through, and what is waited between them, ms. */
const stopTries = 5
const stopPause = 2_000

/** Stops a job, whatever it does: one that has ended is left as it is. @throws SlipwayError where it goes on */
export async function stopJob(clients: SageMakerClients, name: string): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      await clients.sageMaker.send(new StopTrainingJobCommand({ TrainingJobName: name }))
      return
    } catch (error) {
      if (isNotFound(error)) return
      const there = await describe(clients, name).catch(() => undefined)
      if (there !== undefined && !isGoing(there)) return
      if (attempt >= stopTries || !isPassing(error)) throw sageMakerError(error, `to stop the training job ${name}`)
    }
    await new Promise((resolve) => setTimeout(resolve, stopPause))
  }
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
