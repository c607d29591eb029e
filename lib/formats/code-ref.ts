import { z } from 'zod'
import { Digest } from './artifact.ts'

/**
 * A user function, bundled and stored: found by its digest, shown by its name. Only `digest` and `host` are identity.
 */
export const CodeRef = z.object({
  name: z.string(),
  file: z.string(),
  digest: Digest,
  /** Packages the bundle takes from its host, with the versions it was planned with. */
  host: z.record(z.string(), z.string()),
})
export type CodeRef = z.infer<typeof CodeRef>

export const Task = z.enum(['binary', 'regression', 'multiclass'])
export type Task = z.infer<typeof Task>

/** The column predicted, and the function that makes labels of it; without one the column is the label. */
export const TargetRef = z.object({ column: z.string(), code: CodeRef.optional() })
export type TargetRef = z.infer<typeof TargetRef>
