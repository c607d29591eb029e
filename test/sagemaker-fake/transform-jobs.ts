import { invalid } from './errors.ts'
import { type Job, jobsOf } from './jobs.ts'
import { jsonPath } from './json-path.ts'
import { modelNamed } from './models.ts'
import { transformLife } from './transform-life.ts'
import type { Tag, World } from './world.ts'

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

export type TransformJob = Job<TransformJobRequest>

/** Transform jobs: the model's container really runs, and is asked for every line. */
export const transformJobs = jobsOf<TransformJobRequest, TransformJob>({
  kind: 'Transform',
  resource: 'transform-job',
  requireSense,
  make: (job) => job,
  live: transformLife,
  describe: described,
})

/** What SageMaker refuses besides what its service model says. */
function requireSense(
  { MaxPayloadInMB = 6, MaxConcurrentTransforms = 1, ...request }: TransformJobRequest,
  world: World,
): void {
  modelNamed(world, request.ModelName)
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

function described({ request, startedAt, endedAt }: TransformJob): object {
  const { TransformInput, TransformOutput, DataProcessing } = request
  return {
    TransformInput: { CompressionType: 'None', SplitType: 'None', ...TransformInput },
    TransformOutput: { AssembleWith: 'None', KmsKeyId: '', ...TransformOutput },
    DataProcessing: { InputFilter: '$', OutputFilter: '$', JoinSource: 'None', ...DataProcessing },
    ...(startedAt !== undefined && { TransformStartTime: startedAt }),
    ...(endedAt !== undefined && { TransformEndTime: endedAt }),
  }
}
