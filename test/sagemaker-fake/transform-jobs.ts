import { AwsError, invalid, notThere } from './errors.ts'
import { jsonPath } from './json-path.ts'
import { modelNamed } from './models.ts'
import { transformLife } from './transform-life.ts'
import { type FamilyMaker, seconds, type Tag } from './world.ts'

/** The members of a request that the fake looks at; all others are kept as they came. */
export interface TransformJobRequest {
  readonly TransformJobName: string
  readonly ModelName: string
  readonly MaxPayloadInMB?: number
  readonly MaxConcurrentTransforms?: number
  readonly BatchStrategy?: 'MultiRecord' | 'SingleRecord'
  readonly TransformInput: {
    readonly DataSource: { readonly S3DataSource: { readonly S3DataType: string; readonly S3Uri: string } }
    readonly ContentType?: string
    readonly SplitType?: string
  }
  readonly TransformOutput: {
    readonly S3OutputPath: string
    readonly Accept?: string
    readonly AssembleWith?: string
  }
  readonly TransformResources: { readonly InstanceCount: number; readonly InstanceType: string }
  readonly DataProcessing?: {
    readonly InputFilter?: string
    readonly OutputFilter?: string
    readonly JoinSource?: 'Input' | 'None'
  }
  readonly Tags?: Tag[]
}

export interface TransformJob {
  readonly request: TransformJobRequest
  readonly arn: string
  readonly createdAt: number
  status: 'InProgress' | 'Completed' | 'Failed' | 'Stopping' | 'Stopped'
  failure?: string
  startedAt?: number
  endedAt?: number
  /** Asks for its end; there while it lives. */
  stop?: () => void
}

/** Transform jobs: the model's container really runs, and is asked for every line. */
export const transformJobs: FamilyMaker = (world) => {
  const jobs = new Map<string, TransformJob>()
  const lives = new Set<Promise<void>>()
  const find = (name: string): TransformJob => {
    const job = jobs.get(name)
    if (job === undefined) throw notThere()
    return job
  }
  return {
    service: 'sagemaker',
    operations: {
      CreateTransformJob(request: TransformJobRequest) {
        const { TransformJobName: name, Tags = [] } = request
        const arn = world.arn('transform-job', name)
        if (jobs.has(name))
          throw new AwsError(
            'ResourceInUse',
            `Job name must be unique within an AWS account and region, and a transform job with this name already exists (${arn})`,
          )
        modelNamed(world, request.ModelName)
        requireSense(request)
        const job: TransformJob = { request, arn, createdAt: seconds(), status: 'InProgress' }
        jobs.set(name, job)
        world.tags.set(arn, Tags)
        const life = transformLife(world, job).finally(() => lives.delete(life))
        lives.add(life)
        return { TransformJobArn: arn }
      },
      DescribeTransformJob: ({ TransformJobName }) => described(find(TransformJobName)),
      StopTransformJob({ TransformJobName }) {
        const job = find(TransformJobName)
        if (job.stop === undefined)
          throw invalid(`The request was rejected because the transform job is in status ${job.status}.`)
        job.status = 'Stopping'
        job.stop()
        return {}
      },
      ListTransformJobs: ({ NameContains = '', StatusEquals }) => ({
        TransformJobSummaries: [...jobs.values()]
          .filter(
            ({ request, status }) =>
              request.TransformJobName.includes(NameContains) &&
              (StatusEquals === undefined || StatusEquals === status),
          )
          .map(({ request, arn, createdAt, status }) => ({
            TransformJobName: request.TransformJobName,
            TransformJobArn: arn,
            CreationTime: createdAt,
            TransformJobStatus: status,
          })),
      }),
    },
    async stop() {
      for (const job of jobs.values()) job.stop?.()
      await Promise.all(lives)
    },
  }
}

/** What SageMaker refuses besides what its service model says. */
function requireSense({ MaxPayloadInMB = 6, MaxConcurrentTransforms = 1, ...request }: TransformJobRequest): void {
  if (MaxPayloadInMB > 100) throw invalid('MaxPayloadInMB cannot be greater than 100 MB.')
  if (MaxPayloadInMB * MaxConcurrentTransforms > 100)
    throw invalid('The value of MaxConcurrentTransforms * MaxPayloadInMB must not exceed 100 MB.')
  const { DataProcessing: processing, TransformInput: input, TransformOutput: output } = request
  if (processing === undefined) return
  for (const path of [processing.InputFilter ?? '$', processing.OutputFilter ?? '$']) {
    try {
      jsonPath(path)
    } catch (error) {
      throw invalid((error as Error).message)
    }
  }
  if (processing.JoinSource !== 'Input') return
  // "To use data processing, the input and the output must have one format": CSV or JSON.
  const isLines = (type = ''): boolean => type === 'application/jsonlines'
  if (isLines(input.ContentType) !== isLines(output.Accept) || input.SplitType !== output.AssembleWith)
    throw invalid('With JoinSource Input, ContentType and Accept, SplitType and AssembleWith must be the same.')
}

function described(job: TransformJob): unknown {
  const { request, arn, createdAt, status, failure, startedAt, endedAt } = job
  const { Tags: _, TransformInput, TransformOutput, DataProcessing, ...rest } = request
  return {
    ...rest,
    TransformJobArn: arn,
    TransformJobStatus: status,
    ...(failure !== undefined && { FailureReason: failure }),
    TransformInput: { CompressionType: 'None', SplitType: 'None', ...TransformInput },
    TransformOutput: { AssembleWith: 'None', KmsKeyId: '', ...TransformOutput },
    DataProcessing: { InputFilter: '$', OutputFilter: '$', JoinSource: 'None', ...DataProcessing },
    CreationTime: createdAt,
    ...(startedAt !== undefined && { TransformStartTime: startedAt }),
    ...(endedAt !== undefined && { TransformEndTime: endedAt }),
  }
}
