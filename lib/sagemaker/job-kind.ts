import { SlipwayError } from '../formats/errors.ts'
import { awaitStatus } from './await.ts'
import type { SageMakerClients } from './clients.ts'
import { sageMakerError } from './faults.ts'
import { isOverOf, type JobKind } from './jobs.ts'

/** What there is to know of a job of any kind. */
export interface JobState {
  readonly name: string
  readonly status: 'InProgress' | 'Stopping' | 'Stopped' | 'Completed' | 'Failed' | undefined
  readonly createdAt: Date | undefined
  /** When its container began. */
  readonly startedAt: Date | undefined
  /** For people: what it is at. */
  readonly words: string
  /** How far it is, 0 to 1. */
  readonly done: number
  /** What its instances took altogether, s. */
  readonly seconds: number
}

/** A kind of jobs that steps are carried out by: its calls, and how its descriptions are read. */
export interface FollowedKind<Job, Request extends object> extends JobKind<Job, Request> {
  /** What a job does once it has its instances: `train`. */
  readonly verb: string
  readonly logGroup: string
  stateOf(job: Job): JobState
  /** @throws SlipwayError SAGEMAKER_JOB_FAILED, SAGEMAKER_JOB_STOPPED, SAGEMAKER_JOB_LIMIT where it did not end well */
  requireCompleted(job: Job): void
}

/** How a job is followed. */
export interface Following<Job> {
  readonly signal: AbortSignal
  /** How long it may wait and run altogether, ms from its creation. */
  readonly withinMs: number
  onLook(job: Job): void | Promise<void>
  readonly pauses?: { readonly first: number; readonly most: number }
}

/**
 * Follows a job to its end.
 * @returns how it ended; undefined where it took longer than it may: then it goes on
 */
export function follow<Job, Request extends object>(
  kind: FollowedKind<Job, Request>,
  clients: SageMakerClients,
  { name, createdAt }: Pick<JobState, 'name' | 'createdAt'>,
  { signal, withinMs, onLook, pauses }: Following<Job>,
): Promise<Job | undefined> {
  return awaitStatus({
    look: () =>
      kind.describe(clients, name).catch((error) => {
        throw sageMakerError(error, `to look at the ${kind.called} ${name}`)
      }),
    isOver: (job) => isOverOf(kind, job),
    onLook,
    signal,
    ...(pauses !== undefined && { pauses }),
    until: (createdAt?.getTime() ?? Date.now()) + withinMs,
  })
}

/** The error of a job that somebody else stopped. */
export const stoppedByOthers = (what: string): SlipwayError =>
  new SlipwayError('SAGEMAKER_JOB_STOPPED', `${what} was stopped, not by this run`, {
    next: 'find out who stopped it; run again to begin it again',
  })

/** The error of a job that failed. @param said what its program says itself */
export function failedJob(what: string, reason: string | undefined, said = ''): SlipwayError {
  const why = reason ?? 'SageMaker gives no reason'
  return new SlipwayError('SAGEMAKER_JOB_FAILED', `${what} failed: ${why}${said === '' ? '' : `: ${said}`}`, {
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
