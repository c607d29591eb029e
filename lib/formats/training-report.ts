import { z } from 'zod'

/** What training found out, besides the model: an artifact, and part of the model card. */
export const TrainingReport = z.object({
  rows: z.object({ train: z.int(), validation: z.int() }),
  features: z.array(
    z.object({
      name: z.string(),
      /** A cross is none of the feature function's: see `crosses.ts`. */
      kind: z.enum(['number', 'category', 'cross']),
      categories: z.int().optional(),
      /** What a cross is made of. */
      of: z.array(z.string()).optional(),
      /** What is subtracted from a number, in float64, before the graph sees it: it lies too far from zero for float32. */
      offset: z.number().optional(),
      importance: z.number(),
    }),
  ),
  trees: z.int(),
  /** Of predictions that float32 cannot hold: where the target lies far from zero for its spread. */
  answers: z.literal('float64').optional(),
  /** Mean label of the training rows. */
  meanLabel: z.number(),
  /** Standard deviation of the labels of a regression, by their weights. */
  labelSpread: z.number().optional(),
  validationLoss: z.array(z.number()),
  validationMetrics: z.record(z.string(), z.number()),
})
export type TrainingReport = z.infer<typeof TrainingReport>
