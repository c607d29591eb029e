import { SlipwayError } from '../formats/errors.ts'
import { ExplainOptions } from '../formats/explain.ts'

/** How predictions are to be explained. */
export interface Explain {
  /**
   * Trees: `path-dependent`, by the training rows that passed each node (the default), or `interventional`, against
   * background rows. Linear models: by their weights. Any other model: `kernel`, by sampling, with errors.
   */
  readonly method?: 'path-dependent' | 'interventional' | 'kernel'
  /** Training rows that stand in for what is not known. Default 100; 50 for `kernel`. */
  readonly background?: number
  /** Sets of features that `kernel` asks about, a row. Default 1,024. */
  readonly samples?: number
  readonly seed?: number
}

/** @throws SlipwayError DEFINITION_INVALID */
export function explainOptionsOf(explain: true | Explain): ExplainOptions {
  const { method = 'auto', background, samples = 1_024, seed = 0 } = explain === true ? {} : explain
  const usual = method === 'path-dependent' || method === 'interventional' ? 100 : 50
  const options = ExplainOptions.safeParse({ method, background: background ?? usual, samples, seed })
  if (options.success) return options.data
  const issue = options.error.issues[0]
  throw new SlipwayError('DEFINITION_INVALID', `explain.${issue?.path.join('.')}: ${issue?.message}`, {
    next: "write explain: true, or { method: 'path-dependent' | 'interventional' | 'kernel', background, samples, seed }",
  })
}
