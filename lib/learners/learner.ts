import type { z } from 'zod'
import type { Numbers } from '../formats/columns.ts'
import type { Calibrate } from '../formats/learner.ts'
import type { Task } from '../formats/plan.ts'
import type { TrainingReport } from '../formats/training-report.ts'
import type { Space } from '../formats/tuning.ts'

/** An input of the model: a number, or text with the values of it that the model knows. */
export type ModelInput =
  | {
      readonly name: string
      readonly kind: 'number'
      /** The graph takes it as float64: of finished models only. */
      readonly exact?: true
      /** The graph makes whole numbers of it: of finished models only. */
      readonly whole?: true
    }
  | { readonly name: string; readonly kind: 'category'; readonly categories: readonly string[] }

/**
 * Which values of a text a model knows, and in which order: all of them by the mean label of their training rows, or
 * the most frequent ones.
 */
export type CategoryOrder =
  | { readonly by: 'mean label' }
  /** At most so many values of each text. */
  | { readonly by: 'frequency'; readonly most: number }

/** Rows to learn from or to be judged by. */
export interface LearnerRows {
  /**
   * [inputs][rows]: numbers, NaN where one is missing; of a text the index of its value in the input's `categories`,
   * NaN where it is missing or not among them.
   */
  readonly features: readonly Float32Array[]
  /**
   * [rows]: 0 and 1 of a binary task, of several classes their numbers, of a ranking whole numbers from 0, else numbers
   * of any centre and spread; of several targets [rows · targets], row by row.
   */
  readonly labels: Float64Array
  /** [rows], of a ranking: which group a row is of, by its number. Rows of one need not be together. */
  readonly groups?: Uint32Array | undefined
  /** [rows]: how much each row counts, at least 0, and some row more; all alike without. */
  readonly weights?: Float32Array | undefined
}

/** What a learner is given: everything its model depends on, but `threads`. */
export interface LearnerOrder<Parameters> {
  /** The model's name, which its graph has. */
  readonly model: string
  readonly task: Task
  readonly parameters: Parameters
  readonly seed: number
  readonly inputs: readonly ModelInput[]
  /** Of a multiclass task: what its classes are called, two at least; labels are places among them. */
  readonly classes?: readonly string[] | undefined
  /**
   * What the numbers that a row is answered with are called, where there are several that are no classes: of a
   * regression the targets, of quantiles their levels. Learners that do not know of them answer one, and are refused.
   */
  readonly outputs?: readonly string[] | undefined
  /** Of quantiles: their levels, ascending; the answers of a row must not descend. */
  readonly levels?: readonly number[] | undefined
  /** All classes are here. */
  readonly train: LearnerRows
  readonly validation: LearnerRows
  /** Of a classifier: how its probabilities are calibrated by the validation rows. */
  readonly calibrate?: Calibrate | undefined
  /** Threads it may use; the model must not depend on them. */
  readonly threads: number
  /** Of a program: where it runs. */
  readonly place?: ProgramPlace | undefined
}

/** How many labels a row has: one of each of several targets. */
export const targetsOf = ({ outputs, levels }: Pick<LearnerOrder<unknown>, 'outputs' | 'levels'>): number =>
  outputs === undefined || levels !== undefined ? 1 : outputs.length

/** Where a program runs. */
export interface ProgramPlace {
  /** A folder for it alone, with its files in `code`. */
  readonly root: string
  /** Folder of the environments that are kept. */
  readonly environments: string
  /** File for its log, outside its folder. */
  readonly log: string
  /** How long it is waited for when it is asked to end, milliseconds; what is usual if it is not said. */
  readonly graceMs?: number | undefined
  /** Of one that ran elsewhere and is back: what is known of it besides its folders. */
  readonly ran?: { readonly metrics: Readonly<Record<string, number>>; readonly seconds: number } | undefined
  /** Of one that runs elsewhere with parameters that are chosen there: which, and what they may be. */
  readonly tuned?: Space | undefined
}

/** What a learner makes of an order. */
export interface Learned {
  /**
   * The model, byte for byte the same for the same order. It takes one tensor [rows, 1] an input, by name: float32, or
   * string of a text, of which any other value than `categories` counts as missing. It answers `probabilities` float32
   * [rows, 2] of a binary task (the second is that of class 1), [rows, classes] and `label`, text, of several classes;
   * else `prediction` [rows, 1], or [rows, outputs] of several, float32 or float64.
   */
  readonly onnx: Uint8Array
  /**
   * What the learner itself predicts for the validation rows [rows], of several answers [rows · answers] row by row, in
   * the precision of the model; packaging compares the model with it.
   */
  readonly predictions: Numbers
  /** How much the model uses each input: shares of 1, or all 0 where it uses none. */
  readonly importance: readonly number[]
  /**
   * Of a linear model, by input: what a standard deviation more of a number adds to the log odds or to the prediction;
   * not of texts.
   */
  readonly weights?: readonly (number | undefined)[]
  /** What a program said of itself in its log: no part of the model. */
  readonly said?: Readonly<Record<string, number>> | undefined
  /** Processor time of a program and all it started, where the system tells: no part of the model either. */
  readonly processorSeconds?: number | undefined
  /** The part of the training report that only the learner knows. */
  readonly report: Pick<TrainingReport, 'trees' | 'validationLoss' | 'words' | 'madeUp' | 'calibrated'>
}

/** Something that makes models of rows. */
export interface Learner<Parameters extends { readonly kind: string }> {
  readonly kind: Parameters['kind']
  /** What the plan holds of it: parses what a definition says, with defaults, and refuses what it does not know. */
  readonly parameters: z.ZodType<Parameters>
  /** @param texts how many inputs are texts */
  categoryOrder(parameters: Parameters, texts: number): CategoryOrder
  /**
   * Of a learner that trains elsewhere: writes what goes there into its place. `train` is called once what came back
   * lies there, in another thread perhaps.
   */
  layOut?(order: LearnerOrder<Parameters>, onProgress: (what: string, done: number) => void): Promise<void>
  /**
   * Trains a model.
   * @param onProgress what is being done, in words, and how far it is (0 to 1)
   */
  train(order: LearnerOrder<Parameters>, onProgress: (what: string, done: number) => void): Learned | Promise<Learned>
}
