import { z } from 'zod'
import { Digest } from './artifact.ts'
import { MetricExpressions } from './metric-expressions.ts'

/** How a training job is carried out. No part of what its model is. */
export const JobSettings = z.strictObject({
  /** The role that SageMaker takes for the job: it reads and writes the store's bucket below `sagemaker/`. */
  role: z.string().regex(/^arn:aws[a-z-]*:iam::\d{12}:role\/.+$/, 'the ARN of an IAM role'),
  /** Of each instance's volume. */
  volumeGb: z.int().min(1).max(16_384).default(30),
  /** How long the program may run. */
  timeoutMs: z.number().gte(1_000),
  /** How long it may wait for its instances, and for others where spot instances are taken away. */
  waitMs: z.number().gte(0),
  /** Managed spot training, with checkpoints. */
  spot: z.literal(true).optional(),
  subnets: z.array(z.string().min(1)).min(1).max(16).optional(),
  securityGroups: z.array(z.string().min(1)).min(1).max(5).optional(),
  /** A KMS key for the volumes and the output. */
  encryptionKey: z.string().min(1).optional(),
  /** Whether the containers have no network. */
  isolated: z.literal(true).optional(),
})

/** The longest that a step may wait for a job and let it run: less than a step may take. */
export const longestJobMs = 23 * 3_600_000

/** Most and longest of what SageMaker takes (CreateTrainingJob). */
const mostMetrics = 40
const mostHyperparameters = 90

/** A training job on SageMaker, whose container keeps the contract that programs keep (`lib/learners/sagemaker`). */
export const SageMakerLearner = z
  .strictObject({
    kind: z.literal('sagemaker'),
    /** The image's address in a registry: by digest it names one image for ever. */
    image: z.string().min(1).max(255),
    /** The program and its arguments, as they are; without one the image runs what it runs by itself. */
    command: z.array(z.string().min(1).max(256)).min(1).max(50).optional(),
    /** Where the program's files are, from the project's folder: for people. */
    folder: z.string().min(1).optional(),
    /** The bundle of its files. Set when a plan is made. */
    files: Digest.optional(),
    hyperparameters: z
      .record(z.string().min(1).max(256), z.union([z.string().max(2_500), z.number(), z.boolean()]))
      .refine((values) => Object.keys(values).length <= mostHyperparameters, `at most ${mostHyperparameters}`)
      .default({}),
    /** What its channels hold. */
    data: z.enum(['csv', 'parquet']).default('csv'),
    /** An instance type of SageMaker's. */
    instance: z.string().regex(/^ml\.[a-z0-9-]+\.[a-z0-9-]+$/, 'an instance type as ml.m5.large'),
    count: z.int().min(1).max(100).default(1),
    metrics: MetricExpressions.refine(
      (each) => Object.keys(each).length <= mostMetrics,
      `at most ${mostMetrics}`,
    ).optional(),
    /** Said of a program that may make other bytes of the same order. */
    deterministic: z.literal(false).optional(),
    /** As programs say it. */
    predictions: z.union([z.literal(false), z.literal('validation')]).optional(),
    madeUp: z.literal('required').optional(),
    job: JobSettings.optional(),
  })
  .refine(({ command, folder }) => folder === undefined || command !== undefined, 'a folder needs a command')
export type SageMakerLearner = z.infer<typeof SageMakerLearner>
