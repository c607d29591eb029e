import { setTimeout as sleep } from 'node:timers/promises'
import { ListTagsCommand } from '@aws-sdk/client-sagemaker'
import { SlipwayError } from '../formats/errors.ts'
import type { SageMakerClients } from './clients.ts'
import { ensure, look, requireSame } from './ensure.ts'
import { isNotFound, isPassing, sageMakerError } from './faults.ts'

/** A kind of jobs that have names: what is asked of it, and how it answers. */
export interface JobKind<Job, Request extends object> {
  /** For messages: `training job`. */
  readonly called: string
  describe(clients: SageMakerClients, name: string): Promise<Job>
  create(clients: SageMakerClients, name: string, request: Request): Promise<unknown>
  stop(clients: SageMakerClients, name: string): Promise<unknown>
  statusOf(job: Job): { readonly status: string | undefined; readonly arn: string | undefined }
}

/** A job to have, made at most once however often it is asked for. */
export interface WantedJob<Request> {
  /** The name of an attempt, from 1: one that failed keeps its name for ever. */
  nameOf(attempt: number): string
  requestOf(name: string): Request
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

export const isOverOf = <Job, Request extends object>(kind: JobKind<Job, Request>, job: Job): boolean =>
  !['InProgress', 'Stopping'].includes(kind.statusOf(job).status ?? '')

/**
 * Finds the job that an earlier attempt began, going or done, or begins it.
 * @throws SlipwayError SAGEMAKER_NAME_TAKEN where it goes with other parameters; and those of `sageMakerError`
 */
export async function findOrBeginJob<Job, Request extends object>(
  clients: SageMakerClients,
  kind: JobKind<Job, Request>,
  wanted: WantedJob<Request>,
): Promise<Job> {
  for (let attempt = 1; attempt <= mostAttempts; attempt++) {
    const name = wanted.nameOf(attempt)
    const what = `${kind.called} ${name}`
    const there = await look({ what, describe: () => kind.describe(clients, name) })
    if (there === undefined) return begin(clients, kind, wanted, name)
    const { status, arn } = kind.statusOf(there)
    if (status === 'InProgress' || (status === 'Completed' && (await wanted.isKept(name)))) {
      requireSame(what, comparable(wanted.requestOf(name)), there)
      return there
    }
    const isFailure = status === 'Failed' || status === 'Stopped'
    if (isFailure && (await runOf(clients, what, arn)) === wanted.run) return there
  }
  throw new SlipwayError('SAGEMAKER_NAME_TAKEN', `${mostAttempts} jobs named ${wanted.nameOf(1)} and on have failed`, {
    next: 'see in the console why, and change something in the pipeline',
  })
}

async function begin<Job, Request extends object>(
  clients: SageMakerClients,
  kind: JobKind<Job, Request>,
  wanted: WantedJob<Request>,
  name: string,
): Promise<Job> {
  await wanted.stage(name)
  const request = wanted.requestOf(name)
  const { there } = await ensure({
    what: `${kind.called} ${name}`,
    create: () => kind.create(clients, name, request),
    describe: () => kind.describe(clients, name),
    request: comparable(request),
  })
  return there
}

/** Tags are not among what is described. */
const comparable = (request: object): Readonly<Record<string, unknown>> =>
  Object.fromEntries(Object.entries(request).filter(([name]) => name !== 'Tags'))

async function runOf(clients: SageMakerClients, what: string, arn: string | undefined): Promise<string | undefined> {
  try {
    const { Tags = [] } = await clients.sageMaker.send(new ListTagsCommand({ ResourceArn: arn }))
    return Tags.find(({ Key }) => Key === runTag)?.Value
  } catch (error) {
    throw sageMakerError(error, `to read the tags of the ${what}`)
  }
}

/** Tries of a call that must get through, and what is waited between them, ms. */
const stopTries = 5
const stopPause = 2_000

/** Stops a job, whatever it does: one that has ended is left as it is. @throws SlipwayError where it goes on */
export async function stopJobOf<Job, Request extends object>(
  clients: SageMakerClients,
  kind: JobKind<Job, Request>,
  name: string,
): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      await kind.stop(clients, name)
      return
    } catch (error) {
      if (isNotFound(error)) return
      const there = await kind.describe(clients, name).catch(() => undefined)
      if (there !== undefined && kind.statusOf(there).status !== 'InProgress') return
      if (attempt >= stopTries || !isPassing(error)) throw sageMakerError(error, `to stop the ${kind.called} ${name}`)
    }
    await sleep(stopPause)
  }
}
