import { invalid } from './errors.ts'
import { jobsOf } from './jobs.ts'
import { lifeOf, type TrainingJob, type TrainingJobRequest, transition } from './training-life.ts'
import { seconds } from './world.ts'

/** Training jobs: their images really run, with the containers' contract at `/opt/ml`. */
export const trainingJobs = jobsOf<TrainingJobRequest, TrainingJob>({
  kind: 'Training',
  resource: 'training-job',
  requireSense,
  make(job) {
    const made: TrainingJob = { ...job, transitions: [], metrics: [] }
    transition(made, 'Starting', 'Starting the training job')
    return made
  },
  live: lifeOf,
  describe: described,
})

/** What SageMaker refuses besides what its service model says. */
function requireSense(request: TrainingJobRequest): void {
  const { AlgorithmSpecification: algorithm, ResourceConfig: resources, StoppingCondition: stopping } = request
  if (algorithm?.TrainingImage === undefined) throw invalid('You must specify either AlgorithmName or TrainingImage.')
  if (
    resources?.InstanceType === undefined ||
    (resources.InstanceCount ?? 0) < 1 ||
    (resources.VolumeSizeInGB ?? 0) < 1
  )
    throw invalid('ResourceConfig must name an instance type, and at least one instance and one GB.')
  const { MaxRuntimeInSeconds: runtime, MaxWaitTimeInSeconds: wait } = stopping ?? {}
  if (runtime === undefined) throw invalid('StoppingCondition must name MaxRuntimeInSeconds.')
  if (request.EnableManagedSpotTraining === true) {
    if (wait === undefined || wait < runtime)
      throw invalid(
        'Invalid MaxWaitTimeInSeconds. It must be present and be greater than or equal to MaxRuntimeInSeconds',
      )
  } else if (wait !== undefined) {
    throw invalid('MaxWaitTimeInSeconds above 0 is not supported when EnableManagedSpotTraining is false')
  }
  const names = (request.InputDataConfig ?? []).map(({ ChannelName }) => ChannelName)
  if (new Set(names).size < names.length) throw invalid('Channel names must be unique.')
}

function described({ request, status, transitions, metrics, startedAt }: TrainingJob): object {
  const last = transitions.at(-1)
  const isOver = status !== 'InProgress' && status !== 'Stopping'
  const took = startedAt === undefined ? undefined : Math.max(1, Math.round(seconds() - startedAt))
  return {
    HyperParameters: request.HyperParameters ?? {},
    AlgorithmSpecification: { EnableSageMakerMetricsTimeSeries: false, ...request.AlgorithmSpecification },
    OutputDataConfig: { KmsKeyId: '', CompressionType: 'GZIP', ...request.OutputDataConfig },
    ModelArtifacts: { S3ModelArtifacts: outputsOf(request, 'model.tar.gz') },
    SecondaryStatus: last?.Status,
    SecondaryStatusTransitions: transitions,
    LastModifiedTime: last?.StartTime,
    ...(startedAt !== undefined && { TrainingStartTime: startedAt }),
    ...(isOver && {
      TrainingEndTime: last?.StartTime,
      ...(took !== undefined && { TrainingTimeInSeconds: took, BillableTimeInSeconds: took }),
    }),
    FinalMetricDataList: metrics,
    EnableNetworkIsolation: request.EnableNetworkIsolation ?? false,
    EnableInterContainerTrafficEncryption: request.EnableInterContainerTrafficEncryption ?? false,
    EnableManagedSpotTraining: request.EnableManagedSpotTraining ?? false,
    ProfilingStatus: 'Disabled',
  }
}

const outputsOf = ({ OutputDataConfig, TrainingJobName }: TrainingJobRequest, file: string): string =>
  `${OutputDataConfig.S3OutputPath.replace(/\/$/, '')}/${TrainingJobName}/output/${file}`
