import { existsSync, mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { download, upload, uploadFolder } from './buckets.ts'
import { type Container, runContainer } from './containers.ts'
import type { Job } from './jobs.ts'
import { archive, type Channel, folderIn, writeConfiguration } from './opt-ml.ts'
import { seconds, type Tag, type World } from './world.ts'

/** The members of a request that the fake looks at; all others are kept as they came. */
export interface TrainingJobRequest {
  readonly TrainingJobName: string
  readonly HyperParameters?: Readonly<Record<string, string>>
  readonly AlgorithmSpecification: {
    readonly TrainingImage?: string
    readonly ContainerEntrypoint?: readonly string[]
    readonly ContainerArguments?: readonly string[]
    readonly MetricDefinitions?: readonly { readonly Name: string; readonly Regex: string }[]
  }
  readonly RoleArn: string
  readonly InputDataConfig?: readonly Channel[]
  readonly OutputDataConfig: { readonly S3OutputPath: string }
  readonly ResourceConfig: {
    readonly InstanceType?: string
    readonly InstanceCount?: number
    readonly VolumeSizeInGB?: number
  }
  readonly StoppingCondition: { readonly MaxRuntimeInSeconds?: number; readonly MaxWaitTimeInSeconds?: number }
  readonly EnableManagedSpotTraining?: boolean
  readonly EnableNetworkIsolation?: boolean
  readonly EnableInterContainerTrafficEncryption?: boolean
  readonly CheckpointConfig?: { readonly S3Uri: string }
  readonly Environment?: Readonly<Record<string, string>>
  readonly Tags?: Tag[]
}

interface Transition {
  readonly Status: string
  readonly StartTime: number
  EndTime?: number
  readonly StatusMessage: string
}

export interface TrainingJob extends Job<TrainingJobRequest> {
  readonly transitions: Transition[]
  readonly metrics: { MetricName: string; Value: number; Timestamp: number }[]
}

export function transition({ transitions }: TrainingJob, Status: string, StatusMessage: string): void {
  const last = transitions.at(-1)
  if (last !== undefined) last.EndTime = seconds()
  transitions.push({ Status, StartTime: seconds(), StatusMessage })
}

/** How a job ends that does not end well. */
class Ending extends Error {
  readonly status: 'Stopped' | 'Failed'
  readonly secondary: string

  constructor(status: 'Stopped' | 'Failed', secondary: string, reason = '') {
    super(reason)
    this.status = status
    this.secondary = secondary
  }
}

/** A container that was asked to end gets so long, ms; 120 s at SageMaker. */
const graceMs = 2_000

/** Lives through a job, from its creation to its end. */
export async function lifeOf(world: World, job: TrainingJob): Promise<void> {
  const { request } = job
  const { TrainingJobName: name, ResourceConfig } = request
  const stopped = new AbortController()
  job.stop = (why) => {
    if (stopped.signal.aborted) return
    job.status = 'Stopping'
    transition(job, 'Stopping', `Stopping the training job: ${why}`)
    stopped.abort(new Ending('Stopped', 'Stopped'))
  }
  const hosts = Array.from({ length: ResourceConfig.InstanceCount ?? 1 }, (_, i) => `algo-${i + 1}`)
  const roots = hosts.map((host) => join(world.folder, name, host))
  try {
    await provision(world, job, stopped.signal)
    await prepare(world, job, { hosts, roots })
    await train(world, job, { hosts, roots, stopped })
    await finish(world, job, roots)
    transition(job, 'Completed', 'Training job completed')
    job.status = 'Completed'
  } catch (error) {
    const ending = error instanceof Ending ? error : new Ending('Failed', 'Failed', `InternalServerError: ${error}`)
    // What a stopped job has written is kept.
    if (ending.status === 'Stopped' && job.startedAt !== undefined) await finish(world, job, roots).catch(() => {})
    if (ending.message !== '') job.failure = ending.message.slice(0, 1024)
    transition(job, ending.secondary, ending.message === '' ? 'Training job stopped' : ending.message)
    job.status = ending.status
  }
  delete job.stop
}

async function provision(world: World, job: TrainingJob, signal: AbortSignal): Promise<void> {
  const { TrainingJobName: name, AlgorithmSpecification } = job.request
  for (const [state, words] of [
    ['Starting', 'Preparing the instances for training'],
    ['Downloading', 'Downloading input data'],
    ['DownloadingTrainingImage', 'Downloading the training image'],
  ] as const) {
    if (job.transitions.at(-1)?.Status !== state) transition(job, state, words)
    if (world.script.take('training-job', name, `stuck in ${state}`) !== undefined) await untilAborted(signal)
    await pause(world.paceMs, signal)
  }
  const failing = world.script.take('training-job', name, 'fails')
  if (failing !== undefined) throw new Ending('Failed', 'Failed', String(failing.reason))
  if (!world.images.has(AlgorithmSpecification.TrainingImage ?? ''))
    throw new Ending(
      'Failed',
      'Failed',
      `ClientError: Cannot find repository: ${AlgorithmSpecification.TrainingImage} in registry ID: ${world.account}`,
    )
}

interface Places {
  readonly hosts: readonly string[]
  readonly roots: readonly string[]
}

async function prepare(world: World, { request }: TrainingJob, { hosts, roots }: Places): Promise<void> {
  const channels = request.InputDataConfig ?? []
  for (const [i, root] of roots.entries()) {
    mkdirSync(root, { recursive: true })
    writeConfiguration(root, {
      hyperparameters: request.HyperParameters ?? {},
      channels,
      host: hosts[i] as string,
      hosts,
      instance: request.ResourceConfig.InstanceType ?? '',
    })
    for (const { ChannelName, DataSource } of channels) {
      const uri = DataSource.S3DataSource?.S3Uri ?? ''
      if ((await download(world.s3, uri, folderIn(root).channel(ChannelName))) === 0)
        throw new Ending(
          'Failed',
          'Failed',
          `ClientError: Data download failed: No S3 objects found under S3 URL "${uri}" given in input data source.`,
        )
    }
    if (request.CheckpointConfig !== undefined)
      await download(world.s3, request.CheckpointConfig.S3Uri, folderIn(root).checkpoints)
  }
}

/** Runs the containers, again where spot instances are taken away. */
async function train(
  world: World,
  job: TrainingJob,
  { hosts, roots, stopped }: Places & { readonly stopped: AbortController },
): Promise<void> {
  const { TrainingJobName: name, StoppingCondition, CheckpointConfig } = job.request
  transition(job, 'Training', 'Training image download completed. Training in progress.')
  job.startedAt ??= seconds()
  const other = world.script.take('training-job', name, 'stopped by another')
  const stops = other === undefined ? undefined : setTimeout(() => job.stop?.('by another'), Number(other.after ?? 0))
  const limit = setTimeout(
    () => stopped.abort(new Ending('Stopped', 'MaxRuntimeExceeded')),
    (StoppingCondition.MaxRuntimeInSeconds ?? 1) * 1000,
  )
  const containers = hosts.map((host, i) => start(world, job, host, roots[i] as string))
  const interruption = world.script.take('training-job', name, 'interrupted')
  const stop = (): Promise<unknown> => Promise.all(containers.map((container) => container.stop(graceMs)))
  try {
    const end = await Promise.race([
      Promise.all(containers.map(({ ended }) => ended)),
      untilAborted(stopped.signal),
      ...(interruption === undefined
        ? []
        : [sleep(Number(interruption.after ?? 500)).then(() => 'interrupted' as const)]),
    ])
    if (end === 'interrupted') {
      await stop()
      if (CheckpointConfig !== undefined)
        await uploadFolder(world.s3, folderIn(roots[0] as string).checkpoints, CheckpointConfig.S3Uri)
      transition(job, 'Interrupted', 'Job was interrupted because the spot instances were reclaimed')
      await pause(world.paceMs, stopped.signal)
      clearTimeout(limit)
      return await train(world, job, { hosts, roots, stopped })
    }
    const code = end.find((each) => each !== 0)
    if (code !== undefined) throw failed(roots, code)
  } finally {
    clearTimeout(limit)
    clearTimeout(stops)
    await stop()
  }
}

function failed(roots: readonly string[], code: number | null): Ending {
  const said = roots.map((root) => folderIn(root).failure).find(existsSync)
  const words = said === undefined ? '' : readFileSync(said, 'utf8')
  return new Ending('Failed', 'Failed', `AlgorithmError: ${words}, exit code: ${code ?? 137}`)
}

function start(world: World, job: TrainingJob, host: string, root: string): Container {
  const { TrainingJobName: name, AlgorithmSpecification: algorithm, Environment = {} } = job.request
  const image = world.images.get(algorithm.TrainingImage ?? '')
  const entry = algorithm.ContainerEntrypoint ?? [...(image?.entry ?? ['false'])]
  const own = algorithm.ContainerEntrypoint === undefined ? ['train'] : []
  const stream = `${name}/${host}-${Math.round(job.createdAt)}`
  return runContainer({
    command: [...entry, ...(algorithm.ContainerArguments ?? own)],
    env: {
      ...image?.env,
      ...Environment,
      TRAINING_JOB_NAME: name,
      TRAINING_JOB_ARN: job.arn,
      AWS_REGION: world.region,
    },
    root,
    onLine(line) {
      world.logs.write('/aws/sagemaker/TrainingJobs', stream, line)
      hearMetrics(job, line)
    },
  })
}

/** SageMaker keeps the last value of each metric, in single precision. */
function hearMetrics({ request, metrics }: TrainingJob, line: string): void {
  for (const { Name, Regex } of request.AlgorithmSpecification.MetricDefinitions ?? []) {
    const value = Math.fround(Number(new RegExp(Regex).exec(line)?.[1] ?? Number.NaN))
    if (!Number.isFinite(value)) continue
    const at = metrics.findIndex(({ MetricName }) => MetricName === Name)
    metrics.splice(at < 0 ? metrics.length : at, at < 0 ? 0 : 1, {
      MetricName: Name,
      Value: value,
      Timestamp: seconds(),
    })
  }
}

/** Uploads what the containers wrote. */
async function finish(world: World, job: TrainingJob, roots: readonly string[]): Promise<void> {
  transition(job, 'Uploading', 'Uploading generated training model')
  const { OutputDataConfig, TrainingJobName: name } = job.request
  const to = `${OutputDataConfig.S3OutputPath.replace(/\/$/, '')}/${name}/output`
  for (const [file, folder] of [
    ['model.tar.gz', 'model'],
    ['output.tar.gz', 'output'],
  ] as const) {
    const made = join(world.folder, name, file)
    await archive(
      roots.map((root) => folderIn(root)[folder]),
      made,
    )
    await upload(world.s3, made, `${to}/${file}`)
  }
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
