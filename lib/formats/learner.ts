import { z } from 'zod'
import { Digest } from './artifact.ts'
import { MetricExpressions } from './metric-expressions.ts'
import { SageMakerLearner } from './sagemaker-learner.ts'

/** Gradient-boosted trees, the built-in learner (`lib/learners/trees`). Names follow LightGBM's where it has them. */
export const TreesLearner = z.strictObject({
  kind: z.literal('trees'),
  trees: z.int().min(1).max(10_000).default(200),
  leaves: z.int().min(2).max(255).default(31),
  learningRate: z.number().gt(0).lte(1).default(0.1),
  minRowsPerLeaf: z.int().min(1).default(20),
  l2: z.number().nonnegative().default(1),
  /** Histogram bins of a feature, the one for missing values not counted. */
  bins: z.int().min(2).max(254).default(254),
  /**
   * How texts are parted: in the order of their mean label, by thresholds ('ordered', the default), or by sets of up to
   * 32 values chosen in each leaf anew ('sets', as LightGBM does; the `bins` most frequent values are known, others
   * count as missing).
   */
  categories: z.enum(['ordered', 'sets']).optional(),
  /** Stop when the validation loss has not improved for this many trees; 0 keeps all trees. */
  earlyStopping: z.int().nonnegative().default(0),
  /**
   * How much the rows of a class count, in training and for early stopping: 'balanced' that all classes weigh the same,
   * or a factor by class (the classes of a binary task are 0 and 1), 1 for those that are not named.
   */
  classWeights: z.union([z.literal('balanced'), z.record(z.string(), z.number().gt(0))]).optional(),
  /** By feature, a number: what the answer does as it grows, all else alike. Not of several classes. */
  monotone: z.record(z.string(), z.enum(['increasing', 'decreasing'])).optional(),
  /** Of a number: it is this quantile of it that is predicted, not the mean. */
  quantile: z.number().gt(0).lt(1).optional(),
  /**
   * Of a ranking: pairs of rows count of which one is among so many first ranks (LightGBM's
   * `lambdarank_truncation_level`); 30 unless it is said.
   */
  truncation: z.int().min(1).optional(),
})
export type TreesLearner = z.infer<typeof TreesLearner>

/**
 * How the probabilities of a classifier are calibrated: by a rising line through the shares of positives, or by a
 * logistic curve (`lib/stats/calibration.ts`); several classes each against all others (`class-calibration.ts`).
 */
export const Calibrate = z.enum(['isotonic', 'platt'])
export type Calibrate = z.infer<typeof Calibrate>

/** Logistic regression of classes, two or several, ridge regression of a number (`lib/learners/linear`). */
export const LinearLearner = z.strictObject({
  kind: z.literal('linear'),
  /**
   * Penalty: half of it times the sum of the squared weights is added to the loss of all rows (scikit-learn's `alpha`
   * of Ridge, 1/`C` of LogisticRegression). Above 0, so that there is one answer, also where features depend on each
   * other or part the classes without a fault.
   */
  l2: z.number().gt(0).default(1),
})
export type LinearLearner = z.infer<typeof LinearLearner>

/** A finished model: an ONNX file that is taken as it is (`lib/learners/finished`). */
export const OnnxLearner = z.strictObject({
  kind: z.literal('onnx'),
  /** Where the file is when a plan is made, from the project's folder; then it is for people. */
  file: z.string().min(1),
  /** By input of the graph the feature that feeds it, or those that become its columns, in their order. */
  inputs: z.record(z.string(), z.union([z.string(), z.array(z.string()).min(1)])).optional(),
  /** The output that holds the scores, where several could. */
  output: z.string().optional(),
  /** Of several scores a row the one that answers: its class where the model names classes, else its column, from 0. */
  class: z.union([z.int(), z.string()]).optional(),
  /** Of a multiclass task: the classes of its columns, in their order, where the model does not name them. */
  classes: z.array(z.string()).min(2).optional(),
  /** Of the file with all that it keeps in files beside it: what the model is known by. Set when a plan is made. */
  model: Digest.optional(),
})
export type OnnxLearner = z.infer<typeof OnnxLearner>

/** Bounds of a program; what goes past one is ended. No part of what its model is. */
const ProgramLimits = z.strictObject({
  /** Less than a step may take. */
  timeoutMs: z
    .number()
    .gt(0)
    .lte(23 * 3_600_000),
  /** Processor time of each of its processes. */
  processorMs: z.number().gt(0).optional(),
  /** Resident memory of all its processes together. */
  memoryBytes: z.int().min(1).optional(),
  /** Of the files that it adds to its folder. */
  diskBytes: z.int().min(1),
})

/** Any program that keeps the contract of SageMaker's training containers (`lib/learners/program`). */
export const ProgramLearner = z.strictObject({
  kind: z.literal('program'),
  /** The program and its arguments, as they are: no shell reads them. */
  command: z.array(z.string().min(1)).min(1),
  /** Where its files are, from the project's folder: for people. */
  folder: z.string().min(1),
  /** The bundle of its files. Set when a plan is made. */
  files: Digest.optional(),
  hyperparameters: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])).default({}),
  /** What its channels hold. */
  data: z.enum(['csv', 'parquet']).default('csv'),
  /** What makes its environment from `requirements.txt` in its folder. */
  environment: z.enum(['none', 'pip', 'uv']).default('none'),
  /** By name: regular expressions whose first group is the value; the last one in the log counts. */
  metrics: MetricExpressions.optional(),
  /** Said of a program that may make other bytes of the same order. */
  deterministic: z.literal(false).optional(),
  /**
   * Said of a program that hands over no predictions, so that nothing is compared with the model that it exports, or
   * only those for the validation rows.
   */
  predictions: z.union([z.literal(false), z.literal('validation')]).optional(),
  /** Whether predictions for rows that are made up must be handed over too: plans of 0.10 do not say so. */
  madeUp: z.literal('required').optional(),
  limits: ProgramLimits.optional(),
})
export type ProgramLearner = z.infer<typeof ProgramLearner>

/** Learners that keep the contract of SageMaker's training containers, here or there. */
export type ContainerLearner = ProgramLearner | SageMakerLearner

export const isOfContainer = (learner: LearnerParameters): learner is ContainerLearner =>
  learner.kind === 'program' || learner.kind === 'sagemaker'

/**
 * What of a learner decides what its models are: that is in packages. Where a finished model or the folder of a program
 * lay when the plan was made, and what a program may take and has to hand over, is not.
 */
export function identityOf(learner: LearnerParameters): LearnerParameters {
  if (learner.kind === 'onnx') return { ...learner, file: 'model.onnx' }
  if (learner.kind === 'sagemaker') {
    const { job: _, madeUp: __, folder, ...rest } = learner
    return { ...rest, ...(folder !== undefined && { folder: '.' }) }
  }
  if (learner.kind !== 'program') return learner
  const { limits: _, madeUp: __, ...rest } = learner
  return { ...rest, folder: '.' }
}

/** The same, in a step key. */
export function learnerInKey(learner: LearnerParameters): Readonly<Record<string, unknown>> {
  if (learner.kind !== 'onnx') return identityOf(learner)
  const { file: _, ...rest } = learner
  return rest
}

/** A learner with other values of some parameters; of a program of hyperparameters. @throws ZodError */
export function withParameters(
  learner: LearnerParameters,
  values: Readonly<Record<string, string | number | boolean>>,
): LearnerParameters {
  if (isOfContainer(learner))
    return LearnerParameters.parse({ ...learner, hyperparameters: { ...learner.hyperparameters, ...values } })
  if (learner.kind === 'outside')
    return LearnerParameters.parse({ ...learner, parameters: { ...learner.parameters, ...values } })
  return LearnerParameters.parse({ ...learner, ...values })
}

/** A learner that `slipway.config.ts` adds (`lib/extensions`). */
export const OutsideLearner = z.strictObject({
  kind: z.literal('outside'),
  /** Its own kind. */
  name: z.string().regex(/^[a-z][a-z0-9-]{0,62}$/, 'names are lower-case letters, digits and dashes, at most 63'),
  parameters: z.record(z.string(), z.json()),
  /**
   * Of the code of the configuration that it was planned with: other code is another model. Set when a plan is made.
   */
  configuration: Digest.optional(),
})
export type OutsideLearner = z.infer<typeof OutsideLearner>

/** A learner in a plan's summary: `160 trees × 31 leaves`. */
export function describeLearner(learner: LearnerParameters): string {
  if (learner.kind === 'trees') return `${learner.trees} trees × ${learner.leaves} leaves`
  if (learner.kind === 'onnx') return `${learner.file}, as it is`
  if (learner.kind === 'linear') return `linear, L2 ${learner.l2}`
  if (learner.kind === 'outside') return learner.name
  if (learner.kind === 'sagemaker') return describeJob(learner)
  return `${learner.command.join(' ')} in ${learner.folder}${learner.deterministic === false ? ', not deterministic' : ''}`
}

const describeJob = ({ image, command, instance, count, job, deterministic }: SageMakerLearner): string =>
  [
    `${command?.join(' ') ?? image} on SageMaker, ${count === 1 ? '' : `${count} × `}${instance}`,
    ...(job?.spot === true ? ['spot'] : []),
    ...(deterministic === false ? ['not deterministic'] : []),
  ].join(', ')

/**
 * The learners a plan may name, one entry each; what carries them out is the table of `lib/learners/learners.ts`, and
 * of a finished model `lib/learners/finished`.
 */
const learners = [TreesLearner, LinearLearner, OnnxLearner, ProgramLearner, SageMakerLearner, OutsideLearner] as const
const kinds = learners.map(({ shape }) => shape.kind.value).filter((kind) => kind !== 'outside')

/** A learner's kind with its parameters: what a train step holds of it. */
export const LearnerParameters = z.discriminatedUnion('kind', learners, {
  error: ({ input }) => `${named(input)}: there are ${kinds.join(', ')}`,
})
export type LearnerParameters = z.infer<typeof LearnerParameters>

const named = (input: unknown): string => {
  const kind = (input as { kind?: unknown } | null | undefined)?.kind
  return kind === undefined ? 'this names no learner' : `no learner is called ${JSON.stringify(kind)}`
}
