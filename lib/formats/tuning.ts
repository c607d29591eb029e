import { z } from 'zod'
import type { TargetRef, Task } from './code-ref.ts'
import type { LearnerParameters } from './learner.ts'

/** The value of a parameter in a trial. */
export const ParameterValue = z.union([z.string(), z.number(), z.boolean()])
export type ParameterValue = z.infer<typeof ParameterValue>

/** A point of a space. */
export const Parameters = z.record(z.string(), ParameterValue)
export type Parameters = z.infer<typeof Parameters>

const bounds = { from: z.number(), to: z.number(), scale: z.literal('log').optional() }

/** What a parameter may be: a number or a whole number between two bounds (both included), or one of some values. */
export const Dimension = z
  .discriminatedUnion('kind', [
    z.strictObject({ kind: z.literal('number'), ...bounds }),
    z.strictObject({ kind: z.literal('whole'), ...bounds, from: z.int(), to: z.int() }),
    z.strictObject({ kind: z.literal('choice'), of: z.array(ParameterValue).min(1, 'it names no value') }),
  ])
  .refine((dimension) => dimension.kind === 'choice' || dimension.from <= dimension.to, 'from is above to')
  .refine((dimension) => dimension.kind === 'choice' || dimension.scale === undefined || dimension.from > 0, {
    error: 'a logarithmic dimension begins above 0',
  })
export type Dimension = z.infer<typeof Dimension>

/** By parameter of a learner, what it may be. The order of the names says nothing. */
export const Space = z
  .record(z.string().min(1), Dimension)
  .refine((space) => Object.keys(space).length > 0, 'there is no parameter to tune')
export type Space = z.infer<typeof Space>

/** How much may be tried. After it no trial begins; those that are under way end. */
export const Budget = z.strictObject({
  /** As much training as that of so many trials on all rows. */
  trials: z.int().min(1).max(1_000),
  timeMs: z.number().gt(0).optional(),
  /** Processor time at a price an hour, in any currency. */
  cost: z.strictObject({ most: z.number().gt(0), perHour: z.number().gt(0) }).optional(),
})
export type Budget = z.infer<typeof Budget>

/** What decides which trials there are, besides how they end. */
export interface Search {
  readonly space: Space
  /** Of the budget. */
  readonly trials: number
  readonly seed: number
  /**
   * What trial n is depends on the results of trials 1 to n − `lag` − 1 and no others: so it is the same whatever ends
   * first, and `lag` + 1 trials can run side by side.
   */
  readonly lag: number
  /** Training rows that there are: shares of few rows say little. */
  readonly rows: number
}

/** A training that a search asks for. */
export const TrialOrder = z.strictObject({
  /** From 1, in the order in which trials are decided. One that is promoted is a trial of its own. */
  number: z.int().min(1),
  parameters: Parameters,
  /** Of the training rows, above 0 to 1. */
  share: z.number().gt(0).lte(1),
  /** The trial that it repeats on more rows. */
  of: z.int().min(1).optional(),
})
export type TrialOrder = z.infer<typeof TrialOrder>

/** A metric that a program says of itself, by which a search elsewhere compares trials. */
export const Objective = z.strictObject({ metric: z.string().min(1).max(255), goal: z.enum(['minimize', 'maximize']) })
export type Objective = z.infer<typeof Objective>

/** How a training ended. */
export const TrialResult = z.discriminatedUnion('state', [
  /** Of the validation rows; smaller is better: an objective that is to be large is here with the other sign. */
  z.strictObject({ state: z.literal('done'), loss: z.number() }),
  /** With the code of its error. */
  z.strictObject({ state: z.literal('failed'), why: z.string() }),
])
export type TrialResult = z.infer<typeof TrialResult>

/** A trial that has begun; without a result it is under way. */
export interface Trial extends TrialOrder {
  readonly result?: TrialResult
}

/** What trials are compared by, in words. */
export const lossNames = {
  logLoss: 'log loss',
  rmse: 'root mean squared error',
  pinball: 'pinball loss',
  unexplained: 'mean of 1 − R²',
  misranked: '1 − NDCG',
} as const
export const LossName = z.enum(Object.keys(lossNames) as [keyof typeof lossNames])
export type LossName = z.infer<typeof LossName>

/** What the trials of a learner are compared by: what it learns to make small. */
export function lossOf(task: Task, { columns }: Pick<TargetRef, 'columns'>, learner: LearnerParameters): LossName {
  if (task === 'binary' || task === 'multiclass') return 'logLoss'
  if (task === 'ranking') return 'misranked'
  if (task === 'quantiles') return 'pinball'
  // Several targets may have several units.
  if (columns !== undefined) return 'unexplained'
  return learner.kind === 'trees' && learner.quantile !== undefined ? 'pinball' : 'rmse'
}

/** What a trial came to, with what it took: no part of what is chosen. */
export const TrialOutcome = z.object({
  result: TrialResult,
  /** Of the validation rows. */
  metrics: z.record(z.string(), z.number()).optional(),
  /** Of a trial that failed: its error, in words. */
  message: z.string().optional(),
  seconds: z.number(),
  processorSeconds: z.number(),
})
export type TrialOutcome = z.infer<typeof TrialOutcome>

/** A trial that has ended. */
export const EndedTrial = TrialOrder.extend(TrialOutcome.shape).extend({
  /** What carried it out, of a search elsewhere: the name of a training job. */
  job: z.string().optional(),
})
export type EndedTrial = z.infer<typeof EndedTrial>

/**
 * The trials of a step and what was chosen, an artifact that no clock is in: with the same plan and rows it has the
 * same bytes, unless a bound of time or cost ended it.
 */
export const Tuning = z.object({
  slipway: z.literal('tuning/1'),
  loss: LossName,
  /** What trials are compared by in the place of the loss, where another search than ours asked for them. */
  objective: Objective.optional(),
  space: Space,
  budget: Budget,
  seed: z.int(),
  trials: z.array(
    TrialOrder.extend({ result: TrialResult, metrics: z.record(z.string(), z.number()).optional() }).extend({
      job: z.string().optional(),
    }),
  ),
  /** The number of the trial whose parameters were taken. */
  chosen: z.int().min(1),
  /** The trial that the other search holds for the best, where that is another one. */
  theirs: z.int().min(1).optional(),
})
export type Tuning = z.infer<typeof Tuning>

/** What trials are compared by, for people: its name, and its value of the loss of a trial. */
export function comparedBy({ loss, objective }: Pick<Tuning, 'loss' | 'objective'>) {
  const sign = objective?.goal === 'maximize' ? -1 : 1
  return { name: objective?.metric ?? lossNames[loss], shown: (of: number): number => sign * of }
}

/** What the trials took, by their numbers, and why some failed: what differs from one time to the next. */
export const TrialTimes = z.array(
  TrialOutcome.pick({ seconds: true, processorSeconds: true, message: true }).extend({ number: z.int() }),
)
export type TrialTimes = z.infer<typeof TrialTimes>
