import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { download, uploadFolder } from './buckets.ts'
import { type Container, runContainer } from './containers.ts'
import type { Job } from './jobs.ts'
import { seconds, type Tag, type World } from './world.ts'

/** The members of a request that the fake looks at; all others are kept as they came. */
export interface ProcessingJobRequest {
  readonly ProcessingJobName: string
  readonly ProcessingInputs?: readonly {
    readonly InputName: string
    readonly S3Input?: { readonly S3Uri: string; readonly LocalPath?: string }
  }[]
  readonly ProcessingOutputConfig?: {
    readonly Outputs: readonly {
      readonly OutputName: string
      readonly S3Output?: { readonly S3Uri: string; readonly LocalPath?: string }
    }[]
  }
  readonly ProcessingResources: {
    readonly ClusterConfig: { readonly InstanceType?: string; readonly InstanceCount?: number }
  }
  readonly StoppingCondition?: { readonly MaxRuntimeInSeconds: number }
  readonly AppSpecification: {
    readonly ImageUri: string
    readonly ContainerEntrypoint?: readonly string[]
    readonly ContainerArguments?: readonly string[]
  }
  readonly Environment?: Readonly<Record<string, string>>
  readonly Tags?: Tag[]
}

export interface ProcessingJob extends Job<ProcessingJobRequest> {
  /** What its containers left in `/opt/ml/output/message`. */
  exitMessage?: string
}

/** How a job ends that somebody or its time stops. */
class Stopped extends Error {}

/** A container that was asked to end gets so long, ms. */
const graceMs = 2_000
/** Characters that SageMaker keeps of what a container says of its end. */
const longestMessage = 1_024

/** Lives through a job, from its creation to its end. */
export async function processingLife(world: World, job: ProcessingJob): Promise<void> {
  const { request } = job
  const name = request.ProcessingJobName
  const stopped = new AbortController()
  job.stop = () => {
    job.status = 'Stopping'
    stopped.abort(new Stopped())
  }
  const { InstanceCount = 1 } = request.ProcessingResources.ClusterConfig
  const hosts = Array.from({ length: InstanceCount }, (_, i) => `algo-${i + 1}`)
  const roots = hosts.map((host) => join(world.folder, name, host))
  try {
    await pause(world.paceMs, stopped.signal)
    if (world.script.take('processing-job', name, 'never starts') !== undefined) await untilAborted(stopped.signal)
    const failing = world.script.take('processing-job', name, 'fails')
    if (failing !== undefined) throw new Error(String(failing.reason))
    const image = request.AppSpecification.ImageUri
    if (!world.images.has(image))
      throw new Error(`ClientError: Cannot find repository: ${image} in registry ID: ${world.account}`)
    for (const [i, root] of roots.entries()) await prepare(world, job, root, { host: hosts[i] as string, hosts })
    await run(world, job, { hosts, roots, stopped })
    await upload(world, request, roots)
    stopped.signal.throwIfAborted()
    job.status = 'Completed'
  } catch (error) {
    job.status = error instanceof Stopped ? 'Stopped' : 'Failed'
    if (!(error instanceof Stopped)) job.failure = (error as Error).message.slice(0, 1_024)
  }
  delete job.stop
  job.endedAt = seconds()
  const said = roots.map((root) => join(root, 'output/message')).filter(existsSync)
  if (said.length > 0)
    job.exitMessage = said
      .map((file) => readFileSync(file, 'utf8'))
      .join('')
      .slice(0, longestMessage)
}

/** Where a path of a container's lies on this machine. */
const here = (root: string, path = ''): string => join(root, path.slice('/opt/ml/'.length))

/** Brings inputs to a host, and what every container is told by files. */
async function prepare(
  world: World,
  { request, arn }: ProcessingJob,
  root: string,
  { host, hosts }: { readonly host: string; readonly hosts: readonly string[] },
): Promise<void> {
  for (const folder of ['config', 'output']) mkdirSync(join(root, folder), { recursive: true })
  const tell = (file: string, content: unknown): void =>
    writeFileSync(join(root, 'config', file), JSON.stringify(content))
  const { Tags: _, ...told } = request
  tell('processingjobconfig.json', { ProcessingJobArn: arn, ...told })
  tell('resourceconfig.json', { current_host: host, hosts })
  for (const { S3Output } of request.ProcessingOutputConfig?.Outputs ?? [])
    mkdirSync(here(root, S3Output?.LocalPath), { recursive: true })
  for (const { S3Input } of request.ProcessingInputs ?? []) {
    const uri = S3Input?.S3Uri ?? ''
    if ((await download(world.s3, uri, here(root, S3Input?.LocalPath))) === 0)
      throw new Error(
        `ClientError: Data download failed: No S3 objects found under S3 URL "${uri}" given in input data source.`,
      )
  }
}

interface Places {
  readonly hosts: readonly string[]
  readonly roots: readonly string[]
  readonly stopped: AbortController
}

async function run(world: World, job: ProcessingJob, { hosts, roots, stopped }: Places): Promise<void> {
  const { ProcessingJobName: name, StoppingCondition } = job.request
  job.startedAt = seconds()
  const other = world.script.take('processing-job', name, 'stopped by another')
  const timers = [
    setTimeout(() => stopped.abort(new Stopped()), (StoppingCondition?.MaxRuntimeInSeconds ?? 86_400) * 1_000),
    ...(other === undefined ? [] : [setTimeout(() => job.stop?.('by another'), Number(other.after ?? 0))]),
  ]
  const containers = hosts.map((host, i) => start(world, job, host, roots[i] as string))
  try {
    const codes = await Promise.race([Promise.all(containers.map(({ ended }) => ended)), untilAborted(stopped.signal)])
    const code = codes.find((each) => each !== 0)
    if (code !== undefined)
      throw new Error(`AlgorithmError: See job logs for more information, exit code: ${code ?? 137}`)
  } finally {
    for (const timer of timers) clearTimeout(timer)
    await Promise.all(containers.map((container) => container.stop(graceMs)))
  }
}

function start(world: World, job: ProcessingJob, host: string, root: string): Container {
  const { ProcessingJobName: name, AppSpecification, Environment = {} } = job.request
  const image = world.images.get(AppSpecification.ImageUri)
  const stream = `${name}/${host}-${Math.round(job.createdAt)}`
  return runContainer({
    command: [
      ...(AppSpecification.ContainerEntrypoint ?? image?.entry ?? ['false']),
      ...(AppSpecification.ContainerArguments ?? []),
    ],
    env: { ...image?.env, ...Environment, AWS_REGION: world.region },
    root,
    onLine: (line) => world.logs.write('/aws/sagemaker/ProcessingJobs', stream, line),
  })
}

/** Uploads what the containers left for the outputs. */
async function upload(world: World, request: ProcessingJobRequest, roots: readonly string[]): Promise<void> {
  for (const { S3Output } of request.ProcessingOutputConfig?.Outputs ?? [])
    for (const root of roots) await uploadFolder(world.s3, here(root, S3Output?.LocalPath), S3Output?.S3Uri ?? '')
}

const untilAborted = (signal: AbortSignal): Promise<never> =>
  new Promise((_, reject) => {
    if (signal.aborted) reject(signal.reason)
    signal.addEventListener('abort', () => reject(signal.reason), { once: true })
  })

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await sleep(ms)
  signal.throwIfAborted()
}
