import { z } from 'zod'
import { type Dimension, Objective, type Parameters, type ParameterValue, type Space } from './tuning.ts'

/** How SageMaker searches for parameters: one tuning job in the place of trials that we ask for. */
export const SageMakerSearch = z.strictObject({
  by: z.literal('sagemaker'),
  strategy: z.enum(['Bayesian', 'Random', 'Grid', 'Hyperband']),
  objective: Objective,
  /** Training jobs that go on at once. */
  atOnce: z.int().min(1).max(100),
  /** Whether SageMaker stops jobs that will hardly be better than those before. */
  earlyStopping: z.literal(true).optional(),
  /** Of Hyperband: how many units, epochs say, a job trains at least and at most. */
  resource: z
    .strictObject({ least: z.int().min(1), most: z.int().min(1).max(20_000) })
    .refine(({ least, most }) => least <= most, 'least is above most')
    .optional(),
})
export type SageMakerSearch = z.infer<typeof SageMakerSearch>

/** What a search leaves of the best of its training jobs, for the step that trains. */
export const TrainedByTrial = z.object({
  slipway: z.literal('trained/1'),
  /** Null where there is none to take: the parameters were kept of an earlier version, and are trained with anew. */
  job: z
    .object({
      name: z.string(),
      /** Digests of its archives and of its log. */
      model: z.string(),
      output: z.string().optional(),
      log: z.string(),
      metrics: z.record(z.string(), z.number()),
      seconds: z.number(),
    })
    .nullable(),
})
export type TrainedByTrial = z.infer<typeof TrainedByTrial>

interface Range {
  readonly Name: string
  readonly MinValue: string
  readonly MaxValue: string
  readonly ScalingType: 'Linear' | 'Logarithmic'
}

/** A space as SageMaker takes it. */
export interface ParameterRanges {
  readonly IntegerParameterRanges: Range[]
  readonly ContinuousParameterRanges: Range[]
  readonly CategoricalParameterRanges: { readonly Name: string; readonly Values: string[] }[]
}

/** Most parameters that are searched, most values of one, and most characters of a value (ParameterRanges). */
const [mostParameters, mostValues, longestValue] = [30, 30, 256]
/** What SageMaker adds to the hyperparameters of its jobs, and what starts a program in images with its toolkit. */
const ownNames = ['_tuning_objective_metric', 'sagemaker_program', 'sagemaker_submit_directory']
/** What texts may not hold that are handed on as JSON and read by a shell. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: that is what is looked for.
const notPlain = /["\\\u0000-\u001f]/

/** The one value of a dimension that has no more. */
function onlyValue(dimension: Dimension): ParameterValue | undefined {
  if (dimension.kind !== 'choice') return dimension.from === dimension.to ? dimension.from : undefined
  return dimension.of.length === 1 ? dimension.of[0] : undefined
}

const entriesOf = (space: Space): [string, Dimension][] =>
  Object.entries(space).sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))

/** Parameters of a space that have one value only: SageMaker takes no such range, so they are told as they are. */
export const fixedIn = (space: Space): Parameters =>
  Object.fromEntries(
    entriesOf(space).flatMap(([name, dimension]) => {
      const value = onlyValue(dimension)
      return value === undefined ? [] : [[name, value]]
    }),
  )

/** What is left of a space without those: what SageMaker searches. */
export const searchedIn = (space: Space): Space =>
  Object.fromEntries(entriesOf(space).filter(([, dimension]) => onlyValue(dimension) === undefined))

/** The ranges of a space, in the order of its names. */
export function rangesOf(space: Space): ParameterRanges {
  const entries = entriesOf(searchedIn(space))
  const numbers = (kind: 'number' | 'whole'): Range[] =>
    entries.flatMap(([Name, dimension]) =>
      dimension.kind !== kind
        ? []
        : [
            {
              Name,
              MinValue: String(dimension.from),
              MaxValue: String(dimension.to),
              ScalingType: dimension.scale === 'log' ? 'Logarithmic' : 'Linear',
            },
          ],
    )
  return {
    IntegerParameterRanges: numbers('whole'),
    ContinuousParameterRanges: numbers('number'),
    CategoricalParameterRanges: entries.flatMap(([Name, dimension]) =>
      dimension.kind === 'choice' ? [{ Name, Values: dimension.of.map(String) }] : [],
    ),
  }
}

/** How many points a grid of choices has. */
export const pointsOfGrid = (space: Space): number =>
  Object.values(space).reduce((product, each) => product * (each.kind === 'choice' ? each.of.length : 1), 1)

/** Why SageMaker cannot search a space, naming the parameter; undefined where it can. */
export function whyNotSearched(space: Space, strategy: SageMakerSearch['strategy']): string | undefined {
  const entries = entriesOf(searchedIn(space))
  if (entries.length === 0) return 'every parameter has one value only: there is nothing to search'
  if (entries.length > mostParameters)
    return `SageMaker searches ${mostParameters} parameters at most, and these are ${entries.length}`
  for (const [name, dimension] of entriesOf(space)) {
    const why = whyNot(name, dimension, strategy)
    if (why !== undefined) return `${name}: ${why}`
  }
  return undefined
}

function whyNot(name: string, dimension: Dimension, strategy: SageMakerSearch['strategy']): string | undefined {
  if (ownNames.includes(name)) return 'SageMaker has a hyperparameter of that name'
  if (notPlain.test(name)) return 'names with quotes, backslashes or control characters do not reach a job as they are'
  if (dimension.kind !== 'choice')
    return strategy === 'Grid' && onlyValue(dimension) === undefined ? 'Grid takes choices only: oneOf(…)' : undefined
  const texts = dimension.of.map(String)
  if (texts.length > mostValues) return `SageMaker takes ${mostValues} values at most, and these are ${texts.length}`
  const twice = texts.find((text, i) => texts.indexOf(text) < i)
  if (twice !== undefined) return `SageMaker passes texts, and two values are ${JSON.stringify(twice)} as text`
  if (texts.some((text) => text.trim() === '')) return 'a blank text cannot be told from none'
  const long = texts.find((text) => text.length > longestValue)
  if (long !== undefined) return `SageMaker takes values of ${longestValue} characters at most`
  const odd = texts.find((text) => notPlain.test(text))
  return odd === undefined
    ? undefined
    : `${JSON.stringify(odd)} has quotes, backslashes or control characters, which do not reach a job as they are`
}

/**
 * The parameters that a training job of a search had, of the texts that SageMaker tells: numbers in any notation, and
 * choices also where they come in quotes, as some clients send them.
 * @returns undefined where a text is no value of the space
 */
export function parametersTold(space: Space, told: Readonly<Record<string, string>>): Parameters | undefined {
  const values = entriesOf(space).map(([name, dimension]) => {
    const own = Object.hasOwn(told, name) ? told[name] : undefined
    return [name, onlyValue(dimension) ?? valueTold(dimension, own)] as const
  })
  return values.some(([, value]) => value === undefined) ? undefined : (Object.fromEntries(values) as Parameters)
}

function valueTold(dimension: Dimension, told: string | undefined): ParameterValue | undefined {
  const text = told?.replace(/^"(.*)"$/s, '$1')
  if (text === undefined || text.trim() === '') return undefined
  if (dimension.kind === 'choice') return dimension.of.find((value) => String(value) === text)
  const value = Number(text)
  if (!Number.isFinite(value)) return undefined
  // A last digit may be lost on the way there and back.
  const within = Math.min(dimension.to, Math.max(dimension.from, value))
  return dimension.kind === 'whole' ? Math.round(within) : within
}
