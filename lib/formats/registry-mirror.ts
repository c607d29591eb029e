import { z } from 'zod'

/** A registry elsewhere that has what is registered here, and in which people approve and reject: SageMaker's. */
export const RegistryMirror = z.strictObject({
  kind: z.literal('sagemaker'),
  /** The model package group; missing: it is called as the model. */
  group: z
    .string()
    .regex(/^[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}$/, 'letters, digits and dashes, at most 63')
    .optional(),
  /** The container that serves a package. */
  image: z.string().regex(/^\S{1,255}$/, 'the address of an image'),
  /** Instances that SageMaker offers to serve and to score it on. */
  instances: z.array(z.string().regex(/^ml\.[a-z0-9-]+\.[a-z0-9]+$/, 'an instance type, ml.m5.large')).min(1),
})
export type RegistryMirror = z.infer<typeof RegistryMirror>

/** The group that versions of a model are in. */
export const groupOf = ({ group }: RegistryMirror, model: string): string => group ?? model

/** How a version stands in the other registry. */
export interface MirroredStatus {
  readonly status: 'approved' | 'rejected' | 'pending'
  /** Whether somebody there decided it; false where that was written from here. */
  readonly isTheirs: boolean
  /** What was said with it. */
  readonly reason: string
}
