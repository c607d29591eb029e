import type { Answer, FakeSageMaker } from './fake.ts'
import type { Begun, Document, StoryPlace } from './place.ts'
import type { Telling } from './telling.ts'
import { until } from './until.ts'

/** What the chapters share. */
export interface Scene {
  readonly fake: FakeSageMaker
  readonly place: StoryPlace
  readonly telling: Telling
}

/** The story's first run, from a job that trains to an endpoint; its worker is killed while the job trains. */
export async function trainAndDeploy(scene: Scene): Promise<void> {
  const { place, telling } = scene
  telling.chapter('1. A model is trained by a job of SageMaker, and the worker is killed meanwhile')
  const run = place.begin('run', 'loans', '--wait')
  await train(scene, run)
  telling.chapter('2. It is packaged and gated, and a person approves it in SageMaker')
  const arn = await approve(scene, run, 1)
  const record = await ended(scene, run, 0)
  tellModel(scene, record)
  const { CustomerMetadataProperties: metadata = {} } = await packageNamed(scene, arn)
  telling.fact(
    `${arn.split(':').at(-1)} is version ${metadata['slipway:version']} there, digest ${short(metadata['slipway:digest'])}`,
    metadata['slipway:digest'] === record.model?.digest,
  )
  telling.chapter('3. It is deployed to an endpoint of SageMaker')
  const { EndpointStatus, ProductionVariants = [] } = await scene.fake.call('DescribeEndpoint', endpoint)
  telling.fact(
    `endpoint credit is ${EndpointStatus}: ${inWords(weightsOf(ProductionVariants))}`,
    EndpointStatus === 'InService',
  )
  const { status, variant } = await scene.fake.invoke('credit', oneLoan)
  telling.fact(`asked for a prediction, ${variant} answered with ${status}`, status === 200)
}

/** The training itself: what the job says while it goes on, the kill, and that it was begun once. */
async function train({ fake, place, telling }: Scene, run: Begun): Promise<void> {
  const name = await until(
    'a training job',
    async () => (await fake.log('CreateTrainingJob')).at(-1)?.request.TrainingJobName as string | undefined,
    run.result,
  )
  const describe = (): Promise<Answer> => fake.call('DescribeTrainingJob', { TrainingJobName: name })
  const lastLine = async (): Promise<string | undefined> => {
    const logGroupName = '/aws/sagemaker/TrainingJobs'
    const streams = await fake.call('DescribeLogStreams', { logGroupName, logStreamNamePrefix: name }, 'Logs_20140328')
    const [stream] = streams.logStreams
    if (stream === undefined) return undefined
    const { logStreamName } = stream
    const page = await fake.call('GetLogEvents', { logGroupName, logStreamName }, 'Logs_20140328')
    return page.events.at(-1)?.message
  }
  const first = await until('a line of its log', () => lastLine().catch(() => undefined), run.result)
  const begun = await describe()
  telling.fact(`training job ${name}: ${begun.TrainingJobStatus}, ${begun.SecondaryStatus}; its log says "${first}"`)
  const { killed, next } = await place.killWorker()
  const meanwhile = await describe()
  telling.fact(
    `worker ${killed} killed by SIGKILL; the job is ${meanwhile.TrainingJobStatus}, and worker ${next} starts`,
    meanwhile.TrainingJobStatus === 'InProgress',
  )
  const done = await until('the end of the job', async () => {
    const job = await describe()
    return ['InProgress', 'Stopping'].includes(job.TrainingJobStatus) ? undefined : job
  })
  telling.fact(
    `the job is ${done.TrainingJobStatus} after ${done.TrainingTimeInSeconds} s; its log says "${await lastLine()}"`,
    done.TrainingJobStatus === 'Completed',
  )
  await until('what becomes of the model', async () => (await packages(fake))[0], run.result)
  const creations = (await fake.log('CreateTrainingJob')).length
  telling.fact(
    `worker ${place.worker()} went on with it: ${times(creations, 'CreateTrainingJob')} in SageMaker’s log book`,
    creations === 1 && place.worker() === next,
  )
}

/** A person approves a version of the model package group, once they are asked. @returns its ARN */
export async function approve({ fake, telling }: Scene, run: Begun, version: number): Promise<string> {
  const asked = await until(
    `model package ${version}`,
    async () => {
      const arn = (await packages(fake))[version - 1]?.ModelPackageArn
      const there = arn === undefined ? undefined : await fake.call('DescribeModelPackage', { ModelPackageName: arn })
      return there?.ApprovalDescription?.includes('is asked') === true ? there : undefined
    },
    run.result,
  )
  const { ModelPackageArn: arn, ModelApprovalStatus: before } = asked
  const why = 'looks right to me'
  await fake.call('UpdateModelPackage', {
    ModelPackageArn: arn,
    ModelApprovalStatus: 'Approved',
    ApprovalDescription: why,
  })
  telling.fact(`${arn.split(':').at(-1)} is ${before} in SageMaker; a person approves it there: "${why}"`)
  return arn
}

/** What a run came to. */
export async function ended({ telling }: Scene, run: Begun, expected: number): Promise<Document> {
  const { code, document } = await run.result
  const { runId, status, error } = document
  telling.fact(
    `run ${runId} ended: ${status ?? error?.message}, exit ${code}${code === expected || !error?.message ? '' : `: ${error.message}`}`,
    code === expected,
  )
  return document
}

/** The version that a run made, and what its gates saw. */
export function tellModel({ telling }: Scene, { gates = [], model }: Document): void {
  for (const { name, passed, evidence } of gates) telling.fact(`gate ${name}: ${evidence}`, passed)
  telling.fact(`${model?.name} version ${model?.version}, digest ${short(model?.digest)}`, model !== null)
}

/** Packages of the group, the oldest first. */
async function packages(fake: FakeSageMaker): Promise<Answer[]> {
  const list = await fake.call('ListModelPackages', { ModelPackageGroupName: 'loans' }).catch(() => undefined)
  return list?.ModelPackageSummaryList ?? []
}

const packageNamed = ({ fake }: Scene, arn: string): Promise<Answer> =>
  fake.call('DescribeModelPackage', { ModelPackageName: arn })

export const endpoint = { EndpointName: 'credit' }

/** A request for one prediction. */
export const oneLoan = JSON.stringify({
  instances: [{ id: 1, day: '2024-01-01T00:00:00Z', income: 30_000, age: 40, purpose: 'car' }],
})

/** Weights by version, as an endpoint has them: `{ v1: 0.8, v2: 0.2 }`. */
export const weightsOf = (variants: readonly Answer[]): Record<string, number> =>
  Object.fromEntries(
    variants.map(({ VariantName, CurrentWeight }) => [
      VariantName.split('-')[0],
      Math.round(CurrentWeight * 1e4) / 1e4,
    ]),
  )

export const inWords = (weights: Readonly<Record<string, number>>): string =>
  Object.entries(weights)
    .map(([variant, weight]) => `${variant} with weight ${weight}`)
    .join(', ')

export const times = (count: number, what: string): string => `${count === 1 ? 'one' : count} ${what}`

const short = (digest: string | undefined): string => (digest ?? 'none').replace(/^sha256:/, '').slice(0, 12)
