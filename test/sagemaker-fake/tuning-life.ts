import { createHash } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { seededRandom } from '../../lib/stats/random.ts'
import type { Job } from './jobs.ts'
import { trainingJobs } from './training-jobs.ts'
import type { TrainingJob, TrainingJobRequest } from './training-life.ts'
import { seconds, type Tag, type World } from './world.ts'

interface Range {
  readonly Name: string
  readonly MinValue: string
  readonly MaxValue: string
  readonly ScalingType?: string
}

/** The members of a request that the fake looks at; all others are kept as they came. */
export interface TuningJobRequest {
  readonly HyperParameterTuningJobName: string
  readonly HyperParameterTuningJobConfig: {
    readonly Strategy: string
    readonly StrategyConfig?: { readonly HyperbandStrategyConfig?: { readonly MaxResource?: number } }
    readonly HyperParameterTuningJobObjective?: { readonly Type: string; readonly MetricName: string }
    readonly ResourceLimits: {
      readonly MaxNumberOfTrainingJobs?: number
      readonly MaxParallelTrainingJobs: number
      readonly MaxRuntimeInSeconds?: number
    }
    readonly ParameterRanges?: {
      readonly IntegerParameterRanges?: readonly Range[]
      readonly ContinuousParameterRanges?: readonly Range[]
      readonly CategoricalParameterRanges?: readonly { readonly Name: string; readonly Values: readonly string[] }[]
    }
    readonly TrainingJobEarlyStoppingType?: string
    readonly RandomSeed?: number
  }
  readonly TrainingJobDefinition: Omit<TrainingJobRequest, 'TrainingJobName' | 'HyperParameters' | 'Tags'> & {
    readonly StaticHyperParameters?: Readonly<Record<string, string>>
  }
  readonly Tags?: Tag[]
}

/** A training job of a search, with the values that were drawn for it. */
export interface Drawn {
  readonly job: TrainingJob
  readonly values: Readonly<Record<string, string>>
}

export interface TuningJob extends Job<TuningJobRequest> {
  readonly drawn: Drawn[]
}

export const rangesIn = ({ HyperParameterTuningJobConfig: { ParameterRanges: ranges } }: TuningJobRequest) => ({
  whole: ranges?.IntegerParameterRanges ?? [],
  numbers: ranges?.ContinuousParameterRanges ?? [],
  choices: ranges?.CategoricalParameterRanges ?? [],
})

/** How many training jobs a search has: of a grid as many as it has points. */
export function jobsWanted(request: TuningJobRequest): number {
  const { Strategy, ResourceLimits } = request.HyperParameterTuningJobConfig
  const points = rangesIn(request).choices.reduce((product, { Values }) => product * Values.length, 1)
  return Strategy === 'Grid' ? points : (ResourceLimits.MaxNumberOfTrainingJobs ?? 1)
}

/** The objective that a job said last, in single precision; undefined where it said none. */
export function objectiveOf({ request }: TuningJob, { job }: Drawn): number | undefined {
  const { MetricName } = request.HyperParameterTuningJobConfig.HyperParameterTuningJobObjective ?? {}
  return job.metrics.find((metric) => metric.MetricName === MetricName)?.Value
}

const resource = 'hyper-parameter-tuning-job'
/** Why SageMaker says that a search failed of which no job ended well. */
const allFailed = 'All training jobs have failed. Please take a look at the training jobs failures to get more details.'

/** Lives through a search: draws values, and runs so many training jobs at once, until all are over. */
export async function tuningLife(world: World, tuning: TuningJob): Promise<void> {
  const { request, drawn } = tuning
  const name = request.HyperParameterTuningJobName
  const { MaxParallelTrainingJobs, MaxRuntimeInSeconds } = request.HyperParameterTuningJobConfig.ResourceLimits
  tuning.stop = () => {
    tuning.status = 'Stopping'
  }
  const draw = drawing(request)
  const late = world.script.take(resource, name, 'has no time left')
  const until = Date.now() + (late === undefined ? (MaxRuntimeInSeconds ?? 1e6) * 1_000 : Number(late.after ?? 0))
  const other = world.script.take(resource, name, 'stopped by another')
  const stops =
    other === undefined ? undefined : setTimeout(() => tuning.stop?.('by another'), Number(other.after ?? 0))
  const wanted = jobsWanted(request)
  for (;;) {
    const isStopping = tuning.status === 'Stopping' || Date.now() > until
    const going = drawn.filter(({ job }) => job.stop !== undefined)
    if (isStopping) for (const { job } of going) job.stop?.('StopHyperParameterTuningJob')
    else if (drawn.length < wanted && going.length < MaxParallelTrainingJobs) begin(world, tuning, draw)
    if (drawn.every(({ job }) => job.stop === undefined) && (isStopping || drawn.length >= wanted)) break
    await sleep(20)
  }
  clearTimeout(stops)
  tuning.endedAt = seconds()
  const isEmpty = drawn.every((each) => each.job.status !== 'Completed')
  if (tuning.status === 'Stopping') tuning.status = 'Stopped'
  else if (isEmpty) [tuning.status, tuning.failure] = ['Failed', allFailed]
  else tuning.status = 'Completed'
  delete tuning.stop
}

/** Begins the next training job of a search. */
function begin(world: World, { request, drawn }: TuningJob, draw: (at: number) => Record<string, string>): void {
  const { HyperParameterTuningJobName: name, HyperParameterTuningJobConfig: config, Tags = [] } = request
  const { StaticHyperParameters = {}, ...definition } = request.TrainingJobDefinition
  const at = drawn.length
  const told = draw(at)
  const quotes = world.script.take(resource, name, 'quotes choices') !== undefined
  const choices = new Set(rangesIn(request).choices.map(({ Name }) => Name))
  const values = Object.fromEntries(
    Object.entries(told).map(([key, value]) => [key, quotes && choices.has(key) ? JSON.stringify(value) : value]),
  )
  const ending = createHash('sha256').update(`${name} ${at}`).digest('hex').slice(0, 8)
  const job = trainingJobs.in(world).begin({
    ...definition,
    TrainingJobName: `${name}-${String(at + 1).padStart(3, '0')}-${ending}`,
    HyperParameters: {
      _tuning_objective_metric: config.HyperParameterTuningJobObjective?.MetricName ?? '',
      ...StaticHyperParameters,
      ...values,
    },
    Tags,
  })
  const early = world.script.take(resource, name, 'stops a job early')
  if (early !== undefined) setTimeout(() => job.stop?.('early'), Number(early.after ?? 0))
  drawn.push({ job, values })
}

/** Values of the job at a place: of a grid its point, else drawn evenly on the scale of each range, by the seed. */
function drawing(request: TuningJobRequest): (at: number) => Record<string, string> {
  const { Strategy, RandomSeed = 0 } = request.HyperParameterTuningJobConfig
  const { whole, numbers, choices } = rangesIn(request)
  const random = seededRandom(RandomSeed)
  const uniform = (): number => random() / 2 ** 32
  const between = ({ MinValue, MaxValue, ScalingType }: Range): number => {
    const isLog = ScalingType === 'Logarithmic'
    const [from, to] = [MinValue, MaxValue].map((text) => (isLog ? Math.log(Number(text)) : Number(text)))
    const at = (from as number) + uniform() * ((to as number) - (from as number))
    return isLog ? Math.exp(at) : at
  }
  return (at) => {
    let rest = at
    const chosen = choices.map(({ Name, Values }) => {
      const place = Strategy === 'Grid' ? rest % Values.length : Math.floor(uniform() * Values.length)
      rest = Math.floor(rest / Values.length)
      return [Name, Values[place] as string] as const
    })
    return Object.fromEntries([
      ...whole.map((range) => [range.Name, String(Math.round(between(range)))] as const),
      ...numbers.map((range) => [range.Name, String(between(range))] as const),
      ...chosen,
    ])
  }
}
