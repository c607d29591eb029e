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
      importance: z.number(),
    }),
  ),
  trees: z.int(),
  /** Mean label of the training rows. */
  meanLabel: z.number(),
  validationLoss: z.array(z.number()),
  validationMetrics: z.record(z.string(), z.number()),
})
export type TrainingReport = z.infer<typeof TrainingReport>
