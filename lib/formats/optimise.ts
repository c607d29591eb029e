import { z } from 'zod'
import { Digest } from './artifact.ts'

/** What is done to a model's graph when it is packaged. At least one of the two. */
const Optimise = z.object({
  /** ONNX Runtime's own graph in its place: constants folded, operators joined. */
  fuse: z.literal(true).optional(),
  /** Weights as int8. */
  quantize: z.literal('int8').optional(),
})

/** Of a model of rows. */
export const OptimiseRows = Optimise.extend({
  /** Of the task's first metric, on the validation rows, how much int8 may lose. */
  atMost: z.object({ metricLoss: z.number().nonnegative() }).optional(),
})
export type OptimiseRows = z.infer<typeof OptimiseRows>

/** Of a model of tensors. */
export const OptimiseTensors = Optimise.extend({
  /** Of the answers to the samples, how far int8 may move them: in root mean squares, by their spread. */
  atMost: z.object({ difference: z.number().nonnegative() }).optional(),
})
export type OptimiseTensors = z.infer<typeof OptimiseTensors>

const BeforeAndAfter = z.object({ before: z.number(), after: z.number() })
export type BeforeAndAfter = z.infer<typeof BeforeAndAfter>

/** What was done to a packaged model's graph, and what it changed: part of what the package is. */
export const OptimisedFacts = Optimise.extend({
  /** The graph as it was before, with which it was compared. */
  model: Digest,
  bytes: BeforeAndAfter,
  /** Of int8: the products and the tables whose weights are that now. */
  weights: z.object({ products: z.int(), tables: z.int() }).optional(),
  /** Validation rows or samples that both graphs answered. */
  compared: z.int(),
  /** The largest difference of answers: of probabilities as it is, of numbers in units of their spread. */
  largest: z.number().optional(),
  /** Of rows: the first metric of the task that is better when it is larger. */
  metric: BeforeAndAfter.extend({ name: z.string() }).optional(),
  /** Of tensors: the root mean square of differences, by the spread of the answers; of the output where it is most. */
  difference: z.number().optional(),
})
export type OptimisedFacts = z.infer<typeof OptimisedFacts>

/** `fuse, int8`. */
export const optimiseInWords = ({ fuse, quantize }: z.infer<typeof Optimise>): string =>
  [...(fuse ? ['fused'] : []), ...(quantize === undefined ? [] : [quantize])].join(', ')
