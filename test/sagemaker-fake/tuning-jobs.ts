import { AwsError, invalid } from './errors.ts'
import { jobsOf } from './jobs.ts'
import {
  type Drawn,
  jobsWanted,
  objectiveOf,
  rangesIn,
  type TuningJob,
  type TuningJobRequest,
  tuningLife,
} from './tuning-life.ts'
import type { FamilyMaker, World } from './world.ts'

const jobs = jobsOf<TuningJobRequest, TuningJob>({
  kind: 'HyperParameterTuning',
  resource: 'hyper-parameter-tuning-job',
  requireSense,
  make: (job) => ({ ...job, drawn: [] }),
  live: tuningLife,
  describe: described,
  summary: (job) => ({
    Strategy: job.request.HyperParameterTuningJobConfig.Strategy,
    ...countersOf(job),
  }),
})

/** Tuning jobs: values are really drawn, and their training jobs really run. */
export const tuningJobs: FamilyMaker = (world) => {
  const family = jobs.family(world)
  return {
    ...family,
    operations: {
      ...family.operations,
      ListTrainingJobsForHyperParameterTuningJob({
        HyperParameterTuningJobName,
        MaxResults = 10,
        NextToken = '0',
        SortBy = 'Name',
        SortOrder = 'Ascending',
      }) {
        const job = jobs.in(world).find(HyperParameterTuningJobName)
        const all = job.drawn.map((each) => summaryOf(job, each))
        const key = SortBy === 'CreationTime' ? 'CreationTime' : 'TrainingJobName'
        all.sort((a, b) => (a[key] < b[key] ? -1 : a[key] > b[key] ? 1 : 0))
        if (SortOrder === 'Descending') all.reverse()
        const from = Number(NextToken)
        // Small pages, however many are asked for: whoever takes the first for all of them is found out.
        const page = all.slice(from, from + Math.min(MaxResults, mostOfPage))
        const next = from + page.length
        return { TrainingJobSummaries: page, ...(next < all.length && { NextToken: String(next) }) }
      },
    },
  }
}
const mostOfPage = 2

/** Quotas of an account. */
const [mostJobs, mostAtOnce] = [750, 100]

/** What SageMaker refuses besides what its service model says. */
function requireSense(request: TuningJobRequest, _world: World): void {
  const { HyperParameterTuningJobConfig: config, TrainingJobDefinition: definition } = request
  if (definition === undefined) throw invalid('TrainingJobDefinition must be given.')
  const { MaxNumberOfTrainingJobs: most = 1, MaxParallelTrainingJobs: atOnce } = config.ResourceLimits
  if (most > mostJobs || atOnce > mostAtOnce)
    throw new AwsError(
      'ResourceLimitExceeded',
      `The account-level service limit for training jobs of a tuning job is ${mostJobs}, ${mostAtOnce} at once.`,
    )
  const { MetricName } = config.HyperParameterTuningJobObjective ?? {}
  const metrics = definition.AlgorithmSpecification.MetricDefinitions ?? []
  if (!metrics.some(({ Name }) => Name === MetricName))
    throw invalid(`Objective metric name ${MetricName} is not among the metric definitions.`)
  requireStrategy(request)
  requireRanges(request)
}

function requireStrategy(request: TuningJobRequest): void {
  const { Strategy, StrategyConfig, ...config } = request.HyperParameterTuningJobConfig
  const { MaxNumberOfTrainingJobs: most } = config.ResourceLimits
  if (Strategy === 'Hyperband') {
    if (config.TrainingJobEarlyStoppingType === 'Auto')
      throw invalid('TrainingJobEarlyStoppingType must be OFF to use the Hyperband strategy.')
    if (StrategyConfig?.HyperbandStrategyConfig?.MaxResource === undefined)
      throw invalid('MaxResource could not be inferred from the static hyperparameters.')
  } else if (StrategyConfig !== undefined) throw invalid('StrategyConfig is for the Hyperband strategy only.')
  if (Strategy !== 'Grid') return
  const { whole, numbers } = rangesIn(request)
  if (whole.length + numbers.length > 0) throw invalid('Grid search takes categorical parameter ranges only.')
  if (most !== undefined && most !== jobsWanted(request))
    throw invalid('MaxNumberOfTrainingJobs must equal the number of distinct combinations of a grid search.')
}

function requireRanges(request: TuningJobRequest): void {
  const { whole, numbers, choices } = rangesIn(request)
  const names = [...whole, ...numbers, ...choices].map(({ Name }) => Name)
  const { StaticHyperParameters = {} } = request.TrainingJobDefinition
  if (names.length === 0 || names.length > 30) throw invalid('There must be 1 to 30 parameter ranges.')
  if (new Set(names).size < names.length) throw invalid('Parameter ranges must have names of their own.')
  const both = names.find((name) => Object.hasOwn(StaticHyperParameters, name))
  if (both !== undefined) throw invalid(`Hyperparameter ${both} is both static and tuned.`)
  if (names.length + Object.keys(StaticHyperParameters).length + 1 > 100)
    throw invalid('There are more than 100 hyperparameters.')
  for (const { Name, MinValue, MaxValue, ScalingType } of [...whole, ...numbers]) {
    const [from, to] = [Number(MinValue), Number(MaxValue)]
    if (!(from < to)) throw invalid(`MinValue of ${Name} must be less than its MaxValue.`)
    if (ScalingType === 'Logarithmic' && from <= 0) throw invalid(`${Name}: logarithmic scaling needs values above 0.`)
  }
  for (const { Name, MinValue, MaxValue } of whole)
    if (![MinValue, MaxValue].every((text) => /^-?\d+$/.test(text))) throw invalid(`${Name} is no range of integers.`)
}

/** What lists and descriptions say of a training job. */
function summaryOf(tuning: TuningJob, drawn: Drawn) {
  const { job, values } = drawn
  const value = objectiveOf(tuning, drawn)
  const { Type, MetricName = '' } = tuning.request.HyperParameterTuningJobConfig.HyperParameterTuningJobObjective ?? {}
  const isOver = job.stop === undefined
  return {
    TrainingJobName: job.request.TrainingJobName,
    TrainingJobArn: job.arn,
    TuningJobName: tuning.request.HyperParameterTuningJobName,
    CreationTime: job.createdAt,
    TrainingJobStatus: job.status,
    TunedHyperParameters: values,
    ...(job.startedAt !== undefined && { TrainingStartTime: job.startedAt }),
    ...(isOver && { TrainingEndTime: job.transitions.at(-1)?.StartTime }),
    ...(job.failure !== undefined && { FailureReason: job.failure }),
    ...(value !== undefined && { FinalHyperParameterTuningJobObjectiveMetric: { Type, MetricName, Value: value } }),
    ObjectiveStatus: isOver ? (value === undefined ? 'Failed' : 'Succeeded') : 'Pending',
  }
}

function countersOf({ drawn }: TuningJob) {
  const count = (...statuses: string[]): number => drawn.filter(({ job }) => statuses.includes(job.status)).length
  return {
    TrainingJobStatusCounters: {
      Completed: count('Completed'),
      InProgress: count('InProgress', 'Stopping'),
      RetryableError: 0,
      NonRetryableError: count('Failed'),
      Stopped: count('Stopped'),
    },
    ObjectiveStatusCounters: {
      Succeeded: count('Completed'),
      Pending: count('InProgress', 'Stopping'),
      Failed: count('Failed', 'Stopped'),
    },
  }
}

function described(tuning: TuningJob): object {
  const { request, drawn, endedAt } = tuning
  const sign = request.HyperParameterTuningJobConfig.HyperParameterTuningJobObjective?.Type === 'Maximize' ? -1 : 1
  const done = drawn.filter((each) => each.job.status === 'Completed' && objectiveOf(tuning, each) !== undefined)
  const best = done
    // Of equals the last one: whoever takes the first has to say so.
    .toReversed()
    .sort((a, b) => sign * ((objectiveOf(tuning, a) as number) - (objectiveOf(tuning, b) as number)))[0]
  return {
    ...countersOf(tuning),
    ...(best !== undefined && { BestTrainingJob: summaryOf(tuning, best) }),
    LastModifiedTime: endedAt ?? tuning.createdAt,
    ...(endedAt !== undefined && { HyperParameterTuningEndTime: endedAt }),
  }
}
