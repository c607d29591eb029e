import { z } from 'zod'
import { Digest } from './artifact.ts'

/** That a version was refused after it was registered. It is for good: what is to be served is registered anew. */
export const Refusal = z.object({
  model: z.string(),
  version: z.int().positive(),
  digest: Digest,
  /** Who refused it, where and why, in words. */
  by: z.string(),
  /** When it was noticed here, ISO time. */
  at: z.string(),
})
export type Refusal = z.infer<typeof Refusal>

/** `version 3 of loans was rejected by ann in SageMaker: unfair` */
export const refusalInWords = ({ model, version, by }: Refusal): string =>
  `version ${version} of ${model} was rejected by ${by}`
