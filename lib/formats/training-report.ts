import { z } from 'zod'
import { Calibrate } from './learner.ts'

/** What training found out, besides the model: an artifact, and part of the model card. */
export const TrainingReport = z.object({
  rows: z.object({ train: z.int(), validation: z.int() }),
  /** Of a ranking: how many groups they are in. */
  groups: z.object({ train: z.int(), validation: z.int() }).optional(),
  features: z.array(
    z.object({
      name: z.string(),
      /** A cross is none of the feature function's: see `crosses.ts`. */
      kind: z.enum(['number', 'category', 'cross']),
      categories: z.int().optional(),
      /** What a cross is made of. */
      of: z.array(z.string()).optional(),
      /**
       * What is subtracted from a number, in float64, before the graph sees it: it lies too far from zero for float32.
       */
      offset: z.number().optional(),
      /** The graph takes it as float64; others as float32. */
      exact: z.literal(true).optional(),
      /** The graph makes whole numbers of it, and takes no others. */
      whole: z.literal(true).optional(),
      importance: z.number(),
      /** Of a number in a linear model: what a standard deviation more adds to the log odds or to the prediction. */
      weight: z.number().optional(),
    }),
  ),
  /** Of a model of trees. */
  trees: z.int().optional(),
  /** Of predictions that float32 cannot hold: where the target lies far from zero for its spread. */
  answers: z.literal('float64').optional(),
  /** What its answers are called, where there are several a row: classes, targets or quantiles, in their order. */
  outputs: z.array(z.string()).optional(),
  /** Training rows of each class, in the order of `outputs`. */
  classRows: z.array(z.int()).optional(),
  /** Of several targets: mean and standard deviation of each one's labels, by their weights. */
  targets: z.array(z.object({ name: z.string(), meanLabel: z.number(), labelSpread: z.number() })).optional(),
  /** Mean label of the training rows, but of classes and of several targets. */
  meanLabel: z.number().optional(),
  /** Standard deviation of the labels of a regression, by their weights. */
  labelSpread: z.number().optional(),
  /** Of a model of trees: the loss of the validation rows after each round; of a ranking 1 − NDCG. */
  validationLoss: z.array(z.number()).optional(),
  validationMetrics: z.record(z.string(), z.number()),
  /** How its probabilities were calibrated by the validation rows, where they were. */
  calibrated: Calibrate.optional(),
  /**
   * Of a program: how much what it exports differs from what it predicts of rows that were made up, in the units of
   * parity; null where it answers no number.
   */
  madeUp: z.object({ rows: z.int(), largest: z.number().nullable() }).optional(),
  /**
   * What the card says of models of another kind than trees: what they are, what importance is a share of, how they
   * came to be.
   */
  words: z.object({ model: z.string(), importance: z.string(), training: z.string() }).optional(),
})
export type TrainingReport = z.infer<typeof TrainingReport>

/** How well a linear model does on the rows of another one: an artifact of the training, and no part of the model. */
export const LinearBaseline = z.object({
  slipway: z.literal('linear-baseline/1'),
  l2: z.number(),
  /** Training rows it was fitted to: all, or some that lie evenly among them. */
  rows: z.int(),
  validationMetrics: z.record(z.string(), z.number()),
})
/** Its name among the outputs of a train step. */
export const linearBaselineOutput = 'linear-baseline'
export type LinearBaseline = z.infer<typeof LinearBaseline>
