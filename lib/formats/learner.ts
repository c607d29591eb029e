import { z } from 'zod'

/** Gradient-boosted trees, the built-in learner (`trainers/trees`). Names follow LightGBM's where it has them. */
export const TreesLearner = z.strictObject({
  kind: z.literal('trees'),
  trees: z.int().min(1).max(10_000).default(200),
  leaves: z.int().min(2).max(255).default(31),
  learningRate: z.number().gt(0).lte(1).default(0.1),
  minRowsPerLeaf: z.int().min(1).default(20),
  l2: z.number().nonnegative().default(1),
  /** Histogram bins of a feature, the one for missing values not counted. */
  bins: z.int().min(2).max(254).default(254),
  /**
   * How texts are parted: in the order of their mean label, by thresholds ('ordered', the default), or by sets of up to 32 values chosen
   * in each leaf anew ('sets', as LightGBM does; the `bins` most frequent values are known, others count as missing).
   */
  categories: z.enum(['ordered', 'sets']).optional(),
  /** Stop when the validation loss has not improved for this many trees; 0 keeps all trees. */
  earlyStopping: z.int().nonnegative().default(0),
})
export type TreesLearner = z.infer<typeof TreesLearner>
export const Learner = z.discriminatedUnion('kind', [TreesLearner])
export type Learner = z.infer<typeof Learner>
