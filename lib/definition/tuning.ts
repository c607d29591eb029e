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
