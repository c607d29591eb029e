import type { Channel } from '@aws-sdk/client-sagemaker'
import { SlipwayError } from '../formats/errors.ts'
import type { SageMakerLearner } from '../formats/sagemaker-learner.ts'
import { runTag } from './jobs.ts'
import { sageMakerTags } from './names.ts'
import type { TrainingRequest } from './training-job.ts'

/** What a job is for, besides its learner. */
export interface JobPurpose {
  /** `s3://…`, without a slash at its end: channels lie in `input/` below it, outputs come to `output/`. */
  readonly uri: string
  /** Channels by name, with their content type where they have one. */
  readonly channels: Readonly<Record<string, string | undefined>>
  /** Where the container has the script that starts the program. */
  readonly script: string
  /** Variables of the container. */
  readonly env: Readonly<Record<string, string>>
  readonly run: string
  readonly stepKey: string
}

/**
 * The request for a training job of a learner. It holds nothing that differs from one time to the next but the tag of
 * the run: who finds the job later compares it.
 * @throws SlipwayError DEFINITION_INVALID for a plan that says no role
 */
export function trainingRequest(learner: SageMakerLearner, purpose: JobPurpose): TrainingRequest {
  const { image, command, hyperparameters, metrics = {}, instance, count, job } = learner
  if (job === undefined)
    throw new SlipwayError('DEFINITION_INVALID', 'the plan says no role for the job on SageMaker', {
      next: 'plan it anew with sagemaker({ role, … })',
    })
  const { role, volumeGb, timeoutMs, waitMs, spot, subnets, securityGroups, encryptionKey, isolated } = job
  const runtime = Math.ceil(timeoutMs / 1_000)
  const texts = Object.entries(hyperparameters).map(([name, value]) => [name, String(value)])
  const definitions = Object.entries(metrics).map(([Name, Regex]) => ({ Name, Regex }))
  return {
    AlgorithmSpecification: {
      TrainingImage: image,
      TrainingInputMode: 'File',
      // Not an empty list where there are none: algorithms of SageMaker's own fill theirs in.
      ...(definitions.length > 0 && { MetricDefinitions: definitions }),
      ...(command !== undefined && { ContainerEntrypoint: ['/bin/sh', purpose.script], ContainerArguments: command }),
    },
    RoleArn: role,
    HyperParameters: Object.fromEntries(texts) as Record<string, string>,
    InputDataConfig: Object.entries(purpose.channels).map(([name, type]) => channel(purpose.uri, name, type)),
    OutputDataConfig: {
      S3OutputPath: `${purpose.uri}/output`,
      ...(encryptionKey !== undefined && { KmsKeyId: encryptionKey }),
    },
    ResourceConfig: {
      InstanceType: instance as never,
      InstanceCount: count,
      VolumeSizeInGB: volumeGb,
      ...(encryptionKey !== undefined && { VolumeKmsKeyId: encryptionKey }),
    },
    StoppingCondition: {
      MaxRuntimeInSeconds: runtime,
      ...(spot === true && { MaxWaitTimeInSeconds: runtime + Math.ceil(waitMs / 1_000) }),
    },
    ...(spot === true && {
      EnableManagedSpotTraining: true,
      CheckpointConfig: { S3Uri: `${purpose.uri}/checkpoints`, LocalPath: '/opt/ml/checkpoints' },
    }),
    ...(subnets !== undefined && { VpcConfig: { Subnets: subnets, SecurityGroupIds: securityGroups ?? [] } }),
    ...(isolated === true && { EnableNetworkIsolation: true }),
    Environment: purpose.env,
    Tags: [...sageMakerTags({ step: purpose.stepKey, files: learner.files }), { Key: runTag, Value: purpose.run }],
  }
}

const channel = (uri: string, name: string, contentType: string | undefined): Channel => ({
  ChannelName: name,
  ...(contentType !== undefined && { ContentType: contentType }),
  DataSource: {
    S3DataSource: {
      S3DataType: 'S3Prefix',
      S3Uri: `${uri}/input/${name}/`,
      S3DataDistributionType: 'FullyReplicated',
    },
  },
})
