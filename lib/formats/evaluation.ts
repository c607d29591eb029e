import { z } from 'zod'
import { Task } from './code-ref.ts'
import { DecisionKind } from './decisions.ts'
import { ExplainFacts } from './explain.ts'

const Metrics = z.record(z.string(), z.number())
const ReliabilityBin = z.object({ rows: z.int(), meanPrediction: z.number(), positiveShare: z.number() })

/** What a feature is worth to a model on some rows. */
export const FeatureImportance = z.object({
  feature: z.string(),
  /**
   * By how much the area under the curve falls, or the root mean squared error grows (of several classes the log
   * loss; of a ranking NDCG falls), when the feature's values are shuffled.
   */
  loss: z.number(),
  /** Standard deviation of that over the shuffles. */
  spread: z.number(),
})
export type FeatureImportance = z.infer<typeof FeatureImportance>

/** How much features move the scores of rows, where the package explains its predictions. */
export const Attribution = ExplainFacts.extend({
  /** How many rows were explained. */
  rows: z.int(),
  /** Mean size of each feature's parts; largest first. */
  features: z.array(z.object({ feature: z.string(), mean: z.number() })),
})
export type Attribution = z.infer<typeof Attribution>

/** Answers of a function of the user's to rows whose outcome is known: see `lib/stats/decided.ts`. */
export const Decided = z.object({
  kind: DecisionKind,
  /** Of texts and truth values: the most frequent, by rows; and the mean label of those, but of several classes. */
  values: z.array(z.object({ value: z.string(), rows: z.int(), meanLabel: z.number().optional() })).optional(),
  /** Of numbers. */
  mean: z.number().optional(),
  min: z.number().optional(),
  max: z.number().optional(),
  /** Of numbers of a regression: how far they are from the labels, on average. */
  mae: z.number().optional(),
  /**
   * Share of rows whose answer is what they were: true of positive rows and false of others, or the name of the class.
   */
  agreement: z.number().optional(),
})
export type Decided = z.infer<typeof Decided>

/** How a model did on a table: an artifact. Metrics that are not defined (one class only) are left out. */
export const Evaluation = z.object({
  rows: z.int(),
  task: Task,
  /** Of a ranking: in how many groups the rows are, and how many of them have two rows to rank, or more. */
  groups: z.object({ all: z.int(), ranked: z.int() }).optional(),
  /**
   * The classes of a multiclass task: of its predictions, and of its labels, which are their numbers. Classes that the
   * model does not know come last; their probabilities are 0.
   */
  outputs: z.array(z.string()).optional(),
  metrics: Metrics,
  /** How each class does, in the order of `outputs`: rows that are of it, rows that are taken for it. */
  classes: z
    .array(
      z.object({
        rows: z.int(),
        predicted: z.int(),
        precision: z.number(),
        recall: z.number(),
        f1: z.number(),
      }),
    )
    .optional(),
  /** Of several classes: of the one that is answered, by its probability. */
  reliability: z.array(ReliabilityBin),
  /** Classes in the rows that the model does not know, and the part of the split they are in. */
  unseen: z.object({ part: z.string(), classes: z.array(z.object({ name: z.string(), rows: z.int() })) }).optional(),
  /** What the model rests on: largest first, see `lib/jobs/permute.ts`. Missing in evaluations of before 0.6. */
  importance: z.array(FeatureImportance).default([]),
  attribution: Attribution.optional(),
  /** What a function of the user's answered, where one does. */
  answers: Decided.optional(),
  /** By slicing column: its values, in the order of the codes in `slice-<column>.i32`. */
  slices: z.record(z.string(), z.array(z.object({ value: z.string(), rows: z.int(), metrics: Metrics }))),
})
export type Evaluation = z.infer<typeof Evaluation>
