import { invalid } from './errors.ts'
import { jobsOf } from './jobs.ts'
import { type ProcessingJob, type ProcessingJobRequest, processingLife } from './processing-life.ts'

/** Processing jobs: their images really run, with the containers' contract at `/opt/ml`. */
export const processingJobs = jobsOf<ProcessingJobRequest, ProcessingJob>({
  kind: 'Processing',
  resource: 'processing-job',
  requireSense,
  make: (job) => job,
  live: processingLife,
  describe: described,
  summary: described,
})

/** What SageMaker refuses besides what its service model says. */
function requireSense({ ProcessingInputs = [], ProcessingOutputConfig, ...request }: ProcessingJobRequest): void {
  const { InstanceType, InstanceCount } = request.ProcessingResources.ClusterConfig
  if (InstanceType === undefined || InstanceCount === undefined)
    throw invalid('ClusterConfig must name an instance type and a count.')
  const outputs = ProcessingOutputConfig?.Outputs ?? []
  const paths = [
    ...ProcessingInputs.map(({ InputName, S3Input }) => [InputName, S3Input?.LocalPath ?? ''] as const),
    ...outputs.map(({ OutputName, S3Output }) => [OutputName, S3Output?.LocalPath ?? ''] as const),
  ]
  // "The LocalPath is an absolute path": containers have theirs below /opt/ml/processing.
  const [outside] = paths.find(([, path]) => !path.startsWith('/opt/ml/processing/')) ?? []
  if (outside !== undefined) throw invalid(`LocalPath of ${outside} must be below /opt/ml/processing.`)
  for (const names of [ProcessingInputs.map((each) => each.InputName), outputs.map((each) => each.OutputName)])
    if (new Set(names).size < names.length) throw invalid('Names of inputs, and of outputs, must be unique.')
  if (new Set(paths.map(([, path]) => path)).size < paths.length) throw invalid('LocalPaths must be unique.')
}

function described({ startedAt, endedAt, exitMessage }: ProcessingJob): object {
  return {
    ...(endedAt !== undefined && { ProcessingEndTime: endedAt, LastModifiedTime: endedAt }),
    ...(startedAt !== undefined && { ProcessingStartTime: startedAt }),
    ...(exitMessage !== undefined && { ExitMessage: exitMessage }),
  }
}
