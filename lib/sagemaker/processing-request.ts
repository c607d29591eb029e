import type { ProcessingInput } from '@aws-sdk/client-sagemaker'
import { SlipwayError } from '../formats/errors.ts'
import type { ProcessingProgram } from '../formats/step-program.ts'
import { runTag } from './jobs.ts'
import { sageMakerTags } from './names.ts'
import type { ProcessingRequest } from './processing-job.ts'

/** What a processing job is for, besides its program. */
export interface ProcessingPurpose {
  /**
   * `s3://…`, without a slash at its end: inputs lie in `input/<name>/` below it, what the program is told in
   * `slipway/`, its files in `code/`; outputs come to `output/<name>/`.
   */
  readonly uri: string
  readonly inputs: readonly string[]
  readonly outputs: readonly string[]
  /** The script that starts the program, in `slipway/`. */
  readonly script: string
  readonly run: string
  readonly stepKey: string
}

/** Where containers have what they read and write. */
export const processingFolder = '/opt/ml/processing'

/**
 * The request for a processing job of a step. It holds nothing that differs from one time to the next but the tag of
 * the run: who finds the job later compares it.
 * @throws SlipwayError DEFINITION_INVALID for a plan that says no role
 */
export function processingRequest(program: ProcessingProgram, purpose: ProcessingPurpose): ProcessingRequest {
  const { image, command, instance, count, files, job } = program
  if (job === undefined)
    throw new SlipwayError('DEFINITION_INVALID', 'the plan says no role for the job on SageMaker', {
      next: 'plan it anew with sagemakerProcessing({ role, … })',
    })
  const { role, volumeGb, timeoutMs, subnets, securityGroups, encryptionKey, isolated } = job
  const { uri, inputs, outputs, script } = purpose
  const network = {
    ...(isolated === true && { EnableNetworkIsolation: true }),
    ...(subnets !== undefined && { VpcConfig: { Subnets: subnets, SecurityGroupIds: securityGroups ?? [] } }),
  }
  return {
    AppSpecification: {
      ImageUri: image,
      ...(command !== undefined && {
        ContainerEntrypoint: ['/bin/sh', `${processingFolder}/slipway/${script}`],
        ContainerArguments: command,
      }),
    },
    RoleArn: role,
    ProcessingInputs: [
      ...inputs.map((name) => input(uri, name, `input/${name}`)),
      input(uri, '_slipway', 'slipway'),
      ...(files === undefined ? [] : [input(uri, '_code', 'code')]),
    ],
    ProcessingOutputConfig: {
      Outputs: outputs.map((name) => ({
        OutputName: name,
        S3Output: {
          S3Uri: `${uri}/output/${name}`,
          LocalPath: `${processingFolder}/output/${name}`,
          S3UploadMode: 'EndOfJob',
        },
      })),
      ...(encryptionKey !== undefined && { KmsKeyId: encryptionKey }),
    },
    ProcessingResources: {
      ClusterConfig: {
        InstanceType: instance as never,
        InstanceCount: count,
        VolumeSizeInGB: volumeGb,
        ...(encryptionKey !== undefined && { VolumeKmsKeyId: encryptionKey }),
      },
    },
    StoppingCondition: { MaxRuntimeInSeconds: Math.ceil(timeoutMs / 1_000) },
    ...(Object.keys(network).length > 0 && { NetworkConfig: network }),
    Tags: [...sageMakerTags({ step: purpose.stepKey, files }), { Key: runTag, Value: purpose.run }],
  }
}

const input = (uri: string, name: string, folder: string): ProcessingInput => ({
  InputName: name,
  S3Input: {
    S3Uri: `${uri}/${folder}/`,
    LocalPath: `${processingFolder}/${folder}`,
    S3DataType: 'S3Prefix',
    S3InputMode: 'File',
    S3DataDistributionType: 'FullyReplicated',
    S3CompressionType: 'None',
  },
})
