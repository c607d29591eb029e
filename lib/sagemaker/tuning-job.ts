import {
  CreateHyperParameterTuningJobCommand,
  DescribeHyperParameterTuningJobCommand,
  type DescribeHyperParameterTuningJobCommandOutput,
  type HyperParameterTrainingJobSummary,
  ListTrainingJobsForHyperParameterTuningJobCommand,
  StopHyperParameterTuningJobCommand,
} from '@aws-sdk/client-sagemaker'
import { SlipwayError } from '../formats/errors.ts'
import { parametersTold } from '../formats/sagemaker-tuning.ts'
import { show } from '../formats/show-number.ts'
import { comparedBy, type EndedTrial, type LossName, type Objective, type Space } from '../formats/tuning.ts'
import { awaitStatus } from './await.ts'
import type { SageMakerClients } from './clients.ts'
import { sageMakerError } from './faults.ts'
import { findOrBeginJob, isOverOf, type JobKind, stopJobOf, type WantedJob } from './jobs.ts'
import type { TuningRequest } from './tuning-request.ts'

export type TuningJob = DescribeHyperParameterTuningJobCommandOutput

/** SageMaker's bound for names of tuning jobs, which begin those of their training jobs. */
export const longestName = 32

const tuningJobs: JobKind<TuningJob, TuningRequest> = {
  called: 'tuning job',
  describe: (clients, name) =>
    clients.sageMaker.send(new DescribeHyperParameterTuningJobCommand({ HyperParameterTuningJobName: name })),
  create: (clients, name, request) =>
    clients.sageMaker.send(new CreateHyperParameterTuningJobCommand({ ...request, HyperParameterTuningJobName: name })),
  stop: (clients, name) =>
    clients.sageMaker.send(new StopHyperParameterTuningJobCommand({ HyperParameterTuningJobName: name })),
  statusOf: ({ HyperParameterTuningJobStatus: status, HyperParameterTuningJobArn: arn }) => ({ status, arn }),
}

/** Finds the search that an earlier attempt began, going or done, or begins it: see `findOrBeginJob`. */
export const findOrBeginSearch = (clients: SageMakerClients, wanted: WantedJob<TuningRequest>): Promise<TuningJob> =>
  findOrBeginJob(clients, tuningJobs, wanted)

export const isSearchOver = (job: TuningJob): boolean => isOverOf(tuningJobs, job)

/** Stops a search with the training jobs that it has under way. */
export const stopSearch = (clients: SageMakerClients, name: string): Promise<void> =>
  stopJobOf(clients, tuningJobs, name)

/**
 * Follows a search to its end.
 * @returns how it ended; undefined where it goes on after `until`, ms since 1970
 */
export function followSearch(
  clients: SageMakerClients,
  name: string,
  {
    signal,
    until,
    onLook = () => {},
  }: { readonly signal: AbortSignal; readonly until: number; readonly onLook?: (job: TuningJob) => void },
): Promise<TuningJob | undefined> {
  return awaitStatus({
    look: () =>
      tuningJobs.describe(clients, name).catch((error) => {
        throw sageMakerError(error, `to look at the tuning job ${name}`)
      }),
    isOver: isSearchOver,
    onLook,
    signal,
    until,
  })
}

/** How far a search is: `trial 12 of 50, best auc 0.81, 1 failed`. */
export function searchInWords(
  { TrainingJobStatusCounters: counters = {}, BestTrainingJob: best, HyperParameterTuningJobStatus: status }: TuningJob,
  { trials, objective }: { readonly trials: number; readonly objective: Objective },
): { readonly words: string; readonly done: number } {
  const { Completed = 0, InProgress = 0, RetryableError = 0, NonRetryableError = 0, Stopped = 0 } = counters
  const failed = RetryableError + NonRetryableError
  const ended = Completed + failed + Stopped
  const value = best?.FinalHyperParameterTuningJobObjectiveMetric?.Value
  const words = [
    ...(status === 'InProgress' ? [] : [String(status)]),
    `trial ${ended + InProgress} of ${trials}`,
    ...(value === undefined ? [] : [`best ${objective.metric} ${show(value)}`]),
    ...(failed > 0 ? [`${failed} failed`] : []),
    ...(Stopped > 0 ? [`${Stopped} stopped early`] : []),
  ]
  return { words: words.join(', '), done: Math.min(1, ended / trials) }
}

/** Training jobs that a page lists. */
const jobsOfPage = 100

/** All training jobs of a search, in the order in which they were begun. */
export async function jobsOfSearch(
  { sageMaker }: Pick<SageMakerClients, 'sageMaker'>,
  name: string,
): Promise<HyperParameterTrainingJobSummary[]> {
  const found: HyperParameterTrainingJobSummary[] = []
  try {
    for (let token: string | undefined; ; ) {
      const page = await sageMaker.send(
        new ListTrainingJobsForHyperParameterTuningJobCommand({
          HyperParameterTuningJobName: name,
          MaxResults: jobsOfPage,
          SortBy: 'CreationTime',
          SortOrder: 'Ascending',
          ...(token !== undefined && { NextToken: token }),
        }),
      )
      found.push(...(page.TrainingJobSummaries ?? []))
      token = page.NextToken
      if (token === undefined || token === '') break
    }
  } catch (error) {
    throw sageMakerError(error, `to list the training jobs of the tuning job ${name}`)
  }
  // Jobs that are begun at once may be listed in any order: numbers must not depend on it.
  const key = ({ CreationTime, TrainingJobName = '' }: HyperParameterTrainingJobSummary) =>
    [CreationTime?.getTime() ?? 0, TrainingJobName] as const
  return found.sort((a, b) => {
    const [[timeOfA, nameOfA], [timeOfB, nameOfB]] = [key(a), key(b)]
    return timeOfA - timeOfB || (nameOfA < nameOfB ? -1 : 1)
  })
}

/** What a trial is read by. */
export interface Searched {
  readonly space: Space
  readonly loss: LossName
  readonly objective: Objective
  /** Instances of each job. */
  readonly count: number
}

/**
 * A training job of a search as a trial of ours: it ended well if it completed, and said the objective.
 * @param number its place, from 1
 * @throws SlipwayError SAGEMAKER_OUTPUT where its parameters are none of the space
 */
export function trialOf(job: HyperParameterTrainingJobSummary, number: number, searched: Searched): EndedTrial {
  const { space, objective, count } = searched
  const { TrainingJobName: name = '', TunedHyperParameters: told = {}, TrainingStartTime: start } = job
  const parameters = parametersTold(space, told)
  if (parameters === undefined)
    throw new SlipwayError(
      'SAGEMAKER_OUTPUT',
      `the training job ${name} says parameters that are none of the space: ${JSON.stringify(told)}`,
      { next: 'run again; if it stays so, report it with this message' },
    )
  const seconds = start === undefined ? 0 : ((job.TrainingEndTime?.getTime() ?? start.getTime()) - +start) / 1_000
  const value = job.FinalHyperParameterTuningJobObjectiveMetric?.Value
  const known = { number, parameters, share: 1, job: name, seconds, processorSeconds: seconds * count }
  const metrics = value === undefined || !Number.isFinite(value) ? {} : { metrics: { [objective.metric]: value } }
  const failure = failureOf(job, objective)
  if (failure !== undefined) return { ...known, ...metrics, ...failure }
  // The sign is its own inverse.
  return { ...known, ...metrics, result: { state: 'done', loss: comparedBy(searched).shown(value as number) } }
}

/** Why a training job is no result, if so. */
function failureOf(
  { TrainingJobStatus: status, FailureReason: reason, ...job }: HyperParameterTrainingJobSummary,
  { metric }: Objective,
): Pick<EndedTrial, 'result' | 'message'> | undefined {
  const failed = (why: string, message: string) => ({ result: { state: 'failed', why } as const, message })
  if (status === 'Failed')
    return failed('SAGEMAKER_JOB_FAILED', (reason ?? 'SageMaker gives no reason').slice(0, 1_000))
  if (status !== 'Completed')
    return failed('SAGEMAKER_JOB_STOPPED', reason ?? 'it was stopped before its end, and what it has left is not whole')
  const value = job.FinalHyperParameterTuningJobObjectiveMetric?.Value
  if (value !== undefined && Number.isFinite(value)) return undefined
  return failed('PROGRAM_FAILED', `nothing in its log is "${metric}" by the expression that the learner says for it`)
}

/** @throws SlipwayError for a search that did not end well; of one that only had no time left what it tried counts */
export function requireSearched(job: TuningJob, { timeMs }: { readonly timeMs?: number | undefined }): void {
  const { HyperParameterTuningJobName: name, HyperParameterTuningJobStatus: status, FailureReason: reason } = job
  if (status === 'Completed') return
  const what = `the tuning job ${name}`
  if (status === 'Failed')
    throw new SlipwayError('SAGEMAKER_JOB_FAILED', `${what} failed: ${reason ?? 'SageMaker gives no reason'}`, {
      next: 'see the reasons of its training jobs in the console; run again to search again',
    })
  const took = +(job.HyperParameterTuningEndTime ?? 0) - +(job.CreationTime ?? 0)
  if (status === 'Stopped' && timeMs !== undefined && took >= timeMs) return
  throw new SlipwayError('SAGEMAKER_JOB_STOPPED', `${what} was stopped, not by this run`, {
    next: 'find out who stopped it; run again to search again',
  })
}
