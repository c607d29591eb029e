import { SlipwayError } from '../formats/errors.ts'
import { SageMakerSearch } from '../formats/sagemaker-tuning.ts'
import type { ParameterValue } from '../formats/tuning.ts'
import type { Duration } from './duration.ts'

/** Numbers from one to another, both included. */
export type Ends = readonly [from: number, to: number]

/** Numbers that are tried evenly by their logarithm; whole ones. */
export interface Spread {
  readonly ends: Ends
  readonly isLog?: true
  readonly isWhole?: true
}

/** Values of which one is tried. */
export interface OneOf {
  readonly choices: readonly ParameterValue[]
}

/**
 * What a parameter may be: `[from, to]` are whole numbers where its learner takes no others, else numbers; `log`,
 * `whole` and `oneOf` say more.
 */
export type Tuned = Ends | Spread | OneOf

/** Numbers above 0 that matter by their size, as a learning rate: as many trials from 0.01 to 0.1 as from 0.1 to 1. */
export const log = (from: number, to: number): Spread => ({ ends: [from, to], isLog: true })

/** Whole numbers, for a learner that does not say which of its parameters are: a program. */
export const whole = (numbers: Ends | Spread): Spread =>
  'ends' in numbers ? { ...numbers, isWhole: true } : { ends: numbers, isWhole: true }

/** One of several values that have no order. */
export const oneOf = (...values: readonly ParameterValue[]): OneOf => ({ choices: values })

/** How much may be tried; after it no trial begins. */
export interface TuneBudget {
  /** As much training as that of so many trials on all rows: 50 unless it is said. */
  readonly trials?: number
  /** Since the first trial began. */
  readonly time?: Duration
  /** Processor time at a price an hour, in any currency. */
  readonly cost?: { readonly most: number; readonly perHour: number }
}

/** How SageMaker searches. */
export interface SageMakerTuningOptions {
  /** One of the learner's `metrics` that is to be small; or `maximize`. */
  readonly minimize?: string
  /** One of the learner's `metrics` that is to be large. */
  readonly maximize?: string
  /** 'Bayesian' unless it is said. */
  readonly strategy?: SageMakerSearch['strategy']
  /** Training jobs at once: 5 unless it is said. */
  readonly atOnce?: number
  /** Whether SageMaker stops jobs that will hardly be better than those before; 'Hyperband' does so by itself. */
  readonly earlyStopping?: boolean
  /** Of 'Hyperband': how many epochs, or what the metric is said for, a job trains at least and at most. */
  readonly resource?: readonly [least: number, most: number]
}

const usualAtOnce = 5

/**
 * SageMaker searches for the parameters, by one tuning job of `learner: sagemaker(…)`, in the place of our own search.
 * @throws SlipwayError DEFINITION_INVALID
 */
export function sagemakerTuning(options: SageMakerTuningOptions): SageMakerSearch {
  const { minimize, maximize, strategy = 'Bayesian', atOnce = usualAtOnce, earlyStopping, resource } = options
  const refuse = (what: string, next: string) =>
    new SlipwayError('DEFINITION_INVALID', `sagemakerTuning: ${what}`, { next })
  const metric = minimize ?? maximize
  if (metric === undefined || (minimize !== undefined && maximize !== undefined))
    throw refuse('it needs one metric to search by', "say minimize: 'loss', or maximize: 'auc'")
  if (strategy === 'Hyperband' && earlyStopping === true)
    throw refuse('Hyperband stops jobs by itself, and takes no earlyStopping', 'leave earlyStopping out')
  if (strategy !== 'Hyperband' && resource !== undefined)
    throw refuse(`${strategy} takes no resource`, "leave resource out, or take strategy: 'Hyperband'")
  if (strategy === 'Hyperband' && resource === undefined)
    throw refuse('Hyperband needs to know how long a job trains', 'say resource: [1, 30], of epochs for instance')
  const parsed = SageMakerSearch.safeParse({
    by: 'sagemaker',
    strategy,
    objective: { metric, goal: minimize === undefined ? 'maximize' : 'minimize' },
    atOnce,
    ...(earlyStopping === true && { earlyStopping }),
    ...(resource !== undefined && { resource: { least: resource[0], most: resource[1] } }),
  })
  if (parsed.success) return parsed.data
  const [issue] = parsed.error.issues
  throw refuse(`${issue?.path.join('.')}: ${issue?.message}`, 'see docs/sagemaker.md, "Tune"')
}
