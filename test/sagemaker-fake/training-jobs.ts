import { AwsError, invalid, notThere } from './errors.ts'
import { lifeOf, type TrainingJob, type TrainingJobRequest, transition } from './training-life.ts'
import { type FamilyMaker, seconds } from './world.ts'

/** Training jobs: their images really run, with the containers' contract at `/opt/ml`. */
export const trainingJobs: FamilyMaker = (world) => {
  const jobs = new Map<string, TrainingJob>()
  const lives = new Set<Promise<void>>()
  const find = (name: string): TrainingJob => {
    const job = jobs.get(name)
    if (job === undefined) throw notThere()
    return job
  }
  return {
    service: 'sagemaker',
    operations: {
      CreateTrainingJob(request: TrainingJobRequest) {
        const { TrainingJobName: name, Tags = [] } = request
        const arn = world.arn('training-job', name)
        if (jobs.has(name))
          throw new AwsError(
            'ResourceInUse',
            `Job name must be unique within an AWS account and region, and a training job with this name already exists (${arn})`,
          )
        requireSense(request)
        const job: TrainingJob = {
          request,
          arn,
          createdAt: seconds(),
          status: 'InProgress',
          transitions: [],
          metrics: [],
        }
        transition(job, 'Starting', 'Starting the training job')
        jobs.set(name, job)
        world.tags.set(arn, Tags)
        const life = lifeOf(world, job).finally(() => lives.delete(life))
        lives.add(life)
        return { TrainingJobArn: arn }
      },
      DescribeTrainingJob: ({ TrainingJobName }) => described(find(TrainingJobName)),
      StopTrainingJob({ TrainingJobName }) {
        const job = find(TrainingJobName)
        if (job.status !== 'InProgress' && job.status !== 'Stopping')
          throw invalid(`The request was rejected because the training job is in status ${job.status}.`)
        job.stop?.('StopTrainingJob')
        return {}
      },
      ListTrainingJobs({ NameContains = '', StatusEquals }) {
        const found = [...jobs.values()].filter(
          ({ request, status }) =>
            request.TrainingJobName.includes(NameContains) && (StatusEquals === undefined || StatusEquals === status),
        )
        return {
          TrainingJobSummaries: found.map(({ request, arn, createdAt, status }) => ({
            TrainingJobName: request.TrainingJobName,
            TrainingJobArn: arn,
            CreationTime: createdAt,
            TrainingJobStatus: status,
          })),
        }
      },
    },
    async stop() {
      for (const job of jobs.values()) job.stop?.('the fake ends')
      await Promise.all(lives)
    },
  }
}

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

function described({ request, arn, createdAt, status, transitions, metrics, ...job }: TrainingJob): unknown {
  const { Tags: _, OutputDataConfig, TrainingJobName, HyperParameters, AlgorithmSpecification, ...rest } = request
  const last = transitions.at(-1)
  const isOver = status !== 'InProgress' && status !== 'Stopping'
  return {
    ...rest,
    TrainingJobName,
    TrainingJobArn: arn,
    HyperParameters: HyperParameters ?? {},
    AlgorithmSpecification: { EnableSageMakerMetricsTimeSeries: false, ...AlgorithmSpecification },
    OutputDataConfig: { KmsKeyId: '', CompressionType: 'GZIP', ...OutputDataConfig },
    ModelArtifacts: { S3ModelArtifacts: outputsOf(request, 'model.tar.gz') },
    TrainingJobStatus: status,
    SecondaryStatus: last?.Status,
    SecondaryStatusTransitions: transitions,
    ...(job.failure !== undefined && { FailureReason: job.failure }),
    CreationTime: createdAt,
    LastModifiedTime: last?.StartTime,
    ...(job.trainingSince !== undefined && { TrainingStartTime: job.trainingSince }),
    ...(isOver && {
      TrainingEndTime: last?.StartTime,
      ...(job.trainingSince !== undefined && {
        TrainingTimeInSeconds: Math.max(1, Math.round(seconds() - job.trainingSince)),
        BillableTimeInSeconds: Math.max(1, Math.round(seconds() - job.trainingSince)),
      }),
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
