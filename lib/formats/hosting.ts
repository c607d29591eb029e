import { z } from 'zod'
import { canonicalJson } from './canonical.ts'

/** Names of SageMaker's endpoints: letters, digits and single dashes between them, at most 63. */
const EndpointName = z
  .string()
  .max(63)
  .regex(/^[a-zA-Z0-9](-?[a-zA-Z0-9])*$/, 'names are letters, digits and single dashes between them, at most 63')

/** Names of variants. */
const VariantName = z
  .string()
  .max(63)
  .regex(/^[a-zA-Z0-9](-*[a-zA-Z0-9])*$/, 'names are letters, digits and dashes between them, at most 63')

/** Memory of a serverless endpoint, MB: what SageMaker offers. */
const serverlessMemory = [1024, 2048, 3072, 4096, 5120, 6144] as const

const Serverless = z.strictObject({
  memoryMb: z.literal(serverlessMemory),
  maxConcurrency: z.int().min(1).max(200),
  /** Instances kept warm, of those. */
  provisionedConcurrency: z.int().min(1).max(200).optional(),
})

const Asynchronous = z.strictObject({
  /** Where answers go: below it every answer is an object. */
  output: z.string().regex(/^s3:\/\/[^/]+\/.+/, 'answers go to s3://bucket/prefix'),
  maxConcurrencyPerInstance: z.int().min(1).max(1000).optional(),
})

const Autoscaling = z
  .strictObject({
    min: z.int().min(1),
    max: z.int().min(1),
    /** What instances are added for: requests an instance a minute (`SageMakerVariantInvocationsPerInstance`). */
    invocationsPerInstance: z.number().positive(),
    scaleInCooldownSeconds: z.int().nonnegative().optional(),
    scaleOutCooldownSeconds: z.int().nonnegative().optional(),
  })
  .refine(({ min, max }) => min <= max, 'max is not below min')

/** How SageMaker hosts a model version: what its variant, its model and its endpoint's configuration are made of. */
export const SageMakerHosting = z
  .strictObject({
    kind: z.literal('sagemaker'),
    /** SageMaker's own name of the endpoint; missing: the name that it has here. */
    endpoint: EndpointName.optional(),
    /** The serving image, in a registry that the role may read. */
    image: z.string().min(1).max(255),
    /** What SageMaker runs as: it reads the model from the store's bucket, and writes what it captures. */
    role: z.string().regex(/^arn:aws[a-z-]*:iam::\d{12}:role\/.+/, 'a role is arn:aws:iam::<account>:role/<name>'),
    /** Of every version's instances. */
    instance: z
      .string()
      .regex(/^ml\.[a-z0-9-]+\.[a-z0-9]+$/, 'an instance type is like ml.m5.large')
      .optional(),
    count: z.int().min(1).optional(),
    serverless: Serverless.optional(),
    asynchronous: Asynchronous.optional(),
    environment: z.record(z.string(), z.string()).optional(),
    /** Share of requests that SageMaker writes to the store's bucket with their answers, 0 to 1. */
    capture: z.number().gt(0).lte(1).optional(),
    autoscaling: Autoscaling.optional(),
    vpc: z.strictObject({ subnets: z.array(z.string()).min(1), securityGroups: z.array(z.string()).min(1) }).optional(),
    kmsKey: z.string().optional(),
    /** The version before keeps its instances at no traffic, so that going back is one call; else they are given up. */
    keepPrevious: z.literal(true).optional(),
    /**
     * The name of its one variant, whatever version that serves; missing: every version is a variant of its own. Alarms
     * are set on it, and SageMaker's guardrails ask for it.
     */
    variant: VariantName.optional(),
  })
  .superRefine(({ instance, serverless, count }, context) => {
    if ((instance === undefined) === (serverless === undefined))
      context.addIssue({ code: 'custom', message: 'name an instance type, or serverless: one of the two' })
    if (serverless !== undefined && count !== undefined)
      context.addIssue({ code: 'custom', path: ['count'], message: 'a serverless endpoint has no instances to count' })
  })
export type SageMakerHosting = z.infer<typeof SageMakerHosting>

/** How a target that has parameters serves a version; targets without any have none. */
export type Hosting = SageMakerHosting

/** What may be hosted. */
interface Hosted {
  readonly hosting?: Hosting | undefined
}

/** Whether two versions are hosted in the same way. */
export const hostedTheSame = (one: Hosted, other: Hosted): boolean =>
  canonicalJson(one.hosting ?? null) === canonicalJson(other.hosting ?? null)

/** `; on 2 × ml.m5.large`: behind the words of a strategy. */
export function hostingInWords(hosting: Hosting | undefined): string {
  if (hosting === undefined) return ''
  const { instance, count = 1, serverless, asynchronous } = hosting
  const where = serverless === undefined ? `${count} × ${instance}` : `serverless, ${serverless.memoryMb} MB`
  return `; on SageMaker: ${where}${asynchronous === undefined ? '' : ', asynchronous'}`
}
