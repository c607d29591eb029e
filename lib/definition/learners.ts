import type { z } from 'zod'
import { SlipwayError } from '../formats/errors.ts'
import { LinearLearner, OnnxLearner, OutsideLearner, ProgramLearner, TreesLearner } from '../formats/learner.ts'
import { longestJobMs, SageMakerLearner } from '../formats/sagemaker-learner.ts'
import { bytesOf, type Size } from './bytes.ts'
import { type Duration, durationMs } from './duration.ts'

/** Gradient-boosted trees, trained in process; see `TreesLearner` for the parameters and their defaults. */
export function trees(options: Omit<z.input<typeof TreesLearner>, 'kind'> = {}): TreesLearner {
  return TreesLearner.parse({ kind: 'trees', ...options })
}

/** Logistic regression of a yes/no target, ridge regression of a number; see `LinearLearner` for the penalty. */
export function linear(options: Omit<z.input<typeof LinearLearner>, 'kind'> = {}): LinearLearner {
  return LinearLearner.parse({ kind: 'linear', ...options })
}

export interface ProgramOptions extends Omit<z.input<typeof ProgramLearner>, 'kind' | 'files' | 'limits' | 'madeUp'> {
  /** How long it may take: 23 hours unless less is said, for a step takes a day at most. */
  readonly timeout?: Duration
  /** Processor time that each of its processes may take. */
  readonly processorTime?: Duration
  /** Memory that all its processes together may take. */
  readonly memory?: Size
  /** Room for the files that it writes. */
  readonly disk?: Size
}

/**
 * Any program that keeps the contract of SageMaker's training containers; see `ProgramLearner` for the parameters and
 * their defaults. Its folder is stored with the plan.
 */
export function program(options: ProgramOptions): ProgramLearner {
  const { timeout = '23h', processorTime, memory, disk = '10GB', ...given } = options
  const limits = {
    timeoutMs: durationMs(timeout),
    ...(processorTime !== undefined && { processorMs: durationMs(processorTime) }),
    ...(memory !== undefined && { memoryBytes: bytesOf(memory) }),
    diskBytes: bytesOf(disk),
  }
  return ProgramLearner.parse({ kind: 'program', ...given, madeUp: 'required', limits })
}

/** How a job on SageMaker is carried out. */
export interface JobOptions {
  /** The ARN of the role that SageMaker takes for the job. */
  readonly role: string
  /** Of each instance, in GB: 30 unless it is said. */
  readonly volume?: number | undefined
  /** How long it may run: 22 hours unless less is said, for a step takes a day at most. */
  readonly timeout?: Duration | undefined
  /** How long it may wait for instances, spot interruptions included: an hour unless it is said. */
  readonly wait?: Duration | undefined
  readonly spot?: boolean | undefined
  readonly network?:
    | { readonly subnets: readonly string[]; readonly securityGroups: readonly string[] }
    | 'none'
    | undefined
  /** A KMS key. */
  readonly encryptionKey?: string | undefined
}

export interface SageMakerOptions
  extends Omit<z.input<typeof SageMakerLearner>, 'kind' | 'files' | 'job' | 'madeUp'>,
    JobOptions {}

/**
 * A training job on SageMaker: the same folder and contract as `program`, in a container of yours there; see
 * `SageMakerLearner` for the parameters and their defaults.
 */
export function sagemaker(options: SageMakerOptions): SageMakerLearner {
  const { role, volume, timeout, wait, spot, network, encryptionKey, ...given } = options
  const job = jobSettings({ role, volume, timeout, wait, spot, network, encryptionKey })
  return SageMakerLearner.parse({ kind: 'sagemaker', ...given, madeUp: 'required', job })
}

/** @throws SlipwayError DEFINITION_INVALID where it may take longer than a step */
export function jobSettings(options: JobOptions) {
  const { role, volume, timeout = '22h', wait = '1h', spot, network, encryptionKey } = options
  const job = {
    role,
    volumeGb: volume,
    timeoutMs: durationMs(timeout),
    waitMs: durationMs(wait),
    ...(spot === true && { spot }),
    ...(network === 'none' ? { isolated: true } : network),
    ...(encryptionKey !== undefined && { encryptionKey }),
  }
  if (job.timeoutMs + job.waitMs > longestJobMs)
    throw new SlipwayError(
      'DEFINITION_INVALID',
      `the job may wait ${wait} and run ${timeout}: more than 23 h together`,
      {
        next: 'say a shorter `timeout` or `wait`',
      },
    )
  return job
}

/**
 * A finished model in the place of one that is trained; see `OnnxLearner` for how its inputs and outputs are named.
 * @param file from the project's folder
 */
export function onnx(
  file: string,
  options: Omit<z.input<typeof OnnxLearner>, 'kind' | 'file' | 'model'> = {},
): OnnxLearner {
  return OnnxLearner.parse({ kind: 'onnx', file, ...options })
}

/**
 * A learner that `slipway.config.ts` adds; its parameters are checked when the pipeline is planned.
 * @param kind its name
 */
export function learner(kind: string, parameters: OutsideLearner['parameters'] = {}): OutsideLearner {
  return OutsideLearner.parse({ kind: 'outside', name: kind, parameters })
}
