import { z } from 'zod'

/**
 * Where the rows of a batch are scored, where that is not on Slipway's own workers: a SageMaker TransformJob. Read,
 * checked and written they are by workers all the same.
 */
export const TransformPolicy = z.strictObject({
  kind: z.literal('sagemaker'),
  /** The container that serves a package: `slipway package --oci`. */
  image: z.string().regex(/^\S{1,255}$/, 'the address of an image'),
  /** What the container may do: it reads the model. */
  role: z.string().regex(/^arn:aws[a-z-]*:iam::\d{12}:role\/[\w+=,.@/-]+$/, 'the ARN of a role'),
  instance: z.string().regex(/^ml\.[a-z0-9-]+\.[a-z0-9]+$/, 'an instance type, ml.m5.large'),
  count: z.int().min(1).max(100),
  /** Of one request to the container, MB. */
  payloadMb: z.int().min(1).max(100),
  /** Requests to one container at once; missing: as SageMaker chooses. */
  concurrent: z.int().min(1).max(100).optional(),
  /** How long the job may take, the wait for machines included. */
  timeoutMs: z
    .number()
    .min(1_000)
    .max(5 * 86_400_000),
})
export type TransformPolicy = z.infer<typeof TransformPolicy>

/** What of it decides which answers there are; the rest is where and how fast they are made. */
export const transformInKey = ({ kind, image }: TransformPolicy) => ({ kind, image })
