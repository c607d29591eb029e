import { SlipwayError } from '../formats/errors.ts'
import { TransformPolicy } from '../formats/transform-policy.ts'
import { type Duration, durationMs } from './duration.ts'

/** Where and how SageMaker scores a batch. */
export interface TransformOptions {
  /** The serving image, in a registry that the role may read: `slipway package --oci` writes it. */
  readonly image: string
  /** What SageMaker runs as: it reads the model and the rows from the store's bucket, and writes answers there. */
  readonly role: string
  /** `ml.m5.large` */
  readonly instance: string
  /** Default 1. */
  readonly count?: number
  /** Of one request to a container, MB. Default 6. */
  readonly payloadMb?: number
  /** Requests to a container at once; as SageMaker chooses unless it is said. */
  readonly concurrent?: number
  /** How long the job may take, the wait for instances included. Default 12h. */
  readonly timeout?: Duration
}

/**
 * A SageMaker TransformJob as the place where a batch is scored: `p.batch(live, 'nightly', { on: sagemakerTransform({
 * … }) })`. Rows are read, checked and written by Slipway's workers all the same.
 * @throws SlipwayError DEFINITION_INVALID
 */
export function sagemakerTransform({
  count = 1,
  payloadMb = 6,
  timeout = '12h',
  ...options
}: TransformOptions): TransformPolicy {
  const parsed = TransformPolicy.safeParse({
    kind: 'sagemaker',
    count,
    payloadMb,
    timeoutMs: durationMs(timeout),
    ...options,
  })
  if (parsed.success) return parsed.data
  const [issue] = parsed.error.issues
  const where = issue?.path.length ? ` ${issue.path.join('.')}:` : ''
  throw new SlipwayError('DEFINITION_INVALID', `sagemaker transform:${where} ${issue?.message}`, {
    next: "for example { image, role, instance: 'ml.m5.large', count: 2 }",
  })
}
