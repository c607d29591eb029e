import { SlipwayError } from '../formats/errors.ts'
import { RegistryMirror } from '../formats/registry-mirror.ts'

/** Which group of model packages, and what SageMaker is told of how a package runs. */
export interface RegistryOptions {
  /** The model package group; by default it is called as the model. */
  readonly group?: string
  /** The serving image: `slipway package --oci` writes it. */
  readonly image: string
  /** Instances that SageMaker offers it on. Default `['ml.m5.large']`. */
  readonly instances?: readonly string[]
}

/**
 * SageMaker's model registry, for `p.mirror(candidate, sagemakerRegistry({ image }))`.
 * @throws SlipwayError DEFINITION_INVALID
 */
export function sagemakerRegistry({ group, image, instances = ['ml.m5.large'] }: RegistryOptions): RegistryMirror {
  const parsed = RegistryMirror.safeParse({
    kind: 'sagemaker',
    ...(group !== undefined && { group }),
    image,
    instances,
  })
  if (parsed.success) return parsed.data
  const [issue] = parsed.error.issues
  throw new SlipwayError('DEFINITION_INVALID', `sagemaker registry: ${issue?.path.join('.')}: ${issue?.message}`, {
    next: "for example { image: '123456789012.dkr.ecr.us-east-1.amazonaws.com/slipway:1' }",
  })
}
