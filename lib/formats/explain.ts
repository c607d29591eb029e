import { z } from 'zod'

/** How predictions of a package are explained, as a definition asks for it. */
export const ExplainOptions = z.object({
  /** `auto`: trees by the training rows that passed their nodes, linear models by their weights, others by sampling. */
  method: z.enum(['auto', 'path-dependent', 'interventional', 'kernel']),
  /** Training rows that stand in for what is not known: of `interventional` and `kernel`. */
  background: z.int().min(1).max(1_000),
  /** Sets of features that `kernel` asks the model about, a row. */
  samples: z.int().min(64).max(65_536),
  seed: z.int().nonnegative(),
})
export type ExplainOptions = z.infer<typeof ExplainOptions>

/** How a package's predictions are explained, once the model is known. */
export const ExplainMethod = z.enum(['path-dependent', 'interventional', 'linear', 'kernel'])
export type ExplainMethod = z.infer<typeof ExplainMethod>

/** What parts add up to: log odds, scores before a softmax, or the answer itself. */
export const Space = z.enum(['log odds', 'score', 'probability', 'prediction'])
export type Space = z.infer<typeof Space>

/** What a package says of its explanations. */
export const ExplainFacts = z.object({ method: ExplainMethod, of: Space })
export type ExplainFacts = z.infer<typeof ExplainFacts>

/** Rows a request may ask to have explained, by what they cost: seconds at most. */
export const explainedRows: Readonly<Record<ExplainMethod, number>> = {
  'path-dependent': 1_000,
  linear: 1_000,
  interventional: 100,
  kernel: 8,
}

/** Training rows as the feature code makes them: numbers as base64 of their float64s, text as it is. */
const Background = z.object({
  rows: z.int(),
  columns: z.record(z.string(), z.union([z.object({ float64: z.base64() }), z.array(z.string().nullable())])),
})
export type Background = z.infer<typeof Background>

/** What a package keeps to explain predictions: a file of it. */
export const ExplainerFile = z.object({ slipway: z.literal('explainer/1') }).and(
  z.discriminatedUnion('method', [
    /** How many training rows passed each node, tree by tree, in preorder, the true branch first. */
    z.object({ method: z.literal('path-dependent'), covers: z.array(z.int().nonnegative()) }),
    z.object({ method: z.literal('interventional'), background: Background }),
    /** What each column adds on average over training rows. */
    z.object({ method: z.literal('linear'), means: z.record(z.string(), z.number()) }),
    z.object({ method: z.literal('kernel'), background: Background, samples: z.int(), seed: z.int() }),
  ]),
)
export type ExplainerFile = z.infer<typeof ExplainerFile>

/** Why rows got the scores they have: for each, parts of its columns that add up to its score less the base. */
export interface Explanations extends ExplainFacts {
  /** What parts are of: the model's features, and its crosses where trees see them. */
  readonly columns: readonly string[]
  readonly rows: number
  /** Scores a row has. */
  readonly outputs: number
  /** The score when nothing is known of a row: [outputs]. */
  readonly base: Float64Array
  /** [rows · outputs]. */
  readonly scores: Float64Array
  /** [rows · outputs · columns]. */
  readonly parts: Float64Array
  /** Standard errors of the parts, where they are estimates: [rows · outputs · columns]. */
  readonly errors?: Float64Array | undefined
}
